//! What handlers ask for, over a test's own database.

use std::sync::Arc;

use app::api::session::SessionCookies;
use services::auth::SignedIn;
use services::{Actor, Keys, Origin, ServiceConfig, Services, SystemClock, SystemRandom};
use testing::TestDatabase;
use tokio::sync::watch;
use types::BasePath;
use types::people::{LoginForm, NewUserForm, Role, SetupForm};

use super::{AppState, Edge, Stop};
use crate::config::{Config, EdgeConfig, leptos_options};
use crate::metrics::Metrics;

const PASSWORD: &str = "a long enough password";

/// The state of a server that nobody starts.
pub struct TestState {
    pub app: AppState,
    _stopping: watch::Sender<bool>,
}

impl TestState {
    /// With the default settings, but for what `change` changes.
    pub fn over(database: &TestDatabase, change: impl FnOnce(&mut EdgeConfig)) -> Self {
        let nowhere = std::env::temp_dir().join("mamcrawler-has-no-files");
        let set = ("MAMCRAWLER_DATA_DIR".to_owned(), nowhere.to_string_lossy().into_owned());
        let mut config = Config::read([set].into(), None, false).unwrap();
        change(&mut config.edge);
        let services = Services::new(
            database.pool().clone(),
            database.url(),
            ServiceConfig::new(nowhere),
            &Keys::new([7; 32], [9; 32]),
            Arc::new(SystemClock),
            Arc::new(SystemRandom),
        );
        let (stopping, stop) = watch::channel(false);
        let app = AppState {
            services,
            leptos: leptos_options(None, config.listen).unwrap(),
            cookies: SessionCookies::default(),
            base: BasePath::ROOT,
            edge: Edge::new(config.edge),
            stop: Stop(stop),
            metrics: Metrics::default(),
        };
        Self {
            app,
            _stopping: stopping,
        }
    }

    /// Makes the admin "anna".
    pub async fn set_up_admin(&self) -> SignedIn {
        let services = &self.app.services;
        let token = services::setup::ensure_setup_token(services).await.unwrap();
        let form = SetupForm {
            token: token.expect("nobody is there yet"),
            username: "anna".into(),
            password: PASSWORD.into(),
        };
        services::setup::complete_setup(services, form, Origin::default())
            .await
            .unwrap()
    }

    /// Makes somebody and signs them in.
    pub async fn add_person(&self, admin: &Actor, username: &str, role: Role) -> SignedIn {
        let form = NewUserForm {
            username: username.into(),
            password: PASSWORD.into(),
            role,
        };
        services::users::create_user(&self.app.services, admin, form)
            .await
            .unwrap();
        self.sign_in(username).await
    }

    /// Another sign-in of somebody.
    pub async fn sign_in(&self, username: &str) -> SignedIn {
        let form = LoginForm {
            username: username.into(),
            password: PASSWORD.into(),
        };
        services::auth::login(&self.app.services, form, Origin::default())
            .await
            .unwrap()
    }
}

/// The access token.
pub fn bearer_of(signed_in: &SignedIn) -> &str {
    &signed_in.tokens.access_token
}
