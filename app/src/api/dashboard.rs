//! The first page.

use leptos::prelude::*;
use leptos::server_fn::codec::Json;
use types::dashboard::Dashboard;

use super::{Answer, AppError};

/// Everything on the first page.
#[server(input = Json)]
pub async fn get_dashboard() -> Result<Answer<Dashboard>, AppError> {
    let (services, actor) = super::caller()?;
    Answer::of(&services::dashboard::get_dashboard(&services, &actor).await?)
}
