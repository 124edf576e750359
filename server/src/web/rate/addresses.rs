//! What is remembered of addresses: each has a count of its own while there is room, then shares one with its neighbours.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use governor::nanos::Nanos;
use governor::state::StateStore;
use governor::state::keyed::ShrinkableKeyedStateStore;
use ipnet::IpNet;

use crate::web::client::{HOUSEHOLD, Width, network_around};

/// From a household over a site and a provider to all of IPv4 and all of IPv6, for which there is always room.
const WIDTHS: [Width; 4] = [HOUSEHOLD, (24, 48), (16, 32), (0, 0)];
const WIDEST: usize = WIDTHS.len() - 1;

type Levels = [HashMap<IpNet, Nanos>; WIDTHS.len()];

/// The counts of addresses, in the narrowest networks that there is room for.
///
/// Who has a count keeps it, whoever comes. A crowd of new ones shares those of its own networks, and thereby takes nothing
/// from who lives elsewhere: to fill the sites as well, it has to come from so many of them.
pub struct AddressStates {
    most_per_width: usize,
    levels: Mutex<Levels>,
}

impl AddressStates {
    pub fn new(most_per_width: usize) -> Self {
        Self {
            most_per_width,
            levels: Mutex::default(),
        }
    }

    fn lock(&self) -> MutexGuard<'_, Levels> {
        self.levels.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl StateStore for AddressStates {
    type Key = IpAddr;

    fn measure_and_replace<T, F, E>(&self, address: &IpAddr, measure: F) -> Result<T, E>
    where
        F: Fn(Option<Nanos>) -> Result<(T, Nanos), E>,
    {
        let mut levels = self.lock();
        let networks = WIDTHS.map(|width| network_around(*address, width));
        let has_place = |level: &usize| {
            levels[*level].contains_key(&networks[*level]) || levels[*level].len() < self.most_per_width
        };
        let level = (0..WIDEST).find(has_place).unwrap_or(WIDEST);
        let known = levels[level].get(&networks[level]).copied();
        let (outcome, next) = measure(known)?;
        levels[level].insert(networks[level], next);
        Ok(outcome)
    }
}

impl ShrinkableKeyedStateStore<IpAddr> for AddressStates {
    fn retain_recent(&self, drop_below: Nanos) {
        for states in self.lock().iter_mut() {
            states.retain(|_, state| *state > drop_below);
        }
    }

    fn shrink_to_fit(&self) {
        self.lock().iter_mut().for_each(HashMap::shrink_to_fit);
    }

    fn len(&self) -> usize {
        self.lock().iter().map(HashMap::len).sum()
    }

    fn is_empty(&self) -> bool {
        self.lock().iter().all(HashMap::is_empty)
    }
}
