//! Names to addresses: looked up once, judged, and connected to as they are, so that a name that points elsewhere a
//! moment later gains nothing.

use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use async_trait::async_trait;
use reqwest::Url;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use url::Host;

use super::reach::{Reach, Zone, zone_of};

/// The network below HTTP. Tests bring one of their own, so that they open nothing but loopback.
#[async_trait]
pub trait Network: Send + Sync {
    /// The addresses behind a name.
    async fn resolve(&self, host: &str) -> io::Result<Vec<IpAddr>>;

    /// Where a connection to an address that passed goes; port 0 is the URL's own.
    fn dial(&self, address: IpAddr) -> SocketAddr {
        SocketAddr::new(address, 0)
    }
}

/// The machine's own resolver.
pub struct SystemNetwork;

#[async_trait]
impl Network for SystemNetwork {
    async fn resolve(&self, host: &str) -> io::Result<Vec<IpAddr>> {
        let found = tokio::net::lookup_host((host, 0)).await?;
        Ok(found.map(|address| address.ip()).collect())
    }
}

/// Why nothing may be sent to `url`: by its writing, or by every address behind its name. `None`: it may, or the name has
/// no address now.
///
/// For answers before a request; the connection itself is judged anew.
pub(crate) async fn judge_url(network: &dyn Network, reach: Reach, url: &Url) -> Option<&'static str> {
    if let Some(reason) = reach.refuse_url(url) {
        return Some(reason);
    }
    let Some(Host::Domain(name)) = url.host() else {
        return None;
    };
    let found = network.resolve(name).await.ok()?;
    keep_allowed(reach, &found).err().map(|refused| refused.reason)
}

/// Whether `url` leads into a private network or to this machine, and nowhere on the public internet. Its port and the
/// rest of its writing do not count; a name without an address leads nowhere.
pub(crate) async fn is_in_house(network: &dyn Network, url: &Url) -> bool {
    let found = match url.host() {
        Some(Host::Domain(name)) => network.resolve(name).await.unwrap_or_default(),
        Some(Host::Ipv4(address)) => vec![address.into()],
        Some(Host::Ipv6(address)) => vec![address.into()],
        None => Vec::new(),
    };
    let zones: Vec<Zone> = found.into_iter().map(zone_of).collect();
    let is_ours = |zone: &Zone| matches!(zone, Zone::Private | Zone::Loopback);
    zones.iter().any(is_ours) && !zones.contains(&Zone::Public)
}

/// No address behind a name may be connected to.
#[derive(Debug, thiserror::Error)]
#[error("the address is refused: {reason}")]
pub(super) struct RefusedAddress {
    pub reason: &'static str,
}

/// Gives HTTP only the addresses that may be reached. HTTP connects to just these, without a lookup of its own.
pub(super) struct GuardedResolver {
    pub network: Arc<dyn Network>,
    pub reach: Reach,
}

impl Resolve for GuardedResolver {
    fn resolve(&self, name: Name) -> Resolving {
        let (network, reach) = (Arc::clone(&self.network), self.reach);
        Box::pin(async move {
            let found = network.resolve(name.as_str()).await?;
            let allowed = keep_allowed(reach, &found)?;
            let dialled: Vec<SocketAddr> = allowed.into_iter().map(|address| network.dial(address)).collect();
            Ok(Box::new(dialled.into_iter()) as Addrs)
        })
    }
}

/// The addresses that may be reached; an error when there are addresses, but none of these.
fn keep_allowed(reach: Reach, found: &[IpAddr]) -> Result<Vec<IpAddr>, RefusedAddress> {
    let mut refused = None;
    let mut allowed = Vec::new();
    for address in found {
        match reach.refuse(*address) {
            Some(reason) => refused = Some(RefusedAddress { reason }),
            None => allowed.push(*address),
        }
    }
    match refused {
        Some(refused) if allowed.is_empty() => Err(refused),
        _ => Ok(allowed),
    }
}
