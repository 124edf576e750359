//! A new API key on its way from the form that made it to the page that shows it, through the browser.
//!
//! A form is answered by a redirect, so the page that shows the key is another request than the one that made it. In
//! between the browser keeps it sealed: only the server opens it, only for the sign-in that made it, and only for a
//! minute.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use chrono::{DateTime, TimeDelta, Utc};
use types::SessionId;
use types::access::IssuedApiKey;

use crate::Services;
use crate::actor::Actor;
use crate::error::{Result, ServiceError};

/// Seconds from the form to the page; a slow line needs a few.
pub const SECONDS: u64 = 60;

/// Seals a new key for the sign-in that made it. The answer is base64url.
///
/// # Errors
/// Only somebody signed in has a page to show it on; a program reads the key from its answer.
pub fn wrap_key(services: &Services, actor: &Actor, issued: &IssuedApiKey) -> Result<String> {
    let session = actor
        .session_id()
        .ok_or_else(|| ServiceError::forbidden("Sign in with your password or single sign-on to do this here."))?;
    let until = services.now() + TimeDelta::seconds(SECONDS.cast_signed());
    let plain = serde_json::to_vec(&(until, issued)).expect("a key is plain data");
    let sealed = services.secrets().seal(&context(session), &plain);
    Ok(URL_SAFE_NO_PAD.encode(sealed))
}

/// Opens what [`wrap_key`] made; `None` when it is late, another sign-in's, or not ours.
pub fn unwrap_key(services: &Services, actor: &Actor, wrapped: &str) -> Option<IssuedApiKey> {
    let sealed = URL_SAFE_NO_PAD.decode(wrapped).ok()?;
    let plain = services.secrets().open(&context(actor.session_id()?), &sealed).ok()?;
    let (until, issued): (DateTime<Utc>, IssuedApiKey) = serde_json::from_slice(&plain).ok()?;
    (services.now() < until).then_some(issued)
}

fn context(session: SessionId) -> String {
    format!("shown_once/{session}/api_key")
}
