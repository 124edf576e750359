//! Stand-ins for the outside services, for demos and tests: MyAnonamouse, Prowlarr, a Torznab feed, Audiobookshelf, a tracker,
//! a qBittorrent that seeds real audio, and a second one that is the user's own client. Everything listens on 127.0.0.1 only.
//! It shares no code with the product, so that it checks the product.
#![expect(
    clippy::disallowed_methods,
    reason = "a program of its own: its time, randomness and HTTP come straight from the machine"
)]

mod audio;
mod audiobookshelf;
mod catalogue;
mod control;
mod covers;
mod files;
mod myanonamouse;
mod oidc;
mod provision;
mod prowlarr;
mod releases;
mod state;
mod swarm;
mod torrents;
mod torznab;
mod tracker;

use std::fs::{self, File};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Instant;

use anyhow::{Context, Result, bail};
use axum::Router;
use axum::middleware::from_fn_with_state;
use clap::{Parser, Subcommand};
use tokio::net::TcpListener;
use tokio::signal::unix::{SignalKind, signal};

use crate::catalogue::Catalogue;
use crate::myanonamouse::Member;
use crate::state::{Faults, Ports, Sandbox, Secrets, Shared, load_or_create, record_request, replace_file};
use crate::swarm::{ClientSettings, UserClient, start_qbittorrent};

#[derive(Parser)]
#[command(version, about = "Stand-ins for the outside services of mamcrawler")]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Start everything and run until told to stop.
    Serve(ServeOptions),
    /// Start only the single sign-on provider, on a free port.
    ServeOidc {
        /// Write address and credentials to this JSON file when it listens.
        #[arg(long)]
        print: PathBuf,
    },
}

#[derive(clap::Args)]
struct ServeOptions {
    /// Where audio, profiles and state are kept; the next start goes on from there.
    #[arg(long)]
    dir: PathBuf,
    /// The first of nine ports; without it free ones are chosen at the first start and kept.
    #[arg(long)]
    port_base: Option<u16>,
    /// How many books Audiobookshelf owns, at the first start.
    #[arg(long, default_value_t = 340)]
    items: usize,
    /// Keep the made audio here, for other sandboxes to start without making it again.
    #[arg(long)]
    cache: Option<PathBuf>,
    /// Write addresses and credentials to this JSON file when all is ready.
    #[arg(long)]
    print: Option<PathBuf>,
}

fn main() -> Result<()> {
    let command = Arguments::parse().command;
    // The children end with the thread that started them, so that must be a thread that lives as long as we do: this one.
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()?
        .block_on(async {
            match command {
                Command::Serve(options) => serve(options).await,
                Command::ServeOidc { print } => oidc::serve_alone(&print).await,
            }
        })
}

async fn serve(options: ServeOptions) -> Result<()> {
    let started = Instant::now();
    check_tools()?;
    for folder in ["", "downloads", "library"] {
        fs::create_dir_all(options.dir.join(folder)).with_context(|| format!("creating {}", options.dir.display()))?;
    }
    let dir = options.dir.canonicalize()?;
    let lock_file = File::create(dir.join("lock"))?;
    if lock_file.try_lock().is_err() {
        bail!(
            "Another sandbox uses {}. Stop it, or choose another --dir.",
            dir.display()
        );
    }
    println!("sandbox: preparing the releases in {}", dir.display());
    let catalogue = prepare_catalogue(&dir, options.cache.as_deref()).await?;
    println!(
        "sandbox: {} releases after {:.1} s",
        catalogue.rows.len(),
        started.elapsed().as_secs_f64()
    );
    let ports = choose_ports(&dir, options.port_base)?;
    let secrets = load_or_create(&dir.join("secrets.json"), || Ok(Secrets::generate()))?;
    let member = load_or_create(&dir.join("member.json"), || Ok(Member::create(&secrets)))?;
    let shelf = load_or_create(&dir.join("shelf.json"), || {
        Ok(audiobookshelf::seed_shelf(&dir.join("library"), options.items))
    })?;
    let settings = ClientSettings::of_user(&dir, &ports, &secrets);
    let client_secret = load_or_create(&dir.join("oidc.json"), || Ok(oidc::client_secret()))?;
    let faults = Arc::new(Faults::default());
    let sign_in_provider = oidc::Provider::new(ports.control, client_secret, Arc::clone(&faults))?;
    let sandbox: Shared = Arc::new(Sandbox {
        dir,
        ports,
        secrets,
        catalogue,
        faults,
        sign_in_provider: Arc::new(sign_in_provider),
        journal: Default::default(),
        member: Mutex::new(member),
        swarms: Default::default(),
        shelf: Mutex::new(shelf),
        user_client: tokio::sync::Mutex::new(UserClient {
            running: None,
            settings,
        }),
    });
    listen(&sandbox).await?;
    let seeder = start_swarm(&sandbox).await?;
    provision::write_provision(&sandbox);
    if let Some(path) = &options.print {
        replace_file(path, &serde_json::to_vec_pretty(&provision::describe(&sandbox))?)?;
    }
    println!(
        "sandbox: ready after {:.1} s; control at http://127.0.0.1:{}/control/state",
        started.elapsed().as_secs_f64(),
        sandbox.ports.control
    );
    wait_for_signal().await?;
    println!("sandbox: stopping");
    sandbox.user_client.lock().await.switch(false).await?;
    seeder.stop().await;
    Ok(())
}

