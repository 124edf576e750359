//! Where an indexer's download link may lead besides the indexer itself: the public internet, and hosts that the admin named.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use std::sync::Arc;

use clients::torznab::RedirectGuard;
use url::{Host, Url};

/// A guard that lets public addresses and `extra_hosts` pass.
///
/// Names are judged by their look, not resolved: a public name that points into the private network passes.
pub(crate) fn redirect_guard(extra_hosts: &[String]) -> RedirectGuard {
    let extra_hosts: Vec<String> = extra_hosts.iter().map(|host| host.trim().to_lowercase()).collect();
    Arc::new(move |url: &Url| {
        let Some(host) = url.host() else { return false };
        extra_hosts.contains(&host.to_string().to_lowercase()) || is_public(&host)
    })
}

fn is_public(host: &Host<&str>) -> bool {
    match host {
        Host::Domain(name) => is_public_name(&name.trim_end_matches('.').to_lowercase()),
        Host::Ipv4(address) => is_public_v4(*address),
        Host::Ipv6(address) => is_public_v6(*address),
    }
}

fn is_public_name(name: &str) -> bool {
    let private_ends = [
        ".localhost",
        ".local",
        ".lan",
        ".home",
        ".internal",
        ".intranet",
        ".home.arpa",
    ];
    // A name without a dot is a machine next door.
    name.contains('.') && !private_ends.iter().any(|end| name.ends_with(end)) && name.parse::<IpAddr>().is_err()
}

fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, ..] = address.octets();
    let is_shared = a == 100 && (64..128).contains(&b);
    !(address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_multicast()
        || address.is_documentation()
        || is_shared
        || a == 0
        || a >= 240)
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    if let Some(mapped) = address.to_ipv4_mapped() {
        return is_public_v4(mapped);
    }
    // 2000::/3 is what is routed in public; 2001:db8::/32 is for documents.
    let first = address.segments();
    (first[0] & 0xe000) == 0x2000 && !(first[0] == 0x2001 && first[1] == 0x0db8)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_public_addresses_and_named_hosts_pass() {
        let guard = redirect_guard(&["Tracker.lan".into()]);
        for (address, passes) in [
            ("https://tracker.example.org/x", true),
            ("http://tracker.lan/x", true),
            ("http://other.lan/x", false),
            ("http://localhost/x", false),
            ("http://postgres/x", false),
            ("http://127.0.0.1/x", false),
            ("http://2130706433/x", false),
            ("http://169.254.169.254/latest", false),
            ("http://10.0.0.1/x", false),
            ("http://100.64.0.1/x", false),
            ("http://8.8.8.8/x", true),
            ("http://[::1]/x", false),
            ("http://[::ffff:10.0.0.1]/x", false),
            ("http://[fd00::1]/x", false),
            ("http://[2606:4700::1111]/x", true),
        ] {
            assert_eq!(guard(&Url::parse(address).unwrap()), passes, "{address}");
        }
    }
}
