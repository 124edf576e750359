//! Whoever may come to a door: everybody who is let in, and every credential that was good once.

use std::collections::BTreeMap;
use std::sync::Arc;

use chrono::{TimeDelta, Utc};
use serde_json::json;
use testing::clock::FakeClock;
use types::access::Scope;
use types::people::{LoginForm, Role};

use crate::api::{Api, answer};
use crate::stage::{PASSWORD, services_at};

struct PastClock(FakeClock);

impl services::Clock for PastClock {
    fn now(&self) -> chrono::DateTime<Utc> {
        self.0.now()
    }
}

pub struct Callers {
    /// Of people by the names of their roles.
    pub tokens: BTreeMap<Role, String>,
    /// Of the admin "anna".
    pub keys: BTreeMap<Scope, String>,
    /// Of every role: (what it is, the credential).
    pub dead: Vec<(String, String)>,
}

impl Callers {
    pub async fn gather(api: &Api) -> Self {
        let (mut tokens, mut dead) = (BTreeMap::new(), Vec::new());
        for role in Role::ALL {
            api.add_person(*role).await;
            dead.push((format!("an expired token ({role})"), expired_token(api, *role).await));
            dead.push((format!("a revoked session ({role})"), revoked_token(api, *role).await));
            let token = api.sign_in(role.as_str()).await;
            let scope = Scope::widest_of(*role);
            let (_, expired) = make_key(api, &token, ("expired", scope)).await;
            dead.push((format!("an expired key ({role})"), expired));
            let (id, revoked) = make_key(api, &token, ("revoked", scope)).await;
            let revoke = api.call("delete", &format!("/keys/{id}")).bearer_auth(&token);
            assert_eq!(answer(revoke).await.status, 204);
            dead.push((format!("a revoked key ({role})"), revoked));
            tokens.insert(*role, token);
        }
        // The API makes no key that is over already.
        let expire = "UPDATE api_keys SET expires_at = now() - INTERVAL '1 hour' WHERE name = 'expired'";
        api.database.run_sql(expire).await;
        let mut keys = BTreeMap::new();
        for scope in Scope::ALL {
            let (_, secret) = make_key(api, &api.token, (scope.as_str(), *scope)).await;
            keys.insert(*scope, secret);
        }
        Self { tokens, keys, dead }
    }

    /// After a call that ended it.
    pub async fn sign_in_again(&mut self, api: &Api, role: Role) {
        self.tokens.insert(role, api.sign_in(role.as_str()).await);
    }
}

/// Wrong passwords in examples must not shut out the next call.
pub async fn forget_guesses(api: &Api) {
    api.database.run_sql("DELETE FROM login_attempts").await;
}

async fn make_key(api: &Api, token: &str, (name, scope): (&str, Scope)) -> (String, String) {
    let form = json!({ "name": name, "scope": scope, "expires_in_days": 1 });
    let made = answer(api.call("post", "/keys").bearer_auth(token).json(&form)).await;
    assert_eq!(made.status, 201, "{}", made.body);
    let text = |pointer: &str| made.body.pointer(pointer).unwrap().as_str().unwrap().to_owned();
    (text("/key/id"), text("/secret"))
}

/// Signed an hour ago; good for a quarter of one.
async fn expired_token(api: &Api, role: Role) -> String {
    let past = PastClock(FakeClock::new(Utc::now() - TimeDelta::hours(1)));
    let services = services_at(&api.server, &api.database, Arc::new(past));
    let form = LoginForm {
        username: role.to_string(),
        password: PASSWORD.into(),
    };
    let signed_in = services::auth::login(&services, form, services::Origin::default())
        .await
        .unwrap();
    signed_in.tokens.access_token
}

async fn revoked_token(api: &Api, role: Role) -> String {
    let token = api.sign_in(role.as_str()).await;
    let logout = api.call("post", "/auth/logout").bearer_auth(&token);
    assert_eq!(answer(logout).await.status, 204);
    token
}
