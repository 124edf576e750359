//! What a layer refuses of a form goes back to the form's page, as what its server function refuses does.
//!
//! Otherwise somebody who signs in too often, say, would stand on a bare page without the form that they filled. The
//! error travels in the address, so that it counts only when one of our own pages led there.

use std::borrow::Cow;

use app::api::AppError;
use axum::extract::Request;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use leptos::server_fn::error::ServerFnUrlError;
use types::BasePath;
use url::{Position, Url, form_urlencoded};

use super::error::JsonError;

/// A form of one of our pages, on its way to a server function.
pub struct SentForm {
    function: String,
    /// As browsers call it.
    page: Url,
    base: BasePath,
}

impl SentForm {
    /// The form that a request is; `None` for anything else, also for forms of other sites.
    pub fn of(request: &Request, base: BasePath) -> Option<Self> {
        let is_form = request.method() == Method::POST && request.uri().path().starts_with("/sfn/");
        let page = find_page(request.headers(), base).filter(|_| is_form)?;
        Some(Self {
            function: request.uri().path().to_owned(),
            page,
            base,
        })
    }

    /// The way back to the page, which says the error where the form is.
    pub fn lead_back(&self, error: &JsonError) -> Response {
        let mut page = self.page.to_string();
        ServerFnUrlError::<AppError>::strip_error_info(&mut page);
        let told = ServerFnUrlError::new(&self.function, AppError(error.error.clone())).to_url(&page);
        let target = told.ok().and_then(|page| local_address(&page, self.base));
        let target = target.unwrap_or(HeaderValue::from_static("/"));
        (StatusCode::SEE_OTHER, [(header::LOCATION, target)]).into_response()
    }
}

/// The address without what somebody else's link says of a form: anybody's words would stand in our error box.
pub fn drop_foreign_error(uri: &Uri, headers: &HeaderMap, base: BasePath) -> Option<Uri> {
    let told = uri.query()?;
    let is_error = |(name, _): (Cow<str>, Cow<str>)| name == "__err" || name == "__path";
    if !form_urlencoded::parse(told.as_bytes()).any(is_error) {
        return None;
    }
    let site = headers.get("sec-fetch-site").and_then(|value| value.to_str().ok());
    if site.map_or_else(|| find_page(headers, base).is_some(), |site| site == "same-origin") {
        return None;
    }
    let mut page = Url::parse("http://localhost").ok()?;
    page.set_path(uri.path());
    page.set_query(Some(told));
    let mut page = page.to_string();
    ServerFnUrlError::<AppError>::strip_error_info(&mut page);
    let page = Url::parse(&page).ok()?;
    page[Position::BeforePath..].parse().ok()
}

/// The address as it is called within the server. One that begins with two slashes would name another host.
fn local_address(page: &Url, base: BasePath) -> Option<HeaderValue> {
    let address = base.strip(&page[Position::BeforePath..])?;
    let is_local = address.starts_with('/') && !address.starts_with("//");
    HeaderValue::from_str(address).ok().filter(|_| is_local)
}

/// The page that was left, if it is on this host and not of another program there.
fn find_page(headers: &HeaderMap, base: BasePath) -> Option<Url> {
    let text = |name| headers.get(name).and_then(|value: &HeaderValue| value.to_str().ok());
    let page: Url = text(header::REFERER)?.parse().ok()?;
    let is_ours = page[Position::BeforeHost..Position::AfterPort].eq_ignore_ascii_case(text(header::HOST)?);
    let is_ours = is_ours && base.strip(page.path()).is_some();
    is_ours.then_some(page)
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use types::ErrorCode;

    use super::*;

    fn form(path: &str, referer: &str) -> Option<SentForm> {
        form_below(BasePath::ROOT, path, referer)
    }

    fn form_below(base: BasePath, path: &str, referer: &str) -> Option<SentForm> {
        let request = Request::post(path)
            .header("host", "books.example:3000")
            .header("referer", referer)
            .body(Body::empty())
            .unwrap();
        SentForm::of(&request, base)
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
    fn what_a_link_of_somebody_else_says_of_a_form_is_dropped() {
        let uri: Uri = "/login?a=1&__path=%2Fsfn%2Flogin&%5F_err=x".parse().unwrap();
        let follow = |headers: &[(&'static str, &str)]| {
            let mut map = HeaderMap::new();
            for (name, value) in headers {
                map.insert(*name, value.parse().unwrap());
            }
            drop_foreign_error(&uri, &map, BasePath::ROOT).map(|uri| uri.to_string())
        };
        let (host, referer) = (("host", "books.example"), ("referer", "https://books.example/login"));
        for foreign in [
            &[][..],
            &[host, ("referer", "https://evil.example/")],
            &[host, referer, ("sec-fetch-site", "cross-site")],
            &[("sec-fetch-site", "none")],
        ] {
            assert_eq!(follow(foreign).as_deref(), Some("/login?a=1"), "{foreign:?}");
        }
        assert_eq!(follow(&[host, referer]), None);
        assert_eq!(follow(&[("sec-fetch-site", "same-origin")]), None);
        assert_eq!(
            drop_foreign_error(&"/login?a=1".parse().unwrap(), &HeaderMap::new(), BasePath::ROOT),
            None
        );
    }

    #[test]
    fn below_a_path_the_way_back_is_what_the_server_itself_calls_the_page() {
        let base: BasePath = "/apps/books".parse().unwrap();
        let sent = form_below(base, "/sfn/login", "http://books.example:3000/apps/books/login?a=1").unwrap();
        let response = sent.lead_back(&JsonError::new(ErrorCode::RateLimitExceeded, "Wait."));
        let target = response.headers()[header::LOCATION].to_str().unwrap();
        assert!(target.starts_with("/login?a=1&__path="), "{target}");
        assert!(
            form_below(base, "/sfn/login", "http://books.example:3000/login").is_none(),
            "another program's"
        );
    }

    #[test]
    fn nothing_leads_to_another_host_or_back_from_a_page() {
        let sent = form("/sfn/login", "http://books.example:3000//evil.example/x").unwrap();
        let response = sent.lead_back(&JsonError::new(ErrorCode::RateLimitExceeded, "Wait."));
        assert_eq!(response.headers()[header::LOCATION], "/");
        assert!(form("/sfn/login", "http://evil.example/login").is_none());
        assert!(form("/sfn/login", "http://books.example:3001/login").is_none());
        assert!(form("/login", "http://books.example:3000/login").is_none());
        assert!(form("/sfn/login", "nonsense").is_none());
    }
}
