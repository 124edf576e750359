//! Ports for servers that tests start.

use std::net::TcpListener;
use std::sync::atomic::{AtomicU32, Ordering};

use anyhow::Context;

/// Above the sandbox's own block and below the ports that the system gives to outgoing connections.
const FIRST: u32 = 26_000;
const LAST: u32 = 32_700;
static TAKEN: AtomicU32 = AtomicU32::new(0);

/// Different ports that are free now and that no outgoing connection takes, so a server finds its own again.
pub fn pick_ports<const N: usize>() -> anyhow::Result<[u16; N]> {
    // Processes begin in different places.
    let start = std::process::id().wrapping_mul(37);
    let mut ports = [0; N];
    for port in &mut ports {
        *port = (0..LAST - FIRST)
            .map(|_| FIRST + start.wrapping_add(TAKEN.fetch_add(1, Ordering::Relaxed)) % (LAST - FIRST))
            .filter_map(|candidate| u16::try_from(candidate).ok())
            .find(|candidate| TcpListener::bind(("127.0.0.1", *candidate)).is_ok())
            .context("no port is free")?;
    }
    Ok(ports)
}
