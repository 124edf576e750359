//! Reverse proxies that we know, and which client stands behind them.

use std::net::IpAddr;
use std::str::FromStr;

use http::header::FORWARDED;
use http::{HeaderMap, HeaderName};
use ipnet::IpNet;

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// Networks whose word about the client's address counts. Anybody else's is ignored.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TrustedProxies(Vec<IpNet>);

/// The one header in which our proxies write the client. They pass others on as the client sent them.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum ProxyHeader {
    #[default]
    XForwardedFor,
    /// RFC 7239.
    Forwarded,
}

/// Another header than those that can be read.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" is neither X-Forwarded-For nor Forwarded")]
pub struct BadHeader(String);

impl FromStr for ProxyHeader {
    type Err = BadHeader;

    fn from_str(text: &str) -> Result<Self, BadHeader> {
        match text.to_ascii_lowercase().as_str() {
            "x-forwarded-for" => Ok(Self::XForwardedFor),
            "forwarded" => Ok(Self::Forwarded),
            _ => Err(BadHeader(text.to_owned())),
        }
    }
}

/// An entry that is neither an address nor a network.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
#[error("\"{0}\" is neither an address nor a network such as 10.0.0.0/8")]
pub struct BadNetwork(String);

impl FromStr for TrustedProxies {
    type Err = BadNetwork;

    fn from_str(text: &str) -> Result<Self, BadNetwork> {
        let entries = text.split(',').map(str::trim).filter(|entry| !entry.is_empty());
        entries.map(read_network).collect::<Result<_, _>>().map(Self)
    }
}

fn read_network(text: &str) -> Result<IpNet, BadNetwork> {
    let network = text.parse().ok();
    network
        .or_else(|| text.parse::<IpAddr>().ok().map(IpNet::from))
        .ok_or_else(|| BadNetwork(text.to_owned()))
}

impl TrustedProxies {
    /// The client that a request comes from: the first address, seen from us, that is not a proxy of ours.
    pub fn find_client(&self, peer: IpAddr, headers: &HeaderMap, written_in: ProxyHeader) -> IpAddr {
        let peer = peer.to_canonical();
        if !self.is_trusted(peer) {
            return peer;
        }
        let hops = match written_in {
            ProxyHeader::XForwardedFor => read_list(headers),
            ProxyHeader::Forwarded => read_forwarded(headers),
        };
        self.walk(peer, &hops).unwrap_or(peer)
    }

    /// Whether the address is one of our proxies; as IPv6 writes it, an IPv4 address is the same.
    pub fn is_trusted(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|network| network.contains(&address))
    }

    /// From the right, where our own proxies wrote, to the first address that is not one of them.
    fn walk(&self, peer: IpAddr, hops: &[Option<IpAddr>]) -> Option<IpAddr> {
        let mut client = None;
        for hop in hops.iter().rev() {
            let Some(address) = hop else {
                return client.or(Some(peer));
            };
            client = Some(*address);
            if !self.is_trusted(*address) {
                break;
            }
        }
        client
    }
}

fn read_list(headers: &HeaderMap) -> Vec<Option<IpAddr>> {
    let lines = headers.get_all(X_FORWARDED_FOR).iter();
    lines
        .flat_map(|line| line.to_str().unwrap_or("?").split(','))
        .map(read_address)
        .collect()
}

fn read_forwarded(headers: &HeaderMap) -> Vec<Option<IpAddr>> {
    let lines = headers.get_all(FORWARDED).iter();
    lines
        .flat_map(|line| line.to_str().unwrap_or("?").split(','))
        .map(|element| {
            let pairs = element.split(';').filter_map(|pair| pair.trim().split_once('='));
            let mut by = pairs.filter(|(name, _)| name.eq_ignore_ascii_case("for"));
            by.next().and_then(|(_, value)| read_address(value))
        })
        .collect()
}

