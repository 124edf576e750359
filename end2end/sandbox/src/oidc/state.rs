//! Who there is at the provider, who is signed in there, and what was given out.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use anyhow::Result;
use serde_json::{Map, Value, json};

use super::keys::Key;
use crate::state::{Faults, lock, random_hex};

pub type Claims = Map<String, Value>;

/// The provider; one client is registered with it.
pub struct Provider {
    port: u16,
    pub client_id: &'static str,
    pub client_secret: String,
    pub faults: Arc<Faults>,
    inner: Mutex<Inner>,
}

struct Inner {
    /// The last one signs; those before are still published.
    keys: Vec<Key>,
    people: BTreeMap<String, Claims>,
    signed_in: String,
    codes: BTreeMap<String, Grant>,
    spent_codes: BTreeSet<String>,
    access_tokens: BTreeMap<String, String>,
    counters: BTreeMap<String, u64>,
}

/// What a code stands for.
#[derive(Clone)]
pub struct Grant {
    pub subject: String,
    pub redirect_uri: String,
    pub nonce: Option<String>,
    pub code_challenge: String,
}

impl Provider {
    /// With three people; anna is signed in.
    pub fn new(port: u16, client_secret: String, faults: Arc<Faults>) -> Result<Self> {
        let inner = Inner {
            keys: vec![Key::new_rsa()?],
            people: first_people(),
            signed_in: "anna".into(),
            codes: BTreeMap::new(),
            spent_codes: BTreeSet::new(),
            access_tokens: BTreeMap::new(),
            counters: BTreeMap::new(),
        };
        Ok(Self {
            port,
            client_id: "mamcrawler",
            client_secret,
            faults,
            inner: Mutex::new(inner),
        })
    }

    /// Below which everything lies; the issuer, but for a slash.
    pub fn base(&self) -> String {
        format!("http://127.0.0.1:{}/oidc", self.port)
    }

    pub fn issuer(&self) -> String {
        match self.has_fault("trailing_slash") {
            true => format!("{}/", self.base()),
            false => self.base(),
        }
    }

    pub fn has_fault(&self, fault: &str) -> bool {
        self.faults.take("oidc", fault)
    }

    pub fn count(&self, endpoint: &str) {
        *lock(&self.inner).counters.entry(endpoint.to_owned()).or_default() += 1;
    }

    /// As the keys' address shows them.
    pub fn public_keys(&self) -> Vec<Value> {
        lock(&self.inner).keys.iter().map(Key::public).collect()
    }

    /// Does something with the key that signs now.
    pub fn with_key<T>(&self, act: impl FnOnce(&Key) -> T) -> T {
        act(lock(&self.inner).keys.last().expect("there is always a key"))
    }

    /// A new key signs from now on; the one before is no longer published.
    pub fn rotate_keys(&self) -> Result<()> {
        let key = Key::new_elliptic()?;
        lock(&self.inner).keys = vec![key];
        Ok(())
    }

    /// Chooses who is signed in at the provider, and what is said about them.
    pub fn sign_in(&self, subject: &str, claims: Option<Claims>) -> bool {
        let mut inner = lock(&self.inner);
        if let Some(claims) = claims {
            inner.people.insert(subject.to_owned(), claims);
        }
        let is_known = inner.people.contains_key(subject);
        if is_known {
            inner.signed_in = subject.to_owned();
        }
        is_known
    }

    pub fn signed_in(&self) -> String {
        lock(&self.inner).signed_in.clone()
    }

    pub fn claims_of(&self, subject: &str) -> Claims {
        lock(&self.inner).people.get(subject).cloned().unwrap_or_default()
    }

    /// A new code; with the fault `reused_code` one that was spent.
    pub fn give_code(&self, grant: Grant) -> String {
        let code = random_hex(24);
        let is_spent = self.has_fault("reused_code");
        let mut inner = lock(&self.inner);
        if is_spent {
            inner.spent_codes.insert(code.clone());
        } else {
            inner.codes.insert(code.clone(), grant);
        }
        code
    }

    /// A code counts once. One that comes again ends the tokens that it gave, as RFC 6749 4.1.2 advises.
    pub fn spend_code(&self, code: &str) -> Option<Grant> {
        let mut inner = lock(&self.inner);
        let grant = inner.codes.remove(code);
        if grant.is_none() && inner.spent_codes.contains(code) {
            inner.access_tokens.clear();
        }
        inner.spent_codes.insert(code.to_owned());
        grant
    }

    pub fn give_access_token(&self, subject: &str) -> String {
        let token = random_hex(24);
        lock(&self.inner)
            .access_tokens
            .insert(token.clone(), subject.to_owned());
        token
    }

    pub fn person_of_token(&self, token: &str) -> Option<(String, Claims)> {
        let inner = lock(&self.inner);
        let subject = inner.access_tokens.get(token)?.clone();
        let claims = inner.people.get(&subject).cloned()?;
        Some((subject, claims))
    }

    pub fn to_json(&self) -> Value {
        let inner = lock(&self.inner);
        json!({
            "signed_in": inner.signed_in,
            "people": inner.people,
            "keys": inner.keys.iter().map(|key| key.kid.clone()).collect::<Vec<_>>(),
            "counters": inner.counters,
        })
    }
}

fn first_people() -> BTreeMap<String, Claims> {
    let person = |name: &str, verified: bool, groups: &[&str]| {
        let claims = json!({
            "preferred_username": name, "name": name, "email": format!("{name}@example.com"), "email_verified": verified,
            "groups": groups,
        });
        (name.to_owned(), claims.as_object().cloned().unwrap_or_default())
    };
    BTreeMap::from([
        person("anna", true, &["readers", "librarians"]),
        person("berta", false, &["readers"]),
        person("carla", true, &[]),
    ])
}
