//! An installation for one test: database, clock, use cases, people.

#![expect(clippy::unwrap_used, reason = "a set-up that fails is the test's failure")]

use std::sync::Arc;
use std::time::Duration;

use chrono::{DateTime, Utc};
use diesel::sql_types::Text;
use diesel_async::RunQueryDsl;
use services::{Actor, Clock, Keys, Origin, ServiceConfig, Services, SystemRandom, auth, setup, users};
use testing::{FakeClock, TestDatabase};
use types::integrations::{IntegrationForm, IntegrationKind, IntegrationOptions};
use types::people::{LoginForm, NewUserForm, Role, SetupForm};

/// For what happens in the background.
pub const PATIENCE: Duration = Duration::from_secs(20);
pub const PASSWORD: &str = "correct horse battery";

pub struct TestClock(pub Arc<FakeClock>);

impl Clock for TestClock {
    fn now(&self) -> DateTime<Utc> {
        self.0.now()
    }
}

pub struct TestApp {
    pub database: TestDatabase,
    pub clock: Arc<FakeClock>,
    pub services: Services,
    _data: tempfile::TempDir,
}

impl TestApp {
    pub async fn new() -> Self {
        let database = TestDatabase::new().await;
        let clock = Arc::new(FakeClock::default());
        let data = tempfile::tempdir().unwrap();
        let pool = database.pool().clone();
        let services = new_services(pool, (database.url(), &clock), (data.path(), &own_keys()));
        Self {
            database,
            clock,
            services,
            _data: data,
        }
    }

    /// The use cases after a restart: nothing is kept but database and keys.
    pub fn restarted(&self) -> Services {
        self.services_with(&own_keys())
    }

    /// The use cases of another process, which people know by this name.
    pub fn process(&self, name: &str) -> Services {
        let config = ServiceConfig {
            process: name.into(),
            ..test_config(self._data.path())
        };
        let pool = self.database.pool().clone();
        services_of(pool, (self.database.url(), &self.clock), (config, &own_keys()))
    }

    /// The use cases of a process with other keys.
    pub fn services_with(&self, keys: &Keys) -> Services {
        let pool = self.database.pool().clone();
        new_services(pool, (self.database.url(), &self.clock), (self._data.path(), keys))
    }

    /// The use cases of a process with a pool of its own.
    pub fn services_over(&self, pool: db::Pool) -> Services {
        new_services(
            pool,
            (self.database.url(), &self.clock),
            (self._data.path(), &own_keys()),
        )
    }

    /// Holds the cover cache.
    pub fn data_dir(&self) -> &std::path::Path {
        self._data.path()
    }

    pub async fn run_sql(&self, sql: &str) {
        let mut conn = self.database.connection().await;
        diesel::sql_query(sql).execute(&mut conn).await.unwrap();
    }

    /// The first admin, set up with the token.
    pub async fn admin(&self) -> Actor {
        let token = setup::ensure_setup_token(&self.services).await.unwrap().unwrap();
        let form = SetupForm {
            token,
            username: "admin".into(),
            password: PASSWORD.into(),
        };
        let signed_in = setup::complete_setup(&self.services, form, Origin::default())
            .await
            .unwrap();
        auth::authenticate(&self.services, &signed_in.tokens.access_token)
            .await
            .unwrap()
    }

    /// Somebody else, signed in.
    pub async fn person(&self, admin: &Actor, username: &str, role: Role) -> Actor {
        let form = NewUserForm {
            username: username.into(),
            password: PASSWORD.into(),
            role,
        };
        users::create_user(&self.services, admin, form).await.unwrap();
        let signed_in = self.login(username, PASSWORD).await.unwrap();
        auth::authenticate(&self.services, &signed_in.tokens.access_token)
            .await
            .unwrap()
    }

    pub async fn login(&self, username: &str, password: &str) -> services::Result<auth::SignedIn> {
        self.login_from(Origin::default(), username, password).await
    }

    pub async fn login_from(&self, origin: Origin, username: &str, password: &str) -> services::Result<auth::SignedIn> {
        let form = LoginForm {
            username: username.into(),
            password: password.into(),
        };
        auth::login(&self.services, form, origin).await
    }

    /// One text from the database.
    pub async fn query_text(&self, sql: &str) -> String {
        #[derive(diesel::QueryableByName)]
        struct Row {
            #[diesel(sql_type = Text)]
            text: String,
        }
        let mut conn = self.database.connection().await;
        let row: Row = diesel::sql_query(format!("SELECT ({sql})::text AS text"))
            .get_result(&mut conn)
            .await
            .unwrap();
        row.text
    }

    /// Waits until a query answers this text.
    pub async fn wait_for_text(&self, sql: &str, expected: &str) {
        let mut seen = String::new();
        let come = async {
            while seen != expected {
                seen = self.query_text(sql).await;
            }
        };
        let in_time = tokio::time::timeout(PATIENCE, come).await;
        assert!(in_time.is_ok(), "{sql} still answers {seen:?}");
    }

    /// Every action in the audit log, in order.
    pub async fn audited(&self) -> String {
        self.query_text("SELECT coalesce(string_agg(action, ' ' ORDER BY id), '') FROM audit_log")
            .await
    }
}

fn own_keys() -> Keys {
    Keys::new([1; 32], [2; 32])
}

fn new_services(
    pool: db::Pool,
    (url, clock): (&str, &Arc<FakeClock>),
    (data_dir, keys): (&std::path::Path, &Keys),
) -> Services {
    services_of(pool, (url, clock), (test_config(data_dir), keys))
}

fn test_config(data_dir: &std::path::Path) -> ServiceConfig {
    ServiceConfig {
        mam_spacing_ms: 60,
        ..ServiceConfig::new(data_dir)
    }
}

fn services_of(
    pool: db::Pool,
    (url, clock): (&str, &Arc<FakeClock>),
    (config, keys): (ServiceConfig, &Keys),
) -> Services {
    let clock = Arc::new(TestClock(Arc::clone(clock)));
    Services::new(pool, url, config, keys, clock, Arc::new(SystemRandom))
}

/// Somebody at this address.
pub fn at_address(address: &str) -> Origin {
    Origin {
        address: Some(address.into()),
        ..Origin::default()
    }
}

pub fn form(kind: IntegrationKind, url: &str, secret: &str) -> IntegrationForm {
    let options = IntegrationOptions {
        rules_accepted: true,
        username: "user".into(),
        ..IntegrationOptions::default()
    };
    IntegrationForm {
        id: None,
        kind,
        name: kind.label().into(),
        url: url.into(),
        is_enabled: true,
        priority: 0,
        secret: secret.into(),
        options,
    }
}
