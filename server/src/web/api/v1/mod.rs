//! Version 1 of the JSON API: one file a resource, each handler one call of the use cases.

mod account;
mod audit;
mod auth;
mod backups;
mod books;
mod downloads;
mod events;
mod failures;
mod groups;
mod health;
mod integrations;
mod jobs;
mod keys;
mod oidc;
mod params;
mod searches;
mod sessions;
mod settings;
mod setup;
mod stats;
mod users;
mod wants;

use utoipa_axum::router::OpenApiRouter;

use crate::web::AppState;

pub fn routes() -> OpenApiRouter<AppState> {
    let parts = [
        setup::routes(),
        auth::routes(),
        oidc::routes(),
        sessions::routes(),
        keys::routes(),
        users::routes(),
        books::routes(),
        groups::routes(),
        searches::routes(),
        wants::routes(),
        downloads::routes(),
        account::routes(),
        jobs::routes(),
        backups::routes(),
        failures::routes(),
        integrations::routes(),
        settings::routes(),
        audit::routes(),
        stats::routes(),
        events::routes(),
        health::routes(),
    ];
    parts.into_iter().fold(OpenApiRouter::new(), OpenApiRouter::merge)
}
