//! What each role may do.

use types::people::Role;

/// The roles as choices of a form: word and what it may do.
pub fn role_choices() -> Vec<(String, String)> {
    Role::ALL
        .iter()
        .map(|role| (role.to_string(), describe_role(*role).to_owned()))
        .collect()
}

const fn describe_role(role: Role) -> &'static str {
    match role {
        Role::Viewer => "viewer: read",
        Role::User => "user: browse, request, keep own wants",
        Role::Manager => "manager: approve, grab, edit",
        Role::Admin => "admin: users, settings, secrets, jobs",
    }
}
