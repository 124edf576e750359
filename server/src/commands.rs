//! The commands: put the parts together, run until told to stop, take them apart in order.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result, ensure};
use app::api::session::SessionCookies;
use db::embedded::{EmbeddedOptions, EmbeddedPostgres};
use jobs::{Options, Worker};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use secrecy::ExposeSecret;
use services::jobs::{JobHandler, enqueue_unfinished};
use services::key_rotation::{Unopened, check_key, rotate_secrets};
use services::{Clock, ServiceConfig, Services, SystemClock, SystemRandom};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use crate::config::{self, Config};
use crate::database_wait::{Patience, migrate_when_reached};
use crate::key_hold::KeyHold;
use crate::metrics::{Metrics, MetricsDoor};
use crate::traces::{Sending, Traces};
use crate::web::{AppState, ConnectionLimits, Edge, Stop, build_router, serve_connections};

/// Open connections get this long to finish after a stop was asked for; event streams end at once.
const DRAIN: Duration = Duration::from_secs(8);

/// Serves people and programs, and works.
pub async fn serve(config: Config, traces: Option<Traces>) -> Result<()> {
    raise_file_limit();
    warn_of_open_doors(&config);
    let mut ground = Ground::lay(&config, "server").await?;
    let services = &ground.services;
    let metrics = Metrics::install(&config.metrics)?;
    let traces = traces.map(Traces::start);
    if let Some(path) = &config.provision {
        let text =
            std::fs::read_to_string(path).with_context(|| format!("MAMCRAWLER_PROVISION names {}", path.display()))?;
        let added = services::provision::apply_provision(services, &text).await?;
        tracing::info!(added = added.len(), "provisioned from {}", path.display());
    }
    if let Some(token) = services::setup::ensure_setup_token(services).await? {
        let page = config.base_path.at("/setup");
        tracing::info!("nobody has an account yet; make the admin at {page} with this setup token: {token}");
    }
    let worker = start_worker(&config, services).await?;
    let (stopping, stop) = watch::channel(false);
    let state = AppState {
        services: services.clone(),
        leptos: config::leptos_options(config.site_root.as_deref(), config.listen)?,
        cookies: SessionCookies {
            secure: config.has_secure_cookies,
            base: config.base_path,
        },
        base: config.base_path,
        edge: Edge::new(config.edge.clone()),
        stop: Stop(stop),
        metrics: metrics.clone(),
    };
    let listener = TcpListener::bind(config.listen).await.with_context(|| {
        format!(
            "{} can't be listened on. Stop what uses it, or set MAMCRAWLER_LISTEN to another address",
            config.listen
        )
    })?;
    let metrics_door = MetricsDoor::open(&config.metrics, &metrics, services).await?;
    tracing::info!(
        "mamcrawler serves http://{}{}",
        listener.local_addr()?,
        config.base_path.as_str()
    );
    let mut ended = Ok(());
    let stop = async {
        ended = wait_until_no_more(&mut ground.key_hold).await;
        tracing::info!("stopping");
        stopping.send_replace(true);
    };
    serve_until(listener, state, stop).await;
    worker.stop().await;
    finish_traces(traces).await;
    drop(metrics_door);
    ground.clear().await;
    ended
}

/// Works on the queue of the same database, without listening.
pub async fn work(config: Config, traces: Option<Traces>) -> Result<()> {
    let mut ground = Ground::lay(&config, "worker").await?;
    let metrics = Metrics::install(&config.metrics)?;
    let traces = traces.map(Traces::start);
    let metrics_door = MetricsDoor::open(&config.metrics, &metrics, &ground.services).await?;
    let worker = start_worker(&config, &ground.services).await?;
    tracing::info!("mamcrawler works");
    let ended = wait_until_no_more(&mut ground.key_hold).await;
    worker.stop().await;
    finish_traces(traces).await;
    drop(metrics_door);
    ground.clear().await;
    ended
}

/// Brings the database up to date.
pub async fn migrate(config: Config) -> Result<()> {
    Ground::lay(&config, "migration").await?.clear().await;
    tracing::info!("the database is up to date");
    Ok(())
}

/// Signs with a new key from the next start on; what the old one signed stays good until it runs out.
pub fn rotate_signing_key(config: &Config) -> Result<()> {
    config::rotate_signing_key(config, SystemClock.now())?;
    tracing::info!("made a new signing key; restart every `serve` and `worker` to use it");
    Ok(())
}

