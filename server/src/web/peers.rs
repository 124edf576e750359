//! How many connections an address has open.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use ipnet::IpNet;

use crate::config::TrustedProxies;

use super::client::{HOUSEHOLD, network_around};

/// The open connections of this process, by address.
pub struct Peers {
    most_per_address: usize,
    /// Many people come through them: they count only for the connections at all.
    proxies: TrustedProxies,
    // Holds who is connected, so that it is bounded as the connections are.
    open: Mutex<HashMap<IpNet, Open>>,
}

#[derive(Default)]
struct Open {
    count: usize,
    has_been_logged: bool,
}

/// An address has as many connections open as it may.
#[derive(Debug)]
pub struct Full;

impl Peers {
    pub fn new(most_per_address: usize, proxies: TrustedProxies) -> Self {
        Self {
            most_per_address,
            proxies,
            open: Mutex::default(),
        }
    }

    /// Takes a place for one connection; it is free again when the place is dropped. A trusted proxy needs none.
    ///
    /// # Errors
    /// The address has all that it may.
    pub fn admit(self: &Arc<Self>, peer: IpAddr) -> Result<Option<Place>, Full> {
        if self.proxies.is_trusted(peer) {
            return Ok(None);
        }
        let address = network_around(peer, HOUSEHOLD);
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let entry = open.entry(address).or_default();
        if entry.count >= self.most_per_address {
            // Once while it goes on, as a flood must not fill the log.
            if !std::mem::replace(&mut entry.has_been_logged, true) {
                tracing::warn!(
                    %peer,
                    "{address} has {} connections open, which is the most, so its next ones are closed. If that is \
                     your proxy, name it in MAMCRAWLER_TRUSTED_PROXIES",
                    entry.count
                );
            }
            return Err(Full);
        }
        entry.count += 1;
        Ok(Some(Place {
            peers: Arc::clone(self),
            address,
        }))
    }
}

/// One open connection: belongs into it.
pub struct Place {
    peers: Arc<Peers>,
    address: IpNet,
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut open = self.peers.open.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(entry) = open.get_mut(&self.address) {
            entry.count -= 1;
            if entry.count == 0 {
                open.remove(&self.address);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn peers(most: usize) -> Arc<Peers> {
        Arc::new(Peers::new(most, "10.0.0.0/8, fd00::/8".parse().unwrap()))
    }

    #[test]
    fn an_address_gets_its_share_and_a_closed_connection_gives_its_place_back() {
        let peers = peers(2);
        let admit = |text: &str| peers.admit(text.parse().unwrap());
        let first = admit("2001:db8:1:2::1").unwrap();
        let second = admit("2001:db8:1:2::2").unwrap();
        assert!(admit("2001:db8:1:2:3:4:5:6").is_err(), "one household");
        assert!(admit("2001:db8:1:3::1").is_ok());
        drop(first);
        let third = admit("2001:db8:1:2::1").unwrap();
        assert!(admit("2001:db8:1:2::1").is_err());
        drop((second, third));
        assert!(peers.open.lock().unwrap().is_empty(), "who has gone is forgotten");
    }

    #[test]
    fn a_trusted_proxy_may_have_any_number_and_in_every_spelling() {
        let peers = peers(1);
        let proxies = ["10.1.2.3", "::ffff:10.1.2.3", "fd00::1"].repeat(50);
        let places: Vec<_> = proxies.iter().map(|text| peers.admit(text.parse().unwrap())).collect();
        assert!(places.iter().all(|place| matches!(place, Ok(None))));
        let stranger = "::ffff:192.0.2.1".parse().unwrap();
        let _place = peers.admit(stranger).unwrap();
        assert!(peers.admit("192.0.2.1".parse().unwrap()).is_err());
    }

    proptest! {
        #[test]
        fn nobody_ever_has_more_than_the_most_and_nobody_is_refused_below_it(
            steps in prop::collection::vec((0..4_u8, any::<bool>()), 0..200),
        ) {
            let peers = peers(3);
            let mut places: HashMap<u8, Vec<_>> = HashMap::new();
            for (number, comes) in steps {
                let held = places.entry(number).or_default();
                if comes {
                    let admitted = peers.admit(IpAddr::from([192, 0, 2, number]));
                    prop_assert_eq!(admitted.is_ok(), held.len() < 3);
                    held.extend(admitted);
                } else {
                    held.pop();
                }
            }
        }
    }
}
