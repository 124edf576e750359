//! Counts requests against the rates. What it remembers is bounded, whoever asks.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use governor::clock::{Clock, DefaultClock, Reference};
use governor::middleware::NoOpMiddleware;
use governor::state::keyed::HashMapStateStore;
use types::{ApiKeyId, UserId};

use crate::config::{Rate, RateClass, Rates};

use super::addresses::AddressStates;

/// Addresses that a class remembers one by one, and then networks of them of each width.
const MOST_ADDRESSES: usize = 50_000;
/// So often, a class forgets who has all of its rate again.
const FORGET_EVERY: Duration = Duration::from_secs(1);

/// Who a request counts for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum Key {
    /// By its API key.
    Program(ApiKeyId),
    Person(UserId),
    /// Of IPv6, a household.
    Address(IpAddr),
}

/// The counts of this process.
pub struct RateLimiter<C: Clock = DefaultClock> {
    classes: Vec<Counter<C>>,
    /// For API keys with a limit of their own, by that limit.
    own: Mutex<HashMap<Rate, Arc<Counter<C>>>>,
    clock: C,
}

impl RateLimiter {
    pub fn new(rates: &Rates) -> Self {
        Self::with_clock(rates, MOST_ADDRESSES, DefaultClock::default())
    }
}

impl<C: Clock + Clone> RateLimiter<C> {
    fn with_clock(rates: &Rates, most_addresses: usize, clock: C) -> Self {
        let classes = RateClass::ALL.map(|class| Counter::new(rates.of(class), most_addresses, clock.clone()));
        Self {
            classes: classes.into(),
            own: Mutex::default(),
            clock,
        }
    }

    /// Counts one request.
    ///
    /// # Errors
    /// The class's rate is used up; nothing was counted.
    pub fn count(&self, class: RateClass, key: &Key) -> Result<(), Exceeded> {
        self.classes[class as usize].count(key, &self.clock)
    }

    /// Counts one request of an API key that has a limit of its own.
    ///
    /// # Errors
    /// That limit is used up; nothing was counted.
    pub fn count_own(&self, rate: Rate, key: &Key) -> Result<(), Exceeded> {
        self.own_counter(rate).count(key, &self.clock)
    }

    fn own_counter(&self, rate: Rate) -> Arc<Counter<C>> {
        let mut own = self.own.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(counter) = own.get(&rate) {
            return Arc::clone(counter);
        }
        own.retain(|_, counter| counter.is_in_use());
        let counter = Arc::new(Counter::new(rate, MOST_ADDRESSES, self.clock.clone()));
        own.insert(rate, Arc::clone(&counter));
        counter
    }
}

/// A rate that is used up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Exceeded {
    pub rate: Rate,
    /// Seconds until the next request passes, at least 1.
    pub retry_after: u64,
}

type Limiter<K, S, C> = governor::RateLimiter<K, S, C, NoOpMiddleware<<C as Clock>::Instant>>;

struct Counter<C: Clock> {
    rate: Rate,
    /// People and programs, which are as many as the database knows: no crowd of strangers gets in here.
    known: Limiter<Key, HashMapStateStore<Key>, C>,
    addresses: Limiter<IpAddr, AddressStates, C>,
    forgot_at: Mutex<C::Instant>,
}

impl<C: Clock + Clone> Counter<C> {
    fn new(rate: Rate, most_addresses: usize, clock: C) -> Self {
        Self {
            rate,
            forgot_at: Mutex::new(clock.now()),
            known: Limiter::hashmap_with_clock(rate.quota(), clock.clone()),
            addresses: Limiter::new(rate.quota(), AddressStates::new(most_addresses), clock),
        }
    }

    fn count(&self, key: &Key, clock: &C) -> Result<(), Exceeded> {
        let now = clock.now();
        self.forget_recovered(now);
        let counted = match key {
            Key::Address(address) => self.addresses.check_key(address),
            Key::Program(_) | Key::Person(_) => self.known.check_key(key),
        };
        counted.map_err(|until| {
            let wait: Duration = until.wait_time_from(now);
            Exceeded {
                rate: self.rate,
                retry_after: wait.as_millis().div_ceil(1000).try_into().unwrap_or(u64::MAX).max(1),
            }
        })
    }

    /// Who has all of its rate again is as good as new, and makes room.
    fn forget_recovered(&self, now: C::Instant) {
        let mut forgot_at = self.forgot_at.lock().unwrap_or_else(PoisonError::into_inner);
        if now.duration_since(*forgot_at) < FORGET_EVERY.into() {
            return;
        }
        *forgot_at = now;
        drop(forgot_at);
        self.known.retain_recent();
        self.known.shrink_to_fit();
        self.addresses.retain_recent();
        self.addresses.shrink_to_fit();
    }