/// Changes the encryption key and seals everything anew. Cut off half-way, it goes on when it is started again.
pub async fn rotate_key(config: Config, forget_unreadable: bool) -> Result<()> {
    let (url, postgres) = open_database(&config).await?;
    let claim = db::sealed::claim_key(&url)
        .await?
        .context("a mamcrawler uses this database. Stop every `serve` and `worker`, then run this again")?;
    let unopened = if forget_unreadable {
        Unopened::Forget
    } else {
        Unopened::Keep
    };
    if unopened == Unopened::Keep {
        check_key(&build_services(&config, &url, "key rotation")?).await?;
        config::begin_key_change(&config)?;
    }
    let services = build_services(&config, &url, "key rotation")?;
    let rotated = rotate_secrets(&services, unopened).await?;
    if unopened == Unopened::Keep {
        ensure!(
            rotated.unreadable == 0,
            "{} values were sealed anew, but no key opens {} others; the old key is kept. Give the right old key in \
             MAMCRAWLER_ENCRYPTION_KEY_OLD, or run `mamcrawler rotate-key --forget-unreadable` to give them up",
            rotated.resealed,
            rotated.unreadable
        );
    }
    config::end_key_change(&config)?;
    match unopened {
        Unopened::Keep => tracing::info!(
            "the encryption key is changed; {} values were sealed anew",
            rotated.resealed
        ),
        Unopened::Forget => tracing::info!(
            "{} values were sealed anew and {} that no key opens were given up; enter passwords and keys again",
            rotated.resealed,
            rotated.unreadable
        ),
    }
    drop(claim);
    drop(services);
    if let Some(postgres) = postgres {
        postgres.stop().await;
    }
    Ok(())
}

/// What every command that uses the secrets stands on.
struct Ground {
    services: Services,
    key_hold: KeyHold,
    // Must be the last field: PostgreSQL stops after its pool is gone.
    postgres: Option<EmbeddedPostgres>,
}

impl Ground {
    async fn lay(config: &Config, role: &str) -> Result<Self> {
        let (url, postgres) = open_database(config).await?;
        let lock = db::sealed::hold_key(&url)
            .await?
            .context("`mamcrawler rotate-key` is at work on this database. Start again when it has ended")?;
        let services = build_services(config, &url, role)?;
        check_key(&services).await?;
        Ok(Self {
            key_hold: KeyHold::keep(lock, &url, &services),
            services,
            postgres,
        })
    }

    async fn clear(self) {
        services::events::stop_listening(&self.services).await;
        drop(self.services);
        drop(self.key_hold);
        if let Some(postgres) = self.postgres {
            postgres.stop().await;
        }
    }
}

/// The use cases under the keys of this installation, for a process that people know as its `role`.
pub fn build_services(config: &Config, url: &str, role: &str) -> Result<Services> {
    let keys = config::load_keys(config)?.expose();
    let pool = db::connect(url, config.database_connections)?;
    let service_config = ServiceConfig {
        process: name_process(role),
        data_dir: config.data_dir.clone(),
        ffmpeg: config.ffmpeg.clone(),
        ffprobe: config.ffprobe.clone(),
        mam_spacing_ms: config.mam_spacing_ms,
        mam_daily_budget: config.mam_daily_budget,
        poll_active_ms: config.poll_active_ms,
        max_api_key_days: config.max_api_key_days,
        backup_dir: config.backup_dir.clone(),
        postgres_bin: config.postgres_bin.clone(),
        base_path: config.base_path,
    };
    Ok(Services::new(
        pool,
        url,
        service_config,
        &keys,
        Arc::new(SystemClock),
        Arc::new(SystemRandom),
    ))
}

/// "worker on attic (process 71)"; in a container, the machine's name is the container's.
fn name_process(role: &str) -> String {
    let names = rustix::system::uname();
    let machine = names.nodename().to_string_lossy();
    format!("{role} on {machine} (process {})", std::process::id())
}

/// The database, made and brought up to date.
async fn open_database(config: &Config) -> Result<(String, Option<EmbeddedPostgres>)> {
    // First of all, so that nothing is made or reached with secrets that are refused.
    config::check_secrets(config)?;
    std::fs::create_dir_all(&config.data_dir).with_context(|| format!("making {}", config.data_dir.display()))?;
    let (url, postgres) = find_database(config).await?;
    migrate_when_reached(&url, Patience::of(config.database_wait)).await?;
    Ok((url, postgres))
}

