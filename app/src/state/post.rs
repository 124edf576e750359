//! Sending forms.
//!
//! A form posts to its server function as it is, with or without JavaScript. With it, this sends the same body and keeps
//! the page; the server reads both alike, so nothing about a form's fields is known here.

use leptos::ev::SubmitEvent;
use leptos::prelude::*;
use leptos::server::ServerActionError;
use leptos::server_fn::ServerFn;
use leptos::server_fn::error::ServerFnUrlError;
use types::ApiError;

use crate::api::AppError;

/// A form's way to its server function, and what came of it.
#[derive(Clone, Copy)]
pub struct Post {
    path: &'static str,
    /// Sent, and not answered yet.
    pub pending: RwSignal<bool>,
    /// Counts the answers.
    pub version: RwSignal<usize>,
    /// What the last answer complained about, also when it came back without JavaScript.
    pub error: RwSignal<Option<ApiError>>,
    /// The last good answer, as it was sent.
    pub answer: RwSignal<Option<String>>,
}

impl Post {
    /// The way to a server function.
    pub fn to<S: ServerFn<Error = AppError>>() -> Self {
        Self::to_path(S::PATH)
    }

    fn to_path(path: &'static str) -> Self {
        let returned = use_context::<ServerActionError>().filter(|error| error.path() == path);
        let error = returned.map(|error| ServerFnUrlError::<AppError>::decode_err(error.err()).0);
        Self {
            path,
            pending: RwSignal::new(false),
            version: RwSignal::new(0),
            error: RwSignal::new(error),
            answer: RwSignal::new(None),
        }
    }

    /// The address that the form posts to.
    pub fn path(self) -> &'static str {
        self.path
    }

    /// Sends the form of a submit event instead of the browser.
    pub fn submit(self, event: &SubmitEvent) {
        if event.default_prevented() {
            return;
        }
        event.prevent_default();
        if let Ok(data) = leptos::form::form_data_from_event(event) {
            self.send(&data);
        }
    }

    /// Sends fields as the browser would. A second press while the first is under way is the same press.
    pub fn send(self, data: &web_sys::FormData) {
        let body = encode(data);
        if self.pending.get_untracked() {
            return;
        }
        self.pending.set(true);
        #[cfg(feature = "hydrate")]
        leptos::task::spawn_local(async move { self.settle(browser::post(self.path, body).await) });
        #[cfg(not(feature = "hydrate"))]
        drop(body);
    }

    /// The page may be gone by the time the answer is here: then nobody is told.
    #[cfg(feature = "hydrate")]
    fn settle(self, outcome: Result<String, AppError>) {
        self.pending.try_set(false);
        match outcome {
            Ok(answer) => {
                self.error.try_set(None);
                self.answer.try_set(Some(answer));
            }
            Err(error) => {
                self.answer.try_set(None);
                self.error.try_set(Some(error.0));
            }
        }
        self.version.try_update(|version| *version += 1);
    }
}

/// Fields in the form that browsers post.
pub fn encode(data: &web_sys::FormData) -> String {
    let pairs = web_sys::UrlSearchParams::new_with_str_sequence_sequence(data);
    pairs
        .ok()
        .and_then(|pairs| pairs.to_string().as_string())
        .unwrap_or_default()
}

#[cfg(feature = "hydrate")]
mod browser {
    use leptos::server_fn::client::{Client, browser::BrowserClient};
    use leptos::server_fn::error::FromServerFnError;
    use leptos::server_fn::redirect::call_redirect_hook;
    use leptos::server_fn::request::{ClientReq, browser::BrowserRequest};
    use leptos::server_fn::response::ClientRes;

    use crate::api::AppError;

    /// Posts a form as `server_fn` does for a typed one, and goes where the answer leads.
    pub async fn post(path: &str, body: String) -> Result<String, AppError> {
        let form = "application/x-www-form-urlencoded";
        let request = <BrowserRequest as ClientReq<AppError>>::try_new_post(path, form, "application/json", body)?;
        let response = <BrowserClient as Client<AppError>>::send(request).await?;
        let status = ClientRes::<AppError>::status(&response);
        let is_redirect = ClientRes::<AppError>::has_redirect(&response);
        let location = ClientRes::<AppError>::location(&response);
        if status >= 400 {
            return Err(AppError::de(ClientRes::<AppError>::try_into_bytes(response).await?));
        }
        let answer = ClientRes::<AppError>::try_into_string(response).await?;
        if is_redirect {
            call_redirect_hook(&location);
        }
        Ok(answer)
    }
}
