//! The session cookie: name and value as the server gave them, since its name differs by version, port and setting.

use http::HeaderValue;
use http::header::{COOKIE, SET_COOKIE};
use reqwest::{RequestBuilder, Url};

use crate::error::{ClientError, Result};
use crate::http::Answer;

/// Name and value pairs.
#[derive(Clone, Default)]
pub(super) struct Cookies(Vec<(String, String)>);

impl Cookies {
    /// These and those of the answer. A cookie that may only travel over https is an error on http.
    pub fn updated_by(&self, answer: &Answer, base: &Url) -> Result<Self> {
        let mut pairs = self.0.clone();
        for header in answer
            .headers
            .get_all(SET_COOKIE)
            .iter()
            .filter_map(|value| value.to_str().ok())
        {
            let mut parts = header.split(';').map(str::trim);
            let Some((name, value)) = parts.next().and_then(|pair| pair.split_once('=')) else {
                continue;
            };
            if parts.any(|attribute| attribute.eq_ignore_ascii_case("secure")) && base.scheme() != "https" {
                return Err(secure_only());
            }
            pairs.retain(|(known, _)| known != name);
            if !value.is_empty() {
                pairs.push((name.into(), value.into()));
            }
        }
        Ok(Self(pairs))
    }

    pub fn put_on(&self, request: RequestBuilder) -> RequestBuilder {
        let pairs: Vec<String> = self.0.iter().map(|(name, value)| format!("{name}={value}")).collect();
        match HeaderValue::from_str(&pairs.join("; ")) {
            Ok(mut header) if !pairs.is_empty() => {
                header.set_sensitive(true);
                request.header(COOKIE, header)
            }
            _ => request,
        }
    }
}

fn secure_only() -> ClientError {
    ClientError::Forbidden {
        service: super::SERVICE.into(),
        advice:
            "its login cookie may only be sent over https. Enter its https address, or turn off \"Enable cookie Secure \
                 flag\" in its WebUI settings."
                .into(),
    }
}