/// The configured database, or the embedded one.
pub async fn find_database(config: &Config) -> Result<(String, Option<EmbeddedPostgres>)> {
    if let Some(url) = &config.database_url {
        return Ok((url.expose_secret().to_owned(), None));
    }
    let options = EmbeddedOptions {
        data_dir: config.data_dir.join("postgres"),
        bin_dir: config.postgres_bin.clone(),
        dies_with_parent: false,
    };
    let postgres = EmbeddedPostgres::start(options).await?;
    postgres.ensure_database("mamcrawler").await?;
    Ok((postgres.url("mamcrawler"), Some(postgres)))
}

/// Says what is missing when there is no database: [`find_database`] would make one.
pub fn ensure_database_is_there(config: &Config) -> Result<()> {
    let folder = config.data_dir.join("postgres");
    ensure!(
        config.database_url.is_some() || db::embedded::has_cluster(&folder),
        "There is no database: DATABASE_URL is not set, and {} holds none. Set DATABASE_URL, or MAMCRAWLER_DATA_DIR, to \
         what `mamcrawler serve` has",
        folder.display()
    );
    Ok(())
}

async fn start_worker(config: &Config, services: &Services) -> Result<Worker> {
    services::runs::ensure_job_definitions(services).await?;
    let unfinished = enqueue_unfinished(services).await?;
    if unfinished > 0 {
        tracing::info!(unfinished, "went on with what an earlier process left");
    }
    let lease = Duration::from_secs(config.job_lease_seconds);
    let handler = Arc::new(JobHandler {
        services: services.clone(),
    });
    Ok(services::runs::start_worker(services, handler, |options| Options {
        concurrency: config.worker_slots,
        lease,
        heartbeat: lease / 6,
        stop_grace: DRAIN.min(lease / 2),
        poll_every: Duration::from_millis(u64::from(config.poll_active_ms)).min(options.poll_every),
        ..options
    }))
}

/// After what is traced has ended, so that its last spans go out too.
async fn finish_traces(traces: Option<Sending>) {
    if let Some(sending) = traces {
        sending.finish().await;
    }
}

async fn serve_until(listener: TcpListener, state: AppState, stop: impl Future<Output = ()>) {
    let edge = &state.edge.config;
    let limits = ConnectionLimits {
        connections: edge.connections,
        connections_per_address: edge.connections_per_address,
        trusted_proxies: edge.trusted_proxies.clone(),
        read_timeout: edge.read_timeout,
        write_timeout: edge.write_timeout,
        drain: DRAIN,
    };
    serve_connections(listener, build_router(state), limits, stop).await;
}

/// Each connection is a file handle; the system mostly allows more than it gives at first.
fn raise_file_limit() {
    let limit = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: limit.maximum,
        ..limit
    };
    if let Err(error) = setrlimit(Resource::Nofile, raised) {
        tracing::warn!("the number of open files stays at {:?}: {error}", limit.current);
    }
}

/// Says at the start what an admin should know before others find out.
fn warn_of_open_doors(config: &Config) {
    if config.edge.allowed_hosts.is_empty() && !config.listen.ip().is_loopback() {
        tracing::warn!(
            "MAMCRAWLER_ALLOWED_HOSTS is not set: mamcrawler answers to any host name. Set it to the name that people use"
        );
    }
    if config.is_production && !config.has_secure_cookies {
        tracing::warn!(
            "MAMCRAWLER_SECURE_COOKIES is not set: sign-ins also travel without TLS. Set it to true once people use https"
        );
    }
}

/// Returns when the process has to stop: asked to, or with the reason why it can't go on.
async fn wait_until_no_more(key_hold: &mut KeyHold) -> Result<()> {
    tokio::select! {
        () = wait_for_stop() => Ok(()),
        reason = key_hold.wait_for_loss() => Err(reason),
    }
}

/// Returns when the process is asked to stop.
pub async fn wait_for_stop() {
    let mut terminate = signal(SignalKind::terminate()).expect("signals can be listened for");
    let mut interrupt = signal(SignalKind::interrupt()).expect("signals can be listened for");
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
}
