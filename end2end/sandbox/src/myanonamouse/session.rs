//! The rotating session cookie: each answer carries the next value; the newest and the one before are accepted.

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{Html, IntoResponse, Response};

use crate::state::{Shared, lock, random_mam_id};

pub async fn check_session(State(sandbox): State<Shared>, request: Request, next: Next) -> Response {
    let refused = (
        StatusCode::FORBIDDEN,
        Html("Error, you are not signed in <br />Other error"),
    )
        .into_response();
    run_with_session(sandbox, request, next, refused).await
}

pub async fn check_download_session(State(sandbox): State<Shared>, request: Request, next: Next) -> Response {
    let refused = "ip 127.0.0.1 does not match account, and no auth cookie provided";
    run_with_session(
        sandbox,
        request,
        next,
        (StatusCode::UNAUTHORIZED, refused).into_response(),
    )
    .await
}

async fn run_with_session(sandbox: Shared, request: Request, next: Next, refused: Response) -> Response {
    if !is_accepted(&sandbox, request.headers()) {
        return refused;
    }
    {
        let mut member = lock(&sandbox.member);
        member.in_flight += 1;
        member.most_in_flight = member.most_in_flight.max(member.in_flight);
    }
    let mut response = next.run(request).await;
    lock(&sandbox.member).in_flight -= 1;
    rotate(&sandbox, &mut response);
    response
}

/// An error answer that rotates the cookie; only the new value is good afterwards.
pub fn rotate_with_error(sandbox: &Shared, headers: &HeaderMap) -> Response {
    let mut response = (StatusCode::BAD_GATEWAY, Html("<h1>502 Bad Gateway</h1>")).into_response();
    if is_accepted(sandbox, headers) {
        rotate(sandbox, &mut response);
        let mut member = lock(&sandbox.member);
        member.previous_session = None;
        member.save(sandbox);
    }
    response
}

fn is_accepted(sandbox: &Shared, headers: &HeaderMap) -> bool {
    let cookies = headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok());
    let sent = cookies
        .flat_map(|line| line.split(';'))
        .find_map(|pair| pair.trim().strip_prefix("mam_id="));
    let member = lock(&sandbox.member);
    sent.is_some_and(|sent| sent == member.session || member.previous_session.as_deref() == Some(sent))
}

fn rotate(sandbox: &Shared, response: &mut Response) {
    let mut member = lock(&sandbox.member);
    let next = random_mam_id();
    let cookie = format!("mam_id={next}; Max-Age=1296000; path=/; domain=.myanonamouse.net; secure");
    if let Ok(value) = HeaderValue::from_str(&cookie) {
        response.headers_mut().append(header::SET_COOKIE, value);
        response.headers_mut().append(
            header::SET_COOKIE,
            HeaderValue::from_static("uid=204918; Max-Age=1296000; path=/; secure"),
        );
        member.previous_session = Some(std::mem::replace(&mut member.session, next));
        member.save(sandbox);
    }
    drop(member);
    crate::provision::write_provision(sandbox);
}
