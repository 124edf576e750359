//! Answers with a .torrent, or with what goes wrong with .torrents.

use axum::http::StatusCode;
use axum::response::{Html, IntoResponse, Response};

use crate::catalogue::Listed;
use crate::state::Sandbox;
use crate::torrents::make_climbing_torrent;

/// The member's announce URL.
pub fn member_announce(sandbox: &Sandbox) -> String {
    format!(
        "http://127.0.0.1:{}/{}/announce",
        sandbox.ports.tracker, sandbox.secrets.member_passkey
    )
}

/// The member's .torrent of a row, or the fault that is switched on.
pub fn answer_torrent(sandbox: &Sandbox, row: &Listed) -> Response {
    let fault = |name: &str| sandbox.faults.take("torrent", name);
    let announce = member_announce(sandbox);
    if fault("404") {
        return (StatusCode::NOT_FOUND, "No such torrent").into_response();
    }
    if fault("html") {
        return Html("<!doctype html><title>Login</title><p>Error, you are not signed in").into_response();
    }
    let bytes = if fault("oversized") {
        let mut bytes = row.torrent.to_file(&announce);
        bytes.resize(12 * 1024 * 1024, b' ');
        bytes
    } else if fault("malformed") {
        let mut bytes = row.torrent.to_file(&announce);
        bytes.truncate(bytes.len() * 2 / 3);
        bytes
    } else if fault("climbing_path") {
        make_climbing_torrent(&announce)
    } else {
        row.torrent.to_file(&announce)
    };
    let disposition = format!("attachment; filename=\"{}.torrent\"", row.id);
    (
        [
            ("content-type", "application/x-bittorrent".to_owned()),
            ("content-disposition", disposition),
        ],
        bytes,
    )
        .into_response()
}
