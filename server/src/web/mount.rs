//! The server below a path of its host, such as `https://home.example/mamcrawler/`.
//!
//! Within, every address begins at `/`: routes, layers, metrics and `Location` don't know where the server is. Here
//! requests lose the base path and redirects get it; what stands in pages has it from `app::link`, or [`BasePath::at`].

use axum::Router;
use axum::extract::Request;
use axum::http::uri::PathAndQuery;
use axum::http::{HeaderValue, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Redirect, Response};
use tower::ServiceBuilder;
use types::{BasePath, ErrorCode};

use super::error::JsonError;
use super::hosts::is_for_monitors;

/// A request that is not for an address below the base path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Outside {
    /// The host's first page, or the base path without its slash: the way in.
    Door,
    Elsewhere,
}

/// The whole server below `base`. Monitors find it at the root of the host too, as they go by address.
pub fn mount(router: Router, base: BasePath) -> Router {
    if base.is_root() {
        return router;
    }
    let below = ServiceBuilder::new()
        .map_request(move |request| enter(request, base))
        .map_response(move |response| lead(response, base))
        .service(router);
    Router::new().fallback_service(below)
}

/// Answers what is not below the base path. Within all other layers, so that it is counted, limited and named as well.
pub async fn answer_outside(request: Request, next: Next) -> Response {
    match request.extensions().get::<Outside>().copied() {
        None => next.run(request).await,
        Some(Outside::Door) => {
            let query = request.uri().query();
            let target = query.map_or_else(|| "/".to_owned(), |query| format!("/?{query}"));
            Redirect::temporary(&target).into_response()
        }
        Some(Outside::Elsewhere) => JsonError::from(ErrorCode::NotFound).into_response(),
    }
}

fn enter(mut request: Request, base: BasePath) -> Request {
    let path = request.uri().path();
    let outside = match base.strip(path) {
        Some("") => Outside::Door,
        Some(below) => {
            *request.uri_mut() = with_path(request.uri(), below);
            return request;
        }
        None if is_for_monitors(path) => return request,
        None if path == "/" => Outside::Door,
        None => Outside::Elsewhere,
    };
    request.extensions_mut().insert(outside);
    request
}

fn with_path(address: &Uri, path: &str) -> Uri {
    let whole = address
        .query()
        .map_or_else(|| path.to_owned(), |query| format!("{path}?{query}"));
    let mut parts = address.clone().into_parts();
    parts.path_and_query = Some(PathAndQuery::try_from(whole).expect("the end of a path that was read is one"));
    Uri::from_parts(parts).expect("only the path was changed")
}

fn lead(mut response: Response, base: BasePath) -> Response {
    let target = response.headers().get(header::LOCATION).map(HeaderValue::as_bytes);
    // Two slashes name another host.
    if let Some(target) = target.filter(|target| target.starts_with(b"/") && !target.starts_with(b"//")) {
        let whole = [base.as_str().as_bytes(), target].concat();
        let whole = HeaderValue::from_bytes(&whole).expect("a base path is plain, and the rest was a header before");
        response.headers_mut().insert(header::LOCATION, whole);
    }
    response
}

#[cfg(test)]
mod tests {
    use axum::body::Body;
    use axum::extract::MatchedPath;
    use axum::http::StatusCode;
    use axum::middleware::from_fn;
    use axum::routing::get;
    use tower::ServiceExt;

    use super::*;

    const BASE: &str = "/apps/books";

    async fn show(matched: MatchedPath, uri: Uri) -> String {
        format!("{} {uri}", matched.as_str())
    }

    fn server() -> Router {
        let routes = Router::new()
            .route("/", get(show))
            .route("/books/{id}", get(show))
            .route("/health/live", get(show))
            .route("/leads", get(async || Redirect::to("/books/7?a=1#b")))
            .route("/leaves", get(async || Redirect::to("https://id.example/x")))
            .route("/elsewhere", get(async || Redirect::to("//id.example/x")))
            .fallback(async || StatusCode::IM_A_TEAPOT)
            .layer(from_fn(answer_outside));
        mount(routes, BASE.parse().unwrap())
    }

    async fn ask(address: &str) -> Response {
        let request = Request::get(address).body(Body::empty()).unwrap();
        server().oneshot(request).await.unwrap()
    }

    async fn check_shown(address: &str, expected: &str) {
        let response = ask(address).await;
        assert_eq!(response.status(), 200, "{address}");
        let body = axum::body::to_bytes(response.into_body(), 1000).await.unwrap();
        assert_eq!(body, expected, "{address}");
    }

    async fn check_leads(address: &str, expected: &str) {
        let response = ask(address).await;
        assert!(response.status().is_redirection(), "{address}: {}", response.status());
        assert_eq!(response.headers()[header::LOCATION], expected, "{address}");
    }

    #[tokio::test]
    async fn routes_see_addresses_as_if_the_host_were_theirs() {
        check_shown("/apps/books/", "/ /").await;
        check_shown("/apps/books/?a=1", "/ /?a=1").await;
        check_shown("/apps/books/books/7?a=%2F", "/books/{id} /books/7?a=%2F").await;
        check_shown(
            "http://home.example/apps/books/books/7",
            "/books/{id} http://home.example/books/7",
        )
        .await;
    }

    #[tokio::test]
    async fn monitors_find_it_at_the_root_and_below() {
        check_shown("/health/live", "/health/live /health/live").await;
        check_shown("/apps/books/health/live", "/health/live /health/live").await;
    }

    #[tokio::test]
    async fn redirects_stay_below() {
        check_leads("/apps/books/leads", "/apps/books/books/7?a=1#b").await;
        check_leads("/apps/books/leaves", "https://id.example/x").await;
        check_leads("/apps/books/elsewhere", "//id.example/x").await;
    }

    #[tokio::test]
    async fn the_hosts_first_page_leads_in_and_the_rest_is_not_ours() {
        check_leads("/", "/apps/books/").await;
        check_leads("/apps/books", "/apps/books/").await;
        check_leads("/apps/books?a=1", "/apps/books/?a=1").await;
        for address in [
            "/books/7",
            "/apps",
            "/apps/",
            "/apps/books2/",
            "/Apps/books/",
            "/apps%2Fbooks/",
            "//apps/books/",
        ] {
            assert_eq!(ask(address).await.status(), 404, "{address}");
        }
        // Below, what there is not is the business of the routes.
        assert_eq!(ask("/apps/books/nothing").await.status(), StatusCode::IM_A_TEAPOT);
    }

    #[tokio::test]
    async fn with_the_host_to_itself_nothing_is_changed() {
        let routes = Router::new().route("/leads", get(async || Redirect::to("/books/7")));
        let request = Request::get("/leads").body(Body::empty()).unwrap();
        let response = mount(routes, BasePath::ROOT).oneshot(request).await.unwrap();
        assert_eq!(response.headers()[header::LOCATION], "/books/7");
    }
}
