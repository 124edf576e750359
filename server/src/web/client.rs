//! The address that a request really comes from.

use std::net::{IpAddr, SocketAddr};

use axum::extract::{ConnectInfo, Request, State};
use axum::middleware::Next;
use axum::response::Response;
use ipnet::IpNet;

use super::edge::Edge;

/// How many bits of an address of IPv4, and of IPv6, are looked at.
pub type Width = (u8, u8);
/// Who counts as one: an IPv4 address, or a /64, which a household of IPv6 gets at least.
pub const HOUSEHOLD: Width = (32, 64);

/// The network of that width around an address; as IPv6 writes it, an IPv4 address is the same.
pub fn network_around(address: IpAddr, (v4, v6): Width) -> IpNet {
    let address = address.to_canonical();
    let bits = if address.is_ipv4() { v4 } else { v6 };
    IpNet::new(address, bits)
        .expect("a width has no more bits than an address")
        .trunc()
}

/// The client's address, after trusted proxies. On every request that came by a connection.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClientAddress(pub IpAddr);

/// Puts [`ClientAddress`] into the request.
pub async fn find_client(State(edge): State<Edge>, mut request: Request, next: Next) -> Response {
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>();
    if let Some(peer) = peer.map(|peer| peer.0.ip()) {
        let client = edge
            .config
            .trusted_proxies
            .find_client(peer, request.headers(), edge.config.proxy_header);
        request.extensions_mut().insert(ClientAddress(client));
    }
    next.run(request).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_household_of_ipv6_counts_as_one() {
        let household = |text: &str| network_around(text.parse().unwrap(), HOUSEHOLD);
        assert_eq!(household("2001:db8:1:2:3::4"), household("2001:db8:1:2:ffff::1"));
        assert_ne!(household("2001:db8:1:2::1"), household("2001:db8:1:3::1"));
        assert_eq!(household("::ffff:192.0.2.1"), household("192.0.2.1"));
        assert_ne!(household("192.0.2.1"), household("192.0.2.2"));
    }
}
