//! The doors' own lines in the audit log: who was refused what.

use app::api::RefusedWith;
use axum::extract::{MatchedPath, Request, State};
use axum::http::{Method, StatusCode, Uri};
use axum::middleware::Next;
use axum::response::Response;
use leptos::server_fn::axum::server_fn_paths;
use services::audit::{Refusal, record_refusal};
use services::{Actor, Services};
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
fn tell_method(method: &Method) -> &str {
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
