//! Which addresses may be reached, decided on the address itself rather than on its name.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use reqwest::Url;
use url::Host;

/// Who chose the address, and so how far a request may go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reach {
    /// An admin: their own network and this machine too, but nothing that no service of theirs has.
    Admin,
    /// An indexer, a provider or a person: the public internet only.
    Public,
}

/// What an address belongs to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Zone {
    Public,
    /// A private network, by RFC 1918, RFC 4193 or RFC 6598 (carriers and overlay networks).
    Private,
    /// This machine.
    Loopback,
    /// Never asked for, with the reason in words.
    Never(&'static str),
}

const METADATA: Zone = Zone::Never("it is a metadata service of a cloud");
const LINK_LOCAL: Zone = Zone::Never("it is link-local");
const MULTICAST: Zone = Zone::Never("it is multicast");
const DOCUMENTATION: Zone = Zone::Never("it is for documentation");
const UNSPECIFIED: Zone = Zone::Never("it is no host's address");
const RESERVED: Zone = Zone::Never("it is reserved");

/// The metadata services that are outside of the link-local ranges: Alibaba, Oracle, Azure.
const METADATA_V4: [Ipv4Addr; 3] = [
    Ipv4Addr::new(100, 100, 100, 200),
    Ipv4Addr::new(192, 0, 0, 192),
    Ipv4Addr::new(168, 63, 129, 16),
];
/// Amazon's.
const METADATA_V6: Ipv6Addr = Ipv6Addr::new(0xfd00, 0xec2, 0, 0, 0, 0, 0, 0x254);

impl Reach {
    /// Why a request may not go to this address; `None` = it may.
    pub fn refuse(self, address: IpAddr) -> Option<&'static str> {
        match (zone_of(address), self) {
            (Zone::Never(reason), _) => Some(reason),
            (Zone::Public, _) | (_, Self::Admin) => None,
            (Zone::Private, Self::Public) => Some("it is in a private network"),
            (Zone::Loopback, Self::Public) => Some("it is this server itself"),
        }
    }

    /// The same for what can be told from the address as written: scheme, credentials, port, and a host in digits.
    pub fn refuse_url(self, url: &Url) -> Option<&'static str> {
        if !matches!(url.scheme(), "http" | "https") {
            return Some("only http and https are asked");
        }
        if !url.username().is_empty() || url.password().is_some() {
            return Some("it holds a user name or a password");
        }
        match url.port_or_known_default() {
            None | Some(0) => return Some("it has no usable port"),
            // Mail, databases and the like are below; a web server of a stranger is not.
            Some(port) if self == Self::Public && port < 1024 && !matches!(port, 80 | 443) => {
                return Some("its port is not one of the web");
            }
            Some(_) => {}
        }
        match url.host() {
            None => Some("it names no host"),
            Some(Host::Domain(_)) => None,
            Some(Host::Ipv4(address)) => self.refuse(address.into()),
            Some(Host::Ipv6(address)) => self.refuse(address.into()),
        }
    }
}

/// The zone of an address, by the special-purpose registries of IANA.
pub fn zone_of(address: IpAddr) -> Zone {
    match address {
        IpAddr::V4(address) => zone_of_v4(address),
        IpAddr::V6(address) => zone_of_v6(address),
    }
}

fn zone_of_v4(address: Ipv4Addr) -> Zone {
    if METADATA_V4.contains(&address) {
        return METADATA;
    }
    match address.octets() {
        [0, ..] => UNSPECIFIED,
        [127, ..] => Zone::Loopback,
        [169, 254, 169, 254] => METADATA,
        [169, 254, ..] => LINK_LOCAL,
        [10, ..] | [192, 168, ..] | [172, 16..=31, ..] | [100, 64..=127, ..] => Zone::Private,
        // Benchmarks on paper; in practice home routers and proxies answer there.
        [198, 18..=19, ..] => Zone::Private,
        [192, 0, 2, _] | [198, 51, 100, _] | [203, 0, 113, _] => DOCUMENTATION,
        [192, 0, 0, _] | [192, 88, 99, _] => RESERVED,
        [224..=239, ..] => MULTICAST,
        [240..=255, ..] => RESERVED,
        _ => Zone::Public,
    }
}