/// `192.0.2.1`, `192.0.2.1:4711`, `2001:db8::1`, `"[2001:db8::1]:4711"`.
fn read_address(text: &str) -> Option<IpAddr> {
    let text = text.trim().trim_matches('"');
    let bare = match text.strip_prefix('[') {
        Some(rest) => rest.split(']').next()?,
        None if text.matches(':').count() == 1 => text.split(':').next()?,
        None => text,
    };
    bare.parse().ok().map(|address: IpAddr| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, Ipv6Addr};

    use http::HeaderValue;
    use proptest::prelude::*;
    use testing::damage::damaged;

    use super::*;

    fn find(peer: &str, written_in: ProxyHeader, lines: &[Vec<u8>]) -> IpAddr {
        let name = match written_in {
            ProxyHeader::XForwardedFor => X_FORWARDED_FOR,
            ProxyHeader::Forwarded => FORWARDED,
        };
        let proxies: TrustedProxies = "10.0.0.0/8, 127.0.0.1, fd00::/8".parse().unwrap();
        let mut headers = HeaderMap::new();
        for line in lines.iter().filter_map(|line| HeaderValue::from_bytes(line).ok()) {
            headers.append(&name, line);
        }
        proxies.find_client(peer.parse().unwrap(), &headers, written_in)
    }

    fn any_stranger() -> impl Strategy<Value = IpAddr> {
        let v4 = any::<[u8; 4]>().prop_map(|octets| IpAddr::from(Ipv4Addr::from(octets)));
        let v6 = any::<[u8; 16]>().prop_map(|octets| IpAddr::from(Ipv6Addr::from(octets)).to_canonical());
        let proxies: TrustedProxies = "10.0.0.0/8, 127.0.0.1, fd00::/8".parse().unwrap();
        prop_oneof![v4, v6].prop_filter("no proxy", move |address| !proxies.is_trusted(*address))
    }

    fn written(address: IpAddr, port: Option<u16>) -> String {
        match (address, port) {
            (IpAddr::V6(address), Some(port)) => format!("\"[{address}]:{port}\""),
            (address, Some(port)) => format!("{address}:{port}"),
            (address, None) => address.to_string(),
        }
    }

    proptest! {
        #[test]
        fn nothing_that_a_stranger_sends_changes_who_they_are(lines in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..80), 0..4)) {
            for written_in in [ProxyHeader::XForwardedFor, ProxyHeader::Forwarded] {
                prop_assert_eq!(find("192.0.2.1", written_in, &lines).to_string(), "192.0.2.1");
            }
        }

        #[test]
        fn what_stands_before_the_address_that_our_proxy_wrote_changes_nothing(
            claimed in damaged(b"198.51.100.7, \"[2001:db8::1]:99\", for=10.0.0.1;by=_x, unknown"),
            client in any_stranger(),
            port in any::<Option<u16>>(),
        ) {
            let seen = written(client, port);
            let lines = [claimed.clone(), seen.clone().into_bytes()];
            prop_assert_eq!(find("127.0.0.1", ProxyHeader::XForwardedFor, &lines), client);
            let lines = [claimed, format!("proto=https;FOR={seen}").into_bytes()];
            prop_assert_eq!(find("10.2.3.4", ProxyHeader::Forwarded, &lines), client);
        }

        #[test]
        fn addresses_read_back_in_every_spelling(address in any_stranger(), port in any::<Option<u16>>()) {
            prop_assert_eq!(read_address(&format!(" {} ", written(address, port))), Some(address));
        }

        #[test]
        fn a_refused_list_names_the_wrong_entry(text in "\\PC{0,60}|[0-9a-f:./, ]{0,60}") {
            if let Err(BadNetwork(entry)) = text.parse::<TrustedProxies>() {
                prop_assert!(!entry.is_empty() && text.contains(&entry));
            }
        }
    }

    fn check(peer: &str, headers: &[(&'static str, &str)], expected: &str) {
        let proxies: TrustedProxies = "10.0.0.0/8, 127.0.0.1, fd00::/8".parse().unwrap();
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.append(*name, value.parse().unwrap());
        }
        let (first, _) = headers.first().copied().unwrap_or(("x-forwarded-for", ""));
        let found = proxies.find_client(peer.parse().unwrap(), &map, first.parse().unwrap());
        assert_eq!(found, expected.parse::<IpAddr>().unwrap(), "{peer} {headers:?}");
    }

    #[test]
    fn a_stranger_can_claim_nothing() {
        check("192.0.2.1", &[("x-forwarded-for", "198.51.100.7")], "192.0.2.1");
        check("192.0.2.1", &[("forwarded", "for=198.51.100.7")], "192.0.2.1");
    }

    #[test]
    fn behind_known_proxies_the_nearest_unknown_address_counts() {
        check("127.0.0.1", &[("x-forwarded-for", "198.51.100.7")], "198.51.100.7");
        check(
            "::ffff:127.0.0.1",
            &[("x-forwarded-for", "198.51.100.7:99")],
            "198.51.100.7",
        );
        check(
            "127.0.0.1",
            &[("x-forwarded-for", "6.6.6.6, 198.51.100.7, 10.1.2.3")],
            "198.51.100.7",
        );
        check(
            "127.0.0.1",
            &[("x-forwarded-for", "6.6.6.6"), ("x-forwarded-for", "198.51.100.7")],
            "198.51.100.7",
        );
        check(
            "10.9.9.9",
            &[("forwarded", "for=6.6.6.6, For=\"[2001:db8::7]:4711\";proto=https")],
            "2001:db8::7",
        );
        check("127.0.0.1", &[("x-forwarded-for", "10.1.2.3")], "10.1.2.3");
    }

    #[test]
    fn what_cannot_be_read_is_not_believed() {
        check("127.0.0.1", &[], "127.0.0.1");
        check("127.0.0.1", &[("x-forwarded-for", "unknown")], "127.0.0.1");
        check(
            "127.0.0.1",
            &[("x-forwarded-for", "198.51.100.7, garbage, 10.0.0.2")],
            "10.0.0.2",
        );
        check("127.0.0.1", &[("forwarded", "for=_hidden")], "127.0.0.1");
    }

    #[test]
    fn a_header_that_our_proxies_do_not_write_hides_nobody() {
        let (list, forwarded) = (("x-forwarded-for", "198.51.100.7"), ("forwarded", "for=6.6.6.6"));
        check("127.0.0.1", &[list, forwarded], "198.51.100.7");
        check(
            "127.0.0.1",
            &[("forwarded", "for=198.51.100.7"), ("x-forwarded-for", "6.6.6.6")],
            "198.51.100.7",
        );
        assert!("x-real-ip".parse::<ProxyHeader>().is_err());
    }

    #[test]
    fn a_list_with_a_mistake_is_refused() {
        let error = "10.0.0.0/8, proxy".parse::<TrustedProxies>().unwrap_err();
        assert_eq!(error, BadNetwork("proxy".into()));
    }
}
