//! The doors' own lines in the audit log: who was refused what.

use app::api::RefusedWith;
use axum::extract::{MatchedPath, Request, State};
use axum::http::{Method, StatusCode, Uri};
use axum::middleware::Next;
use axum::response::Response;
use leptos::server_fn::axum::server_fn_paths;
use services::audit::{Refusal, record_refusal};
use services::{Actor, Origin, Services};
use types::ErrorCode;

use super::auth::origin_of;
use super::error::JsonError;

/// What the code of a refusal leaves open, in a word. A layer puts it into its response.
#[derive(Debug, Clone, Copy)]
pub struct Reason(pub &'static str);

/// Notes answers that refuse: too small a role, another site, or too many requests. Must be outside of all layers that
/// refuse; `auth::identify` tells by the response who asked.
///
/// A missing sign-in is no refusal of anybody; wrong passwords, tokens and keys are noted where they fail.
pub async fn note_refusals(State(services): State<Services>, mut request: Request, next: Next) -> Response {
    let origin = origin_of(&request);
    let asked = Asked::of(&request);
    let refused_with = RefusedWith::default();
    request.extensions_mut().insert(refused_with.clone());
    let response = next.run(request).await;
    log_refusal(&response, &refused_with, &origin);
    let Some(code) = find_refusal(response.status(), &refused_with) else {
        return response;
    };
    let (extensions, what) = (response.extensions(), asked.name());
    let class = || extensions.get::<JsonError>()?.error.context.get("class");
    let refusal = Refusal {
        actor: extensions.get::<Actor>(),
        origin: &origin,
        what: &what,
        code,
        reason: extensions
            .get::<Reason>()
            .map(|reason| reason.0)
            .or_else(|| class().map(String::as_str)),
    };
    record_refusal(&services, refusal).await;
    response
}

/// One line in the process's log for each request that is refused, for whatever reason: signed out, malformed, not
/// there, not its own. Too many of them are told by the audit log alone, which counts them instead of growing.
fn log_refusal(response: &Response, refused_with: &RefusedWith, origin: &Origin) {
    let (status, extensions) = (response.status(), response.extensions());
    let code = extensions.get::<JsonError>().map(|error| error.error.code);
    let code = code.or_else(|| refused_with.code());
    let is_refused = status.is_client_error() || (status.is_redirection() && code.is_some());
    let is_flood = status == StatusCode::TOO_MANY_REQUESTS || code == Some(ErrorCode::RateLimitExceeded);
    if !is_refused || is_flood {
        return;
    }
    let user = extensions.get::<Actor>().and_then(Actor::user_id);
    tracing::info!(
        status = status.as_u16(),
        code = code.map(tracing::field::display),
        client.address = origin.address.as_deref(),
        user.id = user.map(tracing::field::display),
        "refused a request"
    );
}

fn find_refusal(status: StatusCode, refused_with: &RefusedWith) -> Option<ErrorCode> {
    match status {
        StatusCode::FORBIDDEN => Some(ErrorCode::Forbidden),
        StatusCode::TOO_MANY_REQUESTS => Some(ErrorCode::RateLimitExceeded),
        // A plain form is led back to its page.
        status if status.is_redirection() => refused_with
            .code()
            .filter(|code| matches!(code, ErrorCode::Forbidden | ErrorCode::RateLimitExceeded)),
        _ => None,
    }
}

/// What a request asks for.
struct Asked {
    method: Method,
    uri: Uri,
    route: Option<MatchedPath>,
}

impl Asked {
    fn of(request: &Request) -> Self {
        Self {
            method: request.method().clone(),
            uri: request.uri().clone(),
            route: request.extensions().get::<MatchedPath>().cloned(),
        }
    }

    /// The pattern, not the address: that would tell every id apart, and may hold what is not for the log. All server
    /// functions have one pattern, so they are named.
    fn name(&self) -> String {
        let mut functions = server_fn_paths().map(|(path, _)| path);
        let function = functions.find(|path| *path == self.uri.path());
        let route = function.or_else(|| self.route.as_ref().map(MatchedPath::as_str));
        format!("{} {}", tell_method(&self.method), route.unwrap_or("another address"))
    }
}

/// Anybody can make up methods, and each would be a kind of refusal of its own.
pub fn tell_method(method: &Method) -> &str {
    match *method {
        Method::GET | Method::HEAD | Method::POST | Method::PUT | Method::PATCH | Method::DELETE | Method::OPTIONS => {
            method.as_str()
        }
        _ => "other",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn methods_that_somebody_made_up_are_one() {
        let named = |name: &str| tell_method(&name.parse().unwrap()).to_owned();
        assert_eq!(
            ["DELETE", "JUNK1", "JUNK2", "delete"].map(named),
            ["DELETE", "other", "other", "other"]
        );
    }
}
