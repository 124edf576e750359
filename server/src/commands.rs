//! The commands: put the parts together, run until told to stop, take them apart in order.

use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, Result};
use app::api::session::SessionCookies;
use db::embedded::{EmbeddedOptions, EmbeddedPostgres};
use jobs::{Options, Worker};
use secrecy::ExposeSecret;
use services::jobs::{JobHandler, enqueue_unfinished};
use services::{Keys, ServiceConfig, Services, SystemClock, SystemRandom};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use crate::config::{self, Config};
use crate::web::{AppState, Stop, build_router};

/// Open connections get this long to finish after a stop was asked for; event streams end at once.
const DRAIN: Duration = Duration::from_secs(8);

/// Serves people and programs, and works.
pub async fn serve(config: Config) -> Result<()> {
    let ground = Ground::lay(&config).await?;
    let services = &ground.services;
    if let Some(path) = &config.provision {
        let text =
            std::fs::read_to_string(path).with_context(|| format!("MAMCRAWLER_PROVISION names {}", path.display()))?;
        let added = services::provision::apply_provision(services, &text).await?;
        tracing::info!(added = added.len(), "provisioned from {}", path.display());
    }
    if let Some(token) = services::setup::ensure_setup_token(services).await? {
        tracing::info!("nobody has an account yet; make the admin at /setup with this setup token: {token}");
    }
    let worker = start_worker(&config, services).await?;
    let (stopping, stop) = watch::channel(false);
    let state = AppState {
        services: services.clone(),
        leptos: config::leptos_options(config.site_root.as_deref(), config.listen)?,
        cookies: SessionCookies {
            secure: config.has_secure_cookies,
        },
        stop: Stop(stop),
    };
    let listener = TcpListener::bind(config.listen).await.with_context(|| {
        format!(
            "{} can't be listened on. Stop what uses it, or set MAMCRAWLER_LISTEN to another address",
            config.listen
        )
    })?;
    tracing::info!("mamcrawler serves http://{}", listener.local_addr()?);
    serve_until_stopped(listener, state, stopping).await?;
    worker.stop().await;
    ground.clear().await;
    Ok(())
}

/// Works on the queue of the same database, without listening.
pub async fn work(config: Config) -> Result<()> {
    let ground = Ground::lay(&config).await?;
    let worker = start_worker(&config, &ground.services).await?;
    tracing::info!("mamcrawler works");
    wait_for_stop().await;
    worker.stop().await;
    ground.clear().await;
    Ok(())
}

/// Brings the database up to date.
pub async fn migrate(config: Config) -> Result<()> {
    Ground::lay(&config).await?.clear().await;
    tracing::info!("the database is up to date");
    Ok(())
}

/// What every command stands on.
struct Ground {
    services: Services,
    // Must be the last field: PostgreSQL stops after its pool is gone.
    postgres: Option<EmbeddedPostgres>,
}

impl Ground {
    async fn lay(config: &Config) -> Result<Self> {
        std::fs::create_dir_all(&config.data_dir).with_context(|| format!("making {}", config.data_dir.display()))?;
        let keys = config::load_keys(config)?;
        let (url, postgres) = find_database(config).await?;
        db::migrate(&url).await?;
        let pool = db::connect(&url, config.database_connections)?;
        let service_config = ServiceConfig {
            data_dir: config.data_dir.clone(),
            ffmpeg: config.ffmpeg.clone(),
            ffprobe: config.ffprobe.clone(),
            mam_spacing_ms: config.mam_spacing_ms,
            mam_daily_budget: config.mam_daily_budget,
            poll_active_ms: config.poll_active_ms,
        };
        let keys = Keys {
            encryption: *keys.encryption.expose_secret(),
            signing: *keys.signing.expose_secret(),
        };
        let services = Services::new(
            pool,
            &url,
            service_config,
            &keys,
            Arc::new(SystemClock),
            Arc::new(SystemRandom),
        );
        Ok(Self { services, postgres })
    }

    async fn clear(self) {
        drop(self.services);
        if let Some(postgres) = self.postgres {
            postgres.stop().await;
        }
    }
}

/// The configured database, or the embedded one.
async fn find_database(config: &Config) -> Result<(String, Option<EmbeddedPostgres>)> {
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

async fn start_worker(config: &Config, services: &Services) -> Result<Worker> {
    services::runs::ensure_job_definitions(services).await?;
    let unfinished = enqueue_unfinished(services).await?;
    if unfinished > 0 {
        tracing::info!(unfinished, "went on with what an earlier process left");
    }
    let lease = Duration::from_secs(config.job_lease_seconds.max(3));
    let handler = Arc::new(JobHandler {
        services: services.clone(),
    });
    Ok(services::runs::start_worker(services, handler, |options| Options {
        concurrency: config.worker_slots.max(1),
        lease,
        heartbeat: lease / 6,
        stop_grace: DRAIN.min(lease / 2),
        poll_every: Duration::from_millis(u64::from(config.poll_active_ms)).min(options.poll_every),
        ..options
    }))
}

async fn serve_until_stopped(listener: TcpListener, state: AppState, stopping: watch::Sender<bool>) -> Result<()> {
    let router = build_router(state).into_make_service_with_connect_info::<std::net::SocketAddr>();
    let mut stopped = stopping.subscribe();
    let server = axum::serve(listener, router).with_graceful_shutdown(async move {
        wait_for_stop().await;
        tracing::info!("stopping");
        stopping.send_replace(true);
    });
    let too_late = async {
        // An error means that the server ended by itself; then there is nothing to cut.
        if stopped.wait_for(|is_asked| *is_asked).await.is_ok() {
            tokio::time::sleep(DRAIN).await;
        } else {
            std::future::pending::<()>().await;
        }
    };
    tokio::select! {
        served = server.into_future() => Ok(served?),
        () = too_late => Ok(()),
    }
}

async fn wait_for_stop() {
    let mut terminate = signal(SignalKind::terminate()).expect("signals can be listened for");
    let mut interrupt = signal(SignalKind::interrupt()).expect("signals can be listened for");
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
}