fn zone_of_v6(address: Ipv6Addr) -> Zone {
    if address == METADATA_V6 {
        return METADATA;
    }
    if address == Ipv6Addr::LOCALHOST {
        return Zone::Loopback;
    }
    if address == Ipv6Addr::UNSPECIFIED {
        return UNSPECIFIED;
    }
    let parts = address.segments();
    if let Some(inner) = embedded_v4(parts) {
        return zone_of_v4(inner);
    }
    match parts {
        // The local prefix of RFC 8215: where its IPv4 address lies in it is the network's own business.
        [0x64, 0xff9b, ..] => RESERVED,
        [0x2001, 0xdb8, ..] | [0x3fff, 0..=0xfff, ..] => DOCUMENTATION,
        // Teredo, ORCHID and the other protocol assignments.
        [0x2001, 0..=0x1ff, ..] => RESERVED,
        [0x2000..=0x3fff, ..] => Zone::Public,
        [0xfc00..=0xfdff, ..] => Zone::Private,
        [0xfe80..=0xfebf, ..] => LINK_LOCAL,
        // Site-local, long deprecated and still in use.
        [0xfec0..=0xfeff, ..] => Zone::Private,
        [0xff00..=0xffff, ..] => MULTICAST,
        _ => RESERVED,
    }
}

