//! Live pages: one stream of "this changed" per open page.

use std::convert::Infallible;
use std::time::Duration;

use axum::extract::State;
use axum::response::sse::{Event, KeepAlive, Sse};
use futures::{Stream, StreamExt};
use services::Services;

use super::Stop;
use super::auth::SignedInActor;
use super::edge::Edge;
use super::error::JsonError;

/// `GET /events`: server-sent events, each a `types::events::LiveEvent` in JSON, until the page goes or the server stops.
pub async fn stream_events(
    State(services): State<Services>,
    State(edge): State<Edge>,
    State(stop): State<Stop>,
    SignedInActor(actor): SignedInActor,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, JsonError> {
    let slot = edge.streams.open(&actor)?;
    let stream = services::events::subscribe(&services)
        .take_until(Box::pin(stop.asked()))
        .map(move |event| {
            // Lives as long as the stream.
            let _slot = &slot;
            Ok(Event::default().json_data(event).expect("a live event is plain JSON"))
        });
    Ok(Sse::new(stream).keep_alive(KeepAlive::new().interval(Duration::from_secs(20))))
}
