//! A network for tests: names with made-up addresses, and no connection but to loopback.

use std::collections::{HashMap, VecDeque};
use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;

use super::Network;

/// Names with the answers of their lookups, in order; the last one stays. Whatever passes is dialled on loopback.
#[derive(Default)]
pub(crate) struct FakeNetwork {
    names: Mutex<HashMap<String, VecDeque<Vec<IpAddr>>>>,
    dialled: Mutex<Vec<IpAddr>>,
}

impl FakeNetwork {
    pub(crate) fn new(names: &[(&str, &[&[&str]])]) -> Arc<Self> {
        let read = |answer: &&[&str]| answer.iter().map(|address| address.parse().unwrap()).collect();
        let names = names
            .iter()
            .map(|(name, answers)| ((*name).to_owned(), answers.iter().map(read).collect()));
        Arc::new(Self {
            names: Mutex::new(names.collect()),
            ..Self::default()
        })
    }

    /// The addresses that passed, in order.
    pub(crate) fn dialled(&self) -> Vec<String> {
        self.dialled.lock().unwrap().iter().map(IpAddr::to_string).collect()
    }
}

#[async_trait]
impl Network for FakeNetwork {
    async fn resolve(&self, host: &str) -> io::Result<Vec<IpAddr>> {
        let mut names = self.names.lock().unwrap();
        let Some(answers) = names.get_mut(host) else {
            return Err(io::Error::other("no such host"));
        };
        match answers.len() {
            1 => Ok(answers[0].clone()),
            _ => Ok(answers.pop_front().unwrap()),
        }
    }

    fn dial(&self, address: IpAddr) -> SocketAddr {
        self.dialled.lock().unwrap().push(address);
        SocketAddr::new(Ipv4Addr::LOCALHOST.into(), 0)
    }
}
