//! Single sign-on by OpenID Connect (`contracts/notifications_oidc.md`): authorization code with PKCE.
//!
//! The browser is sent to the provider with a `state` that counts once, in that browser, for 10 minutes. What comes back
//! is trusted only after the ID token was checked. Signing in by password stays: a provider can be down or wrong.

mod admission;
mod config;
mod form;
mod provider;
mod refusal;
mod round_trip;

pub(crate) use config::secret_context;
pub use config::{get_config, get_edited_config, get_public_provider, save_config, test_config};
pub(crate) use provider::ProviderCache;
pub(crate) use round_trip::login_context;
pub use round_trip::{CallbackParams, Finished, Redirect, cookie_key, finish_sign_in, start_linking, start_sign_in};
