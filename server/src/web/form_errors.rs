//! What a layer refuses of a form goes back to the form's page, as what its server function refuses does.
//!
//! Otherwise somebody who signs in too often, say, would stand on a bare page without the form that they filled.

use app::api::AppError;
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};
use leptos::server_fn::error::ServerFnUrlError;
use url::{Position, Url};

use super::error::JsonError;

/// A form of one of our pages, on its way to a server function.
pub struct SentForm {
    function: String,
    page: Url,
}

impl SentForm {
    /// The form that a request is; `None` for anything else, also for forms of other sites.
    pub fn of(request: &Request) -> Option<Self> {
        let is_form = request.method() == Method::POST && request.uri().path().starts_with("/sfn/");
        let page = find_page(request.headers()).filter(|_| is_form)?;
        Some(Self {
            function: request.uri().path().to_owned(),
            page,
        })
    }

    /// The way back to the page, which says the error where the form is.
    pub fn lead_back(&self, error: &JsonError) -> Response {
        let mut page = self.page.to_string();
        ServerFnUrlError::<AppError>::strip_error_info(&mut page);
        let told = ServerFnUrlError::new(&self.function, AppError(error.error.clone())).to_url(&page);
        let target = told
            .ok()
            .and_then(|page| HeaderValue::from_str(&page[Position::BeforePath..]).ok());
        let target = target.unwrap_or(HeaderValue::from_static("/"));
        (StatusCode::SEE_OTHER, [(header::LOCATION, target)]).into_response()
    }
}

/// The page that was left, if it is on this host.
fn find_page(headers: &HeaderMap) -> Option<Url> {
    let text = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    let page: Url = text(header::REFERER)?.parse().ok()?;
    let is_ours = page[Position::BeforeHost..Position::AfterPort].eq_ignore_ascii_case(text(header::HOST)?);
    is_ours.then_some(page)
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use types::ErrorCode;

    use super::*;

    fn form(path: &str, referer: &str) -> Option<SentForm> {
        let request = Request::post(path)
            .header("host", "books.example:3000")
            .header("referer", referer)
            .body(Body::empty())
            .unwrap();
        SentForm::of(&request)
    }

    #[test]
    fn a_refusal_leads_back_to_the_page_of_the_form() {
        let sent = form("/sfn/login", "http://books.example:3000/login?a=1&__path=x&__err=y").unwrap();
        let response = sent.lead_back(&JsonError::new(ErrorCode::RateLimitExceeded, "Wait."));
        assert_eq!(response.status(), 303);
        let target = response.headers()[header::LOCATION].to_str().unwrap();
        let page = Url::parse("http://books.example:3000").unwrap().join(target).unwrap();
        let mut pairs = page.query_pairs();
        assert_eq!(page.path(), "/login");
        assert_eq!(pairs.next().unwrap(), ("a".into(), "1".into()));
        assert_eq!(pairs.next().unwrap(), ("__path".into(), "/sfn/login".into()));
        let (name, told) = pairs.next().unwrap();
        assert_eq!(name, "__err");
        let error = ServerFnUrlError::<AppError>::decode_err(&told);
        assert_eq!(error.0.message, "Wait.");
        assert!(pairs.next().is_none());
    }

    #[test]
    fn nothing_leads_to_another_host_or_back_from_a_page() {
        assert!(form("/sfn/login", "http://evil.example/login").is_none());
        assert!(form("/sfn/login", "http://books.example:3001/login").is_none());
        assert!(form("/login", "http://books.example:3000/login").is_none());
        assert!(form("/sfn/login", "nonsense").is_none());
    }
}