    fn is_in_use(&self) -> bool {
        self.known.retain_recent();
        !self.known.is_empty() || !self.addresses.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use governor::clock::FakeRelativeClock;
    use proptest::prelude::*;
    use uuid::Uuid;

    use super::*;

    const CLASS: RateClass = RateClass::Public;

    fn limiter_for(most_addresses: usize, rate: &str) -> (RateLimiter<FakeRelativeClock>, FakeRelativeClock) {
        let clock = FakeRelativeClock::default();
        let rates = Rates::all(rate.parse().unwrap());
        (RateLimiter::with_clock(&rates, most_addresses, clock.clone()), clock)
    }

    fn limiter(rate: &str) -> (RateLimiter<FakeRelativeClock>, FakeRelativeClock) {
        limiter_for(MOST_ADDRESSES, rate)
    }

    fn person(number: u128) -> Key {
        Key::Person(UserId(Uuid::from_u128(number)))
    }

    fn address(text: &str) -> Key {
        Key::Address(text.parse().unwrap())
    }

    /// How many of so many pass.
    fn passed(limiter: &RateLimiter<FakeRelativeClock>, tries: usize, key: &Key) -> usize {
        (0..tries).filter(|_| limiter.count(CLASS, key).is_ok()).count()
    }

    fn remembered(limiter: &RateLimiter<FakeRelativeClock>) -> usize {
        limiter.classes[CLASS as usize].addresses.len()
    }

    /// Addresses out of all, and out of few networks.
    fn any_crowd() -> impl Strategy<Value = Vec<Key>> {
        let v4 = any::<[u8; 4]>().prop_map(IpAddr::from);
        let v6 = any::<[u16; 8]>().prop_map(IpAddr::from);
        let near = (0..4_u8, any::<u8>()).prop_map(|(third, last)| IpAddr::from([198, 51, third, last]));
        let near_v6 = (0..4_u16, any::<u16>())
            .prop_map(|(third, fourth)| IpAddr::from([0x2001, 0xdb8, third, fourth, 0, 0, 0, 1]));
        let foreign = prop_oneof![v4, v6, near, near_v6].prop_filter("another", |address| !is_ours(*address));
        prop::collection::vec(foreign.prop_map(Key::Address), 0..150)
    }

    /// Where the tests' own client lives.
    const OURS: &str = "192.0.2.1";

    fn is_ours(address: IpAddr) -> bool {
        address.to_canonical().to_string() == OURS
    }

    proptest! {
        #[test]
        fn a_known_address_is_counted_alone_whatever_crowd_comes(
            steps in prop::collection::vec((any_crowd(), 0..50_u64), 1..6),
        ) {
            let (crowded, crowded_clock) = limiter_for(16, "10/min");
            let (quiet, quiet_clock) = limiter("10/min");
            let ours = address(OURS);
            for (crowd, seconds) in steps {
                // All that it has, so that it is not as good as new within the seconds.
                for _ in 0..12 {
                    prop_assert_eq!(crowded.count(CLASS, &ours), quiet.count(CLASS, &ours));
                }
                for stranger in &crowd {
                    let _ = crowded.count(CLASS, stranger);
                    prop_assert!(crowded.count(CLASS, &ours).is_err());
                }
                crowded_clock.advance(Duration::from_secs(seconds));
                quiet_clock.advance(Duration::from_secs(seconds));
            }
        }

        #[test]
        fn people_and_programs_are_counted_alone_whatever_crowd_comes(
            steps in prop::collection::vec((any_crowd(), 0..15_usize, 0..90_u64), 1..6),
        ) {
            let (crowded, crowded_clock) = limiter_for(16, "10/min");
            let (quiet, quiet_clock) = limiter("10/min");
            for (crowd, tries, seconds) in steps {
                for stranger in &crowd {
                    let _ = crowded.count(CLASS, stranger);
                }
                for key in [person(1), Key::Program(ApiKeyId(Uuid::from_u128(1)))] {
                    prop_assert_eq!(passed(&crowded, tries, &key), passed(&quiet, tries, &key));
                }
                crowded_clock.advance(Duration::from_secs(seconds));
                quiet_clock.advance(Duration::from_secs(seconds));
            }
        }

        #[test]
        fn no_crowd_is_remembered_beyond_the_most_of_each_width(crowds in prop::collection::vec(any_crowd(), 1..6)) {
            let (limiter, clock) = limiter_for(16, "10/min");
            for stranger in crowds.iter().flatten() {
                let _ = limiter.count(CLASS, stranger);
                clock.advance(Duration::from_millis(50));
                prop_assert!(remembered(&limiter) <= 3 * 16 + 2);
            }
        }

        #[test]
        fn nobody_gets_more_than_the_rate_by_being_many_in_one_place(lasts in prop::collection::vec(any::<u8>(), 0..200)) {
            let (limiter, _) = limiter_for(16, "10/min");
            for number in 0..16 {
                let _ = limiter.count(CLASS, &Key::Address(IpAddr::from([10, number, 0, 1])));
            }
            let passed = lasts.iter().filter(|last| {
                limiter.count(CLASS, &Key::Address(IpAddr::from([198, 51, 100, **last]))).is_ok()
            });
            prop_assert_eq!(passed.count(), lasts.len().min(10));
        }
    }

    #[test]
    fn when_no_more_addresses_are_remembered_new_ones_share_with_their_neighbours() {
        let (limiter, _) = limiter_for(4, "10/min");
        for known in ["10.0.0.1", "10.0.0.2", "10.0.0.3", "10.0.0.4"] {
            assert_eq!(passed(&limiter, 3, &address(known)), 3);
        }
        assert_eq!(passed(&limiter, 6, &address("192.0.2.1")), 6);
        assert_eq!(passed(&limiter, 9, &address("192.0.2.200")), 4, "one /24");
        assert_eq!(passed(&limiter, 20, &address("198.51.100.1")), 10, "another");
        assert_eq!(passed(&limiter, 6, &address("2001:db8:1:1::1")), 6);
        assert_eq!(passed(&limiter, 9, &address("2001:db8:1:ffff::1")), 4, "one /48");
        assert_eq!(passed(&limiter, 20, &address("2001:db8:2::1")), 10, "another");
        assert_eq!(passed(&limiter, 20, &address("10.0.0.3")), 7, "known before the crowd");
        // Four sites are remembered by now; of the next, whole providers share.
        assert_eq!(passed(&limiter, 6, &address("203.0.113.1")), 6);
        assert_eq!(passed(&limiter, 9, &address("203.0.200.1")), 4, "one /16");
        assert_eq!(passed(&limiter, 20, &address("203.1.0.1")), 10, "another");
    }

    #[test]
    fn a_whole_network_of_ipv6_fills_no_memory_and_takes_nothing_from_others() {
        let (limiter, clock) = limiter("10/min");
        let household = |number: u16| Key::Address(IpAddr::from([0x2001, 0xdb8, 1, number, 0, 0, 0, 1]));
        let passed_then = (0..=u16::MAX).filter(|number| limiter.count(CLASS, &household(*number)).is_ok());
        assert_eq!(passed_then.count(), MOST_ADDRESSES + 10, "the rest shares one count");
        assert_eq!(remembered(&limiter), MOST_ADDRESSES + 1);
        for newcomer in ["192.0.2.1", "198.51.100.1", "2001:db8:2::1"] {
            assert_eq!(passed(&limiter, 20, &address(newcomer)), 10, "{newcomer}");
        }
        assert_eq!(passed(&limiter, 20, &person(1)), 10);
        clock.advance(Duration::from_secs(120));
        assert_eq!(passed(&limiter, 20, &household(u16::MAX)), 10, "room again");
        assert_eq!(remembered(&limiter), 1, "who is silent is forgotten");
    }

    #[test]
    fn limits_of_keys_that_are_silent_are_forgotten() {
        let (limiter, clock) = limiter("10/min");
        let key = Key::Program(ApiKeyId(Uuid::from_u128(1)));
        for count in 1..100 {
            let rate = Rate::per_minute(count.try_into().unwrap());
            assert!(limiter.count_own(rate, &key).is_ok());
            clock.advance(Duration::from_secs(61));
        }
        assert_eq!(limiter.own.lock().unwrap().len(), 1);
    }

    #[test]
    fn a_flood_of_one_leaves_another_alone() {
        let (limiter, clock) = limiter("60/min");
        let flooder = Key::Program(ApiKeyId(Uuid::from_u128(1)));
        let passed = (0..3000).filter(|_| limiter.count(RateClass::Authenticated, &flooder).is_ok());
        assert_eq!(passed.count(), 60);
        assert!((0..60).all(|_| limiter.count(RateClass::Authenticated, &person(2)).is_ok()));
        let refused = limiter.count(RateClass::Authenticated, &flooder).unwrap_err();
        assert_eq!((refused.rate.to_string().as_str(), refused.retry_after), ("60/min", 1));
        clock.advance(Duration::from_secs(1));
        assert!(limiter.count(RateClass::Authenticated, &flooder).is_ok());
        assert!(limiter.count(RateClass::Authenticated, &flooder).is_err());
    }

    #[test]
    fn classes_are_counted_apart() {
        let (limiter, _) = limiter("1/h");
        assert!(limiter.count(RateClass::Search, &person(1)).is_ok());
        assert_eq!(
            limiter.count(RateClass::Search, &person(1)).unwrap_err().retry_after,
            3600
        );
        assert!(limiter.count(RateClass::Download, &person(1)).is_ok());
    }

    #[test]
    fn a_keys_own_limit_is_counted_for_itself() {
        let (limiter, _) = limiter("100/min");
        let rate: Rate = "2/min".parse().unwrap();
        let keys = [1, 2].map(|number| Key::Program(ApiKeyId(Uuid::from_u128(number))));
        for key in &keys {
            assert!(limiter.count_own(rate, key).is_ok());
            assert!(limiter.count_own(rate, key).is_ok());
            assert!(limiter.count_own(rate, key).is_err());
        }
    }
}
