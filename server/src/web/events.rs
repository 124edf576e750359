//! Live pages: one stream of "this changed" per open page.

use std::convert::Infallible;

use axum::extract::{Query, State};
use axum::http::HeaderMap;
use axum::response::sse::{Event, KeepAlive, Sse};
use futures::{Stream, StreamExt, future};
use serde::Deserialize;
use services::standing::has_standing;
use services::{Actor, Services};

use super::Stop;
use super::auth::SignedInActor;
use super::edge::Edge;
use super::error::JsonError;

/// The header of a browser, or a program, that heard some events before.
pub const LAST_EVENT_ID: &str = "last-event-id";

/// Where a page was read.
#[derive(Debug, Default, Deserialize)]
pub struct From {
    after: Option<String>,
}

/// `GET /events`: server-sent events, each a `types::events::LiveEvent` in JSON, until the page goes, the server stops, or
/// who reads them was signed out. Begins with what came since the page was read, or since the line was broken.
pub async fn stream_events(
    State(services): State<Services>,
    State(edge): State<Edge>,
    State(stop): State<Stop>,
    SignedInActor(actor): SignedInActor,
    Query(from): Query<From>,
    headers: HeaderMap,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, JsonError> {
    let slot = edge.streams.open(&actor)?;
    let keep_alive = KeepAlive::new().interval(edge.config.event_keep_alive);
    let ended = future::select(
        Box::pin(stop.asked()),
        Box::pin(lose_standing(services.clone(), edge, actor)),
    );
    let last_heard = headers.get(LAST_EVENT_ID).and_then(|value| value.to_str().ok());
    let stream = services::events::subscribe(&services, last_heard.or(from.after.as_deref()))
        .take_until(ended)
        .map(move |change| {
            // Lives as long as the stream.
            let _slot = &slot;
            let event = Event::default().id(change.position).json_data(change.event);
            Ok(event.expect("a live event is plain JSON"))
        });
    Ok(Sse::new(stream).keep_alive(keep_alive))
}

/// Ends when what the actor came with holds no more, which is looked at as often as the stream says that it is alive.
async fn lose_standing(services: Services, edge: Edge, actor: Actor) {
    let since = services.now();
    loop {
        tokio::time::sleep(edge.config.event_keep_alive).await;
        // While the database is away nothing is known, and nothing comes by the stream either.
        if matches!(has_standing(&services, &actor, since).await, Ok(false)) {
            return;
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use axum::Router;
    use axum::body::{Body, BodyDataStream};
    use axum::http::{Request, StatusCode};
    use services::users;
    use testing::TestDatabase;
    use tower::ServiceExt;
    use types::access::{NewApiKeyForm, Scope};
    use types::events::LiveEvent;
    use types::people::Role;

    use super::*;
    use crate::web::build_router;
    use crate::web::test_state::{TestState, bearer_of};

    const KEEP_ALIVE: Duration = Duration::from_millis(100);
    /// Far more than a keep-alive, so that only a stream that stays open fails.
    const WITHIN: Duration = Duration::from_secs(30);

    fn start(database: &TestDatabase) -> (TestState, Router) {
        let state = TestState::over(database, |edge| edge.event_keep_alive = KEEP_ALIVE);
        let router = build_router(state.app.clone());
        (state, router)
    }

    async fn open(router: &Router, path: &str, credential: &str) -> BodyDataStream {
        let mut stream = open_after(router, path, credential, None).await;
        read_alive(&mut stream).await;
        read_alive(&mut stream).await;
        stream
    }

    async fn open_after(router: &Router, path: &str, credential: &str, last: Option<&str>) -> BodyDataStream {
        let mut request = Request::get(path)
            .header("host", "shelf.example")
            .header("authorization", format!("Bearer {credential}"));
        if let Some(last) = last {
            request = request.header(LAST_EVENT_ID, last);
        }
        let response = router
            .clone()
            .oneshot(request.body(Body::empty()).unwrap())
            .await
            .unwrap();
        assert_eq!(response.status(), StatusCode::OK, "{path}");
        response.into_body().into_data_stream()
    }

    /// The id of the first event of the stream, which has to have this topic.
    async fn read_event(stream: &mut BodyDataStream, topic: &str) -> String {
        let mut text = String::new();
        let read = async {
            loop {
                let part = stream.next().await.expect("the stream goes on").unwrap();
                text.push_str(std::str::from_utf8(&part).unwrap());
                let event = text.split("\n\n").find(|event| event.contains("data:"));
                if let Some(event) = event.filter(|_| text.ends_with("\n\n")) {
                    break event.to_owned();
                }
            }
        };
        let event = tokio::time::timeout(WITHIN, read).await.expect("an event comes");
        assert!(event.contains(&format!("\"topic\":\"{topic}\"")), "{event}");
        let id = event.lines().find_map(|line| line.strip_prefix("id: "));
        id.expect("each event has an id").to_owned()
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn what_came_since_a_page_was_read_or_a_line_broke_is_told() {
        let database = TestDatabase::new().await;
        let (state, router) = start(&database);
        let services = &state.app.services;
        let admin = state.set_up_admin().await;
        let credential = bearer_of(&admin);
        let before = services::events::position(services);
        let mut conn = database.connection().await;
        let page = format!("/events?after={before}");
        // Before the first connection to the database, anything may have been.
        let connected = read_event(&mut open_after(&router, &page, credential, None).await, "missed").await;

        let mut listening = open_after(&router, "/events", credential, Some(&connected)).await;
        services::events::publish(&mut conn, &LiveEvent::Wants).await.unwrap();
        let wants = read_event(&mut listening, "wants").await;
        drop(listening);
        services::events::publish(&mut conn, &LiveEvent::Library).await.unwrap();
        for path in ["/events", "/api/v1/events", &page] {
            let mut again = open_after(&router, path, credential, Some(&wants)).await;
            read_event(&mut again, "library").await;
        }
        let page = format!("/events?after={wants}");
        read_event(&mut open_after(&router, &page, credential, None).await, "library").await;
        let mut stranger = open_after(&router, "/events", credential, Some("of another process")).await;
        read_event(&mut stranger, "missed").await;
    }

    async fn read_alive(stream: &mut BodyDataStream) {
        let part = tokio::time::timeout(WITHIN, stream.next()).await.unwrap();
        assert!(part.expect("the stream goes on").is_ok());
    }

    async fn check_ends(mut stream: BodyDataStream) {
        let ended = tokio::time::timeout(WITHIN, async { while stream.next().await.is_some() {} }).await;
        assert!(ended.is_ok(), "the stream stays open");
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_stream_ends_soon_after_its_sign_in_does() {
        let database = TestDatabase::new().await;
        let (state, router) = start(&database);
        let (admin, other) = (state.set_up_admin().await, state.sign_in("anna").await);
        let own = open(&router, "/events", bearer_of(&admin)).await;
        let mut left = open(&router, "/api/v1/events", bearer_of(&other)).await;
        services::auth::logout(&state.app.services, &admin.actor(&services::Origin::default()))
            .await
            .unwrap();
        check_ends(own).await;
        read_alive(&mut left).await;
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_stream_ends_soon_after_its_key_is_revoked_or_its_reader_switched_off() {
        let database = TestDatabase::new().await;
        let (state, router) = start(&database);
        let services = &state.app.services;
        let admin = state.set_up_admin().await.actor(&services::Origin::default());
        let form = NewApiKeyForm {
            name: "watcher".into(),
            scope: Scope::Read,
            expires_in_days: Some(1),
            requests_per_minute: None,
        };
        let key = services::api_keys::create_key(services, &admin, form).await.unwrap();
        let by_key = open(&router, "/api/v1/events", &key.secret).await;
        services::api_keys::revoke_key(services, &admin, key.key.id)
            .await
            .unwrap();
        check_ends(by_key).await;

        let viewer = state.add_person(&admin, "berta", Role::Viewer).await;
        let of_viewer = open(&router, "/events", bearer_of(&viewer)).await;
        users::set_user_active(services, &admin, viewer.user.id, false)
            .await
            .unwrap();
        check_ends(of_viewer).await;
    }
}