/// Makes the audio in `<dir>/seeds`, or takes it from the cache, which one sandbox at a time fills.
async fn prepare_catalogue(dir: &Path, cache: Option<&Path>) -> Result<Catalogue> {
    let Some(cache) = cache else {
        return audio::prepare_catalogue(dir).await;
    };
    fs::create_dir_all(cache).with_context(|| format!("creating {}", cache.display()))?;
    let lock_file = File::create(cache.join("lock"))?;
    lock_file.lock()?;
    let seeds = dir.join("seeds");
    if !seeds.exists() {
        std::os::unix::fs::symlink(cache.canonicalize()?, &seeds)?;
    }
    audio::prepare_catalogue(dir).await
}

fn check_tools() -> Result<()> {
    for (tool, package) in [
        ("ffmpeg", "ffmpeg"),
        ("ffprobe", "ffmpeg"),
        ("qbittorrent-nox", "qbittorrent-nox"),
        ("setpriv", "util-linux"),
    ] {
        let path = std::env::var_os("PATH").unwrap_or_default();
        if !std::env::split_paths(&path).any(|folder| folder.join(tool).is_file()) {
            bail!("{tool} is missing. Install it with: apt-get install {package}");
        }
    }
    Ok(())
}

/// Ports stay the same from start to start, unless a base is given.
fn choose_ports(dir: &Path, base: Option<u16>) -> Result<Ports> {
    let path = dir.join("ports.json");
    if base.is_some() {
        let ports = Ports::choose(base)?;
        state::store(&path, &ports)?;
        return Ok(ports);
    }
    load_or_create(&path, || Ports::choose(None))
}

async fn listen(sandbox: &Shared) -> Result<()> {
    let ports = &sandbox.ports;
    let services: [(&str, u16, Router<Shared>); 5] = [
        (
            "control",
            ports.control,
            control::router()
                .merge(oidc::control_routes(&sandbox.sign_in_provider))
                .merge(oidc::router(&sandbox.sign_in_provider)),
        ),
        ("mam", ports.myanonamouse, myanonamouse::router(sandbox)),
        ("prowlarr", ports.prowlarr, prowlarr::router(sandbox)),
        ("abs", ports.audiobookshelf, audiobookshelf::router(sandbox)),
        ("tracker", ports.tracker, tracker::router()),
    ];
    for (name, port, router) in services {
        let listener = TcpListener::bind(("127.0.0.1", port)).await.with_context(|| {
            format!("Port {port} on 127.0.0.1, which the sandbox's {name} uses, is taken. Stop what uses it, or start with another --port-base.")
        })?;
        // The control's own requests are no part of the journal.
        let router = if name == "control" {
            router
        } else {
            router.layer(from_fn_with_state((sandbox.clone(), name), record_request))
        };
        let service = router
            .with_state(sandbox.clone())
            .into_make_service_with_connect_info::<SocketAddr>();
        tokio::spawn(async move {
            if let Err(error) = axum::serve(listener, service).await {
                eprintln!("sandbox: {name} ended: {error}");
            }
        });
    }
    Ok(())
}

/// Starts both qBittorrents and waits until the catalogue is seeded.
async fn start_swarm(sandbox: &Shared) -> Result<swarm::Qbittorrent> {
    println!("sandbox: starting the seeder and the user's client");
    let seeder_settings = ClientSettings::of_seeder(&sandbox.dir, &sandbox.ports);
    let mut client = sandbox.user_client.lock().await;
    let client_settings = client.settings.clone();
    let (seeder, user) = tokio::join!(start_qbittorrent(&seeder_settings), start_qbittorrent(&client_settings));
    let seeder = seeder?;
    client.running = Some(user?);
    let announce = format!(
        "http://127.0.0.1:{}/{}/announce",
        sandbox.ports.tracker, sandbox.secrets.uploader_passkey
    );
    let seeding = seeder
        .seed_catalogue(&sandbox.catalogue, &sandbox.dir.join("seeds"), &announce)
        .await?;
    println!("sandbox: {seeding} torrents are seeded");
    Ok(seeder)
}

/// Ends when the process is told to.
async fn stopped() {
    if let Err(error) = wait_for_signal().await {
        eprintln!("sandbox: signals can't be waited for: {error:#}");
    }
}

async fn wait_for_signal() -> Result<()> {
    let (mut interrupt, mut terminate) = (signal(SignalKind::interrupt())?, signal(SignalKind::terminate())?);
    tokio::select! {
        _ = interrupt.recv() => {}
        _ = terminate.recv() => {}
    }
    Ok(())
}
