//! A migrated database of its own for each test, in one PostgreSQL per test process: an embedded one, or the server that
//! `TEST_DATABASE_URL` names, to test on other versions.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::thread;

use db::embedded::{EmbeddedOptions, EmbeddedPostgres};
use diesel::QueryableByName;
use diesel::sql_types::Text;
use diesel_async::{AsyncConnection, RunQueryDsl, SimpleAsyncConnection};
use tokio::sync::OnceCell;

const PREFIX: &str = "mamcrawler-test-";
const GIVEN: &str = "TEST_DATABASE_URL";

static POSTGRES: OnceCell<Server> = OnceCell::const_new();
static NEXT: AtomicU32 = AtomicU32::new(0);

/// A database with every migration applied and nothing in it. Dropped with the value.
pub struct TestDatabase {
    name: String,
    url: String,
    admin_url: String,
    pool: db::Pool,
}

impl TestDatabase {
    /// Makes one; the first call of a process also starts PostgreSQL, which ends with the process, however that ends.
    pub async fn new() -> Self {
        let postgres = POSTGRES.get_or_init(start_postgres).await;
        let name = format!("test_{}_{}", std::process::id(), NEXT.fetch_add(1, Ordering::Relaxed));
        let admin_url = postgres.url("postgres");
        run(&admin_url, &format!("CREATE DATABASE {name} TEMPLATE {}", template())).await;
        let url = postgres.url(&name);
        let pool = db::connect(&url, 8).expect("a pool needs no connection yet");
        Self {
            name,
            url,
            admin_url,
            pool,
        }
    }

    /// A pool of up to 8 connections.
    pub fn pool(&self) -> &db::Pool {
        &self.pool
    }

    /// For code that makes its own connections.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Every table by name ("table users") with all its rows as text, to look for what must not be there.
    pub async fn dump(&self) -> Vec<(String, String)> {
        let mut conn = self.connection().await;
        let tables = "SELECT table_name::text AS text FROM information_schema.tables WHERE table_schema = 'public'";
        let tables: Vec<TextRow> = diesel::sql_query(tables)
            .load(&mut conn)
            .await
            .expect("the tables can be listed");
        let mut dumped = Vec::new();
        for TextRow { text: table } in tables {
            let sql = format!("SELECT coalesce(string_agg(t::text, E'\\n'), '') AS text FROM {table} t");
            let rows: TextRow = diesel::sql_query(sql)
                .get_result(&mut conn)
                .await
                .expect("every table can be read");
            dumped.push((format!("table {table}"), rows.text));
        }
        dumped
    }

    /// Runs statements of SQL, for what can't be had by a use case.
    pub async fn run_sql(&self, sql: &str) {
        run(&self.url, sql).await;
    }

    /// Lets everybody who reads the table wait until this connection is dropped.
    pub async fn lock_table(&self, table: &str) -> db::Connection {
        let mut conn = db::Connection::establish(&self.url)
            .await
            .expect("the test's PostgreSQL answers");
        let sql = format!("BEGIN; LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE");
        conn.batch_execute(&sql).await.expect("nobody holds the table");
        conn
    }

    /// How many advisory locks are held in it.
    pub async fn count_advisory_locks(&self) -> i64 {
        let query = format!("SELECT count(*)::text AS text {ADVISORY_LOCKS}");
        let counted: TextRow = diesel::sql_query(query)
            .get_result(&mut self.connection().await)
            .await
            .expect("locks can be counted");
        counted.text.parse().expect("a count is a number")
    }

    /// Ends the connections that hold them, as a restart of PostgreSQL does.
    pub async fn end_who_hold_advisory_locks(&self) {
        self.run_sql(&format!("SELECT pg_terminate_backend(pid) {ADVISORY_LOCKS}"))
            .await;
    }

    /// A connection of the pool.
    pub async fn connection(&self) -> db::PooledConnection {
        db::get(&self.pool).await.expect("the test's PostgreSQL answers")
    }
}

const ADVISORY_LOCKS: &str = "FROM pg_locks JOIN pg_database ON oid = database
    WHERE locktype = 'advisory' AND datname = current_database()";

#[derive(QueryableByName)]
struct TextRow {
    #[diesel(sql_type = Text)]
    text: String,
}

impl Drop for TestDatabase {
    fn drop(&mut self) {
        let (admin_url, sql) = (
            self.admin_url.clone(),
            format!("DROP DATABASE {} WITH (FORCE)", self.name),
        );
        // The test's own runtime may be ending, and can't be blocked on.
        let dropping = thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread()
                .enable_all()
                .build()
                .expect("a runtime");
            runtime.block_on(run(&admin_url, &sql));
        });
        if dropping.join().is_err() {
            eprintln!("the test database {} could not be dropped", self.name);
        }
    }
}

enum Server {
    Own(EmbeddedPostgres),
    /// Its address, up to the name of a database.
    Given(String),
}

impl Server {
    fn url(&self, database: &str) -> String {
        match self {
            Self::Own(postgres) => postgres.url(database),
            Self::Given(base) => format!("{base}/{database}"),
        }
    }
}

/// Several test processes may share a given server.
fn template() -> String {
    format!("mamcrawler_template_{}", std::process::id())
}

#[expect(
    clippy::disallowed_methods,
    reason = "test code may ask the environment which server to use"
)]
async fn start_postgres() -> Server {
    let server = match std::env::var(GIVEN) {
        Ok(url) => {
            let (base, _database) = url.rsplit_once('/').expect("TEST_DATABASE_URL ends with /<database>");
            Server::Given(base.to_owned())
        }
        Err(_) => Server::Own(start_own().await),
    };
    let template = template();
    run(&server.url("postgres"), &format!("CREATE DATABASE {template}")).await;
    db::migrate(&server.url(&template))
        .await
        .expect("the migrations apply to an empty database");
    server
}

async fn start_own() -> EmbeddedPostgres {
    sweep_leftovers();
    let data_dir = std::env::temp_dir().join(format!("{PREFIX}{}", std::process::id()));
    let options = EmbeddedOptions {
        data_dir,
        bin_dir: None,
        dies_with_parent: true,
    };
    let postgres = EmbeddedPostgres::start(options)
        .await
        .unwrap_or_else(|error| panic!("{error}"));
    for setting in ["fsync", "full_page_writes", "synchronous_commit"] {
        run(&postgres.url("postgres"), &format!("ALTER SYSTEM SET {setting} = off")).await;
    }
    run(&postgres.url("postgres"), "SELECT pg_reload_conf()").await;
    postgres
}

/// Removes what earlier test processes left: nothing runs at exit, as a static is never dropped.
fn sweep_leftovers() {
    for entry in std::fs::read_dir(std::env::temp_dir()).into_iter().flatten().flatten() {
        let path = entry.path();
        if is_leftover(&path)
            && let Err(error) = std::fs::remove_dir_all(&path)
        {
            eprintln!(
                "{} of an earlier test run could not be removed: {error}",
                path.display()
            );
        }
    }
}

fn is_leftover(path: &Path) -> bool {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default();
    let Some(process) = name.strip_prefix(PREFIX) else {
        return false;
    };
    process.parse::<u32>().is_ok() && !PathBuf::from("/proc").join(process).exists()
}

async fn run(url: &str, sql: &str) {
    let mut conn = db::Connection::establish(url)
        .await
        .expect("the test's PostgreSQL answers");
    conn.batch_execute(sql)
        .await
        .unwrap_or_else(|error| panic!("{sql}: {error}"));
}