/// The IPv4 address that a packet to this one ends at: mapped, compatible, translated (NAT64) or tunnelled (6to4).
fn embedded_v4(parts: [u16; 8]) -> Option<Ipv4Addr> {
    let (high, low) = match parts {
        [0, 0, 0, 0, 0, 0xffff, high, low]
        | [0, 0, 0, 0, 0xffff, 0, high, low]
        | [0, 0, 0, 0, 0, 0, high, low]
        | [0x64, 0xff9b, 0, 0, 0, 0, high, low]
        | [0x2002, high, low, ..] => (high, low),
        _ => return None,
    };
    Some(Ipv4Addr::from((u32::from(high) << 16) | u32::from(low)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_kind_of_address_has_its_zone() {
        for (address, zone) in [
            ("8.8.8.8", Zone::Public),
            ("172.15.255.255", Zone::Public),
            ("172.32.0.0", Zone::Public),
            ("100.63.255.255", Zone::Public),
            ("100.128.0.0", Zone::Public),
            ("2606:4700:4700::1111", Zone::Public),
            ("10.0.0.1", Zone::Private),
            ("172.16.0.1", Zone::Private),
            ("172.31.255.255", Zone::Private),
            ("192.168.1.5", Zone::Private),
            ("100.64.0.1", Zone::Private),
            ("100.127.255.255", Zone::Private),
            ("198.18.0.1", Zone::Private),
            ("fd12:3456::1", Zone::Private),
            ("fec0::1", Zone::Private),
            ("127.0.0.1", Zone::Loopback),
            ("127.255.0.9", Zone::Loopback),
            ("::1", Zone::Loopback),
            ("169.254.169.254", METADATA),
            ("100.100.100.200", METADATA),
            ("192.0.0.192", METADATA),
            ("168.63.129.16", METADATA),
            ("fd00:ec2::254", METADATA),
            ("169.254.0.1", LINK_LOCAL),
            ("fe80::1", LINK_LOCAL),
            ("febf::1", LINK_LOCAL),
            ("0.0.0.0", UNSPECIFIED),
            ("0.1.2.3", UNSPECIFIED),
            ("::", UNSPECIFIED),
            ("224.0.0.1", MULTICAST),
            ("239.255.255.255", MULTICAST),
            ("ff02::1", MULTICAST),
            ("240.0.0.1", RESERVED),
            ("255.255.255.255", RESERVED),
            ("192.0.0.8", RESERVED),
            ("192.0.2.1", DOCUMENTATION),
            ("198.51.100.1", DOCUMENTATION),
            ("203.0.113.1", DOCUMENTATION),
            ("2001:db8::1", DOCUMENTATION),
            ("3fff::1", DOCUMENTATION),
            ("100::1", RESERVED),
            ("5f00::1", RESERVED),
            ("4000::1", RESERVED),
            ("2001::1", RESERVED),
        ] {
            assert_eq!(zone_of(address.parse().unwrap()), zone, "{address}");
        }
    }

    #[test]
    fn an_ipv4_address_within_an_ipv6_address_counts() {
        for (address, zone) in [
            ("::ffff:127.0.0.1", Zone::Loopback),
            ("::ffff:10.0.0.1", Zone::Private),
            ("::ffff:169.254.169.254", METADATA),
            ("::ffff:0:127.0.0.1", Zone::Loopback),
            ("::127.0.0.1", Zone::Loopback),
            ("::ffff:8.8.8.8", Zone::Public),
            ("64:ff9b::10.0.0.1", Zone::Private),
            ("64:ff9b::169.254.169.254", METADATA),
            ("64:ff9b::8.8.8.8", Zone::Public),
            ("64:ff9b:1::8.8.8.8", RESERVED),
            ("2002:7f00:1::", Zone::Loopback),
            ("2002:a9fe:a9fe::1", METADATA),
            ("2002:808:808::1", Zone::Public),
        ] {
            assert_eq!(zone_of(address.parse().unwrap()), zone, "{address}");
        }
    }

    #[test]
    fn strangers_reach_the_public_internet_and_admins_their_own_network_too() {
        for (address, stranger, admin) in [
            ("8.8.8.8", true, true),
            ("192.168.1.5", false, true),
            ("127.0.0.1", false, true),
            ("100.64.0.1", false, true),
            ("169.254.169.254", false, false),
            ("fd00:ec2::254", false, false),
            ("0.0.0.0", false, false),
            ("255.255.255.255", false, false),
            ("ff02::1", false, false),
        ] {
            let address = address.parse().unwrap();
            assert_eq!(Reach::Public.refuse(address).is_none(), stranger, "{address}");
            assert_eq!(Reach::Admin.refuse(address).is_none(), admin, "{address}");
        }
    }

    #[test]
    fn addresses_are_judged_in_every_spelling() {
        for (text, stranger, admin) in [
            ("https://tracker.example/t/1", true, true),
            ("http://tracker.example:8080/", true, true),
            ("http://8.8.8.8/", true, true),
            ("http://127.0.0.1/", false, true),
            ("http://127.0.0.1./", false, true),
            ("http://127.1/", false, true),
            ("http://2130706433/", false, true),
            ("http://0x7f.0.0.1/", false, true),
            ("http://0x7f000001/", false, true),
            ("http://0177.0.0.1/", false, true),
            ("http://①②⑦.⓪.⓪.①/", false, true),
            ("http://%31%32%37.0.0.1/", false, true),
            ("http://[::1]/", false, true),
            ("http://[::ffff:7f00:1]/", false, true),
            ("http://[0:0:0:0:0:ffff:10.0.0.1]/", false, true),
            ("http://2852039166/", false, false),
            ("http://0xa9fea9fe/", false, false),
            ("http://0251.0376.0251.0376/", false, false),
            ("http://[::ffff:169.254.169.254]/", false, false),
            ("http://[fe80::1]/", false, false),
            ("http://0/", false, false),
            ("http://0.0.0.0:8080/", false, false),
            ("http://tracker.example:25/", false, true),
            ("http://tracker.example:22/", false, true),
            ("http://tracker.example:0/", false, false),
            ("http://me@tracker.example/", false, false),
            ("http://me:pass@tracker.example/", false, false),
            ("http://8.8.8.8@127.0.0.1/", false, false),
            ("file:///etc/passwd", false, false),
            ("ftp://tracker.example/", false, false),
            ("gopher://127.0.0.1:6379/_x", false, false),
            ("data:text/plain,x", false, false),
            ("unix:/var/run/docker.sock", false, false),
        ] {
            let url = Url::parse(text).unwrap();
            assert_eq!(Reach::Public.refuse_url(&url).is_none(), stranger, "{text}");
            assert_eq!(Reach::Admin.refuse_url(&url).is_none(), admin, "{text}");
        }
    }

    #[test]
    fn hosts_that_are_no_addresses_do_not_parse() {
        for text in [
            "http://256.256.256.256/",
            "http://1.2.3.4.5/",
            "http://[::1%25eth0]/",
            "http:///x y/",
        ] {
            assert!(Url::parse(text).is_err(), "{text}");
        }
    }
}
