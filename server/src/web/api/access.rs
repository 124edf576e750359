//! Who may call a route, written beside it and shown in the document. The use cases check it; a test compares.

use serde_json::json;
use types::people::Role;
use utoipa::openapi::extensions::ExtensionsBuilder;
use utoipa::openapi::path::Operation;
use utoipa_axum::router::UtoipaMethodRouter;

use crate::web::AppState;

/// Extension with the least role; `none` where nobody needs to sign in.
pub const REQUIRED_ROLE: &str = "x-required-role";
/// Extension with the least scope of an API key.
pub const REQUIRED_SCOPE: &str = "x-required-scope";

/// Strangers may call it.
pub fn open(routes: UtoipaMethodRouter<AppState>) -> UtoipaMethodRouter<AppState> {
    stamp(routes, "none", "none")
}

/// People of at least this role, and API keys of the scope that goes with it.
pub fn needs(role: Role, routes: UtoipaMethodRouter<AppState>) -> UtoipaMethodRouter<AppState> {
    let scope = types::access::Scope::widest_of(role);
    stamp(routes, role.as_str(), scope.as_str())
}

/// Anybody signed in, about their own account: what lets somebody in is not changed with less, so API keys need `admin`.
pub fn needs_account_rights(routes: UtoipaMethodRouter<AppState>) -> UtoipaMethodRouter<AppState> {
    stamp(routes, Role::Viewer.as_str(), types::access::Scope::Admin.as_str())
}

fn stamp(
    (schemas, mut paths, router): UtoipaMethodRouter<AppState>,
    role: &str,
    scope: &str,
) -> UtoipaMethodRouter<AppState> {
    for item in paths.paths.values_mut() {
        let operations = [
            &mut item.get,
            &mut item.put,
            &mut item.post,
            &mut item.patch,
            &mut item.delete,
        ];
        for operation in operations.into_iter().flatten() {
            stamp_operation(operation, role, scope);
        }
    }
    (schemas, paths, router)
}

fn stamp_operation(operation: &mut Operation, role: &str, scope: &str) {
    let extensions = operation.extensions.get_or_insert_default();
    extensions.merge(
        ExtensionsBuilder::new()
            .add(REQUIRED_ROLE, json!(role))
            .add(REQUIRED_SCOPE, json!(scope))
            .build(),
    );
}
