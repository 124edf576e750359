//! Query parameters that many lists share.

use serde::Deserialize;
use types::PageRequest;
use utoipa::IntoParams;

/// Which page of a list.
#[derive(Debug, Clone, Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub struct PageParams {
    /// Rows per page; 60 when absent. More than 200 counts as 200.
    limit: Option<u32>,
    /// `next_cursor` of the page before; absent for the first page.
    cursor: Option<String>,
}

impl From<PageParams> for PageRequest {
    fn from(params: PageParams) -> Self {
        Self {
            limit: params.limit,
            cursor: params.cursor,
        }
    }
}
