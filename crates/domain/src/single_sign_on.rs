//! What the claims of a single sign-on provider mean for a user: groups, role, name, e-mail
//! (`contracts/notifications_oidc.md`). And how many sign-ins may be on their way to it.

use serde_json::{Map, Value};
use types::oidc::{GroupRole, OidcSettings};
use types::people::Role;

/// Sign-ins that one address, or one person who connects an account, may have on their way.
const MAX_OF_ONE: i64 = 50;
/// Sign-ins on their way in all; far above what people do, so that a flood can't fill the disk.
const MAX_IN_ALL: i64 = 10_000;
/// What only a signed token may say: whom it is for, by whom, since when, and how somebody signed in.
const OF_TOKENS: [&str; 15] = [
    "iss",
    "sub",
    "aud",
    "azp",
    "exp",
    "nbf",
    "iat",
    "jti",
    "nonce",
    "auth_time",
    "acr",
    "amr",
    "at_hash",
    "c_hash",
    "sid",
];

/// The claims of one person.
pub type Claims = Map<String, Value>;

/// What the provider's groups say about a role.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RoleChoice {
    /// This role, at each sign-in.
    Given(Role),
    /// Roles are given here; somebody new gets the default one, if there is one.
    Kept { new: Option<Role> },
    /// In none of the groups that may come in.
    Refused,
}

/// The role of somebody with these groups: the highest of those that match.
pub fn choose_role(settings: &OidcSettings, groups: &[String]) -> RoleChoice {
    // Admin comes from a group only, whatever is stored.
    let default = settings.default_role.filter(|role| *role != Role::Admin);
    if settings.group_roles.is_empty() {
        return RoleChoice::Kept { new: default };
    }
    let matches = |rule: &&GroupRole| groups.iter().any(|group| group == &rule.group);
    let highest = settings.group_roles.iter().filter(matches).map(|rule| rule.role).max();
    match highest.or(default) {
        Some(role) => RoleChoice::Given(role),
        None => RoleChoice::Refused,
    }
}

/// The claim at `path`: a claim of just this name, else one inside of others ("realm_access.roles").
pub fn find_claim<'a>(claims: &'a Claims, path: &str) -> Option<&'a Value> {
    if let Some(value) = claims.get(path) {
        return Some(value);
    }
    let (first, rest) = path.split_once('.')?;
    find_claim(claims.get(first)?.as_object()?, rest)
}

/// The groups at `path`: a list of texts, or a single one.
pub fn read_groups(claims: &Claims, path: &str) -> Vec<String> {
    match find_claim(claims, path) {
        Some(Value::String(group)) => vec![group.clone()],
        Some(Value::Array(groups)) => groups.iter().filter_map(Value::as_str).map(str::to_owned).collect(),
        _ => Vec::new(),
    }
}

/// Adds what the provider tells elsewhere about the same person to the claims of their token, which win.
///
/// E-mail and the word for it come from one document: the token's "verified" must not vouch for another e-mail.
pub fn merge_userinfo(token: &mut Claims, mut userinfo: Claims, groups_claim: &str) {
    for name in OF_TOKENS {
        userinfo.remove(name);
    }
    // By another spelling of the path it would hide the token's groups.
    if find_claim(token, groups_claim).is_some() {
        userinfo.remove(groups_claim);
    }
    let text = |claims: &Claims| claims.get("email").and_then(Value::as_str).map(str::to_owned);
    match text(token) {
        None => {
            token.remove("email");
            token.remove("email_verified");
        }
        own if own == text(&userinfo) => {}
        Some(_) => {
            userinfo.remove("email_verified");
        }
    }
    for (name, value) in userinfo {
        token.entry(name).or_insert(value);
    }
}

/// How many of somebody's `own` oldest sign-ins must go for one more, when there are `all` in all. `None`: there is no
/// room, as those of others stay.
pub fn count_leaving(own: i64, all: i64) -> Option<i64> {
    let leaving = (own + 1 - MAX_OF_ONE).max(all + 1 - MAX_IN_ALL).max(0);
    (leaving <= own).then_some(leaving)
}

/// The e-mail as accounts are compared by it: lower case, no blanks. `None` if there is none or it is no address.
pub fn fold_email(text: &str) -> Option<String> {
    let folded = text.trim().to_lowercase();
    let (name, host) = folded.rsplit_once('@')?;
    let is_plausible = !name.is_empty()
        && !host.is_empty()
        && (3..=254).contains(&folded.len())
        && !folded
            .chars()
            .any(|letter| letter.is_whitespace() || letter.is_control());
    is_plausible.then_some(folded)
}

/// The e-mail that the provider vouches for. Some write "true" as text.
pub fn verified_email(claims: &Claims) -> Option<String> {
    let is_verified = match claims.get("email_verified") {
        Some(Value::Bool(is_verified)) => *is_verified,
        Some(Value::String(text)) => text == "true",
        _ => false,
    };
    fold_email(claims.get("email")?.as_str()?).filter(|_| is_verified)
}

/// A user name out of what the provider knows, in letters that user names have; the first of its kind, not yet unique.
pub fn suggest_username(claims: &Claims) -> String {
    let text = |name: &str| claims.get(name).and_then(Value::as_str).unwrap_or_default();
    let email_name = text("email").split('@').next().unwrap_or_default();
    [text("preferred_username"), email_name, text("name")]
        .into_iter()
        .map(clean_username)
        .find(|name| !name.is_empty())
        .unwrap_or_else(|| "reader".into())
}

/// `name`, then `name-2`, `name-3`: the `attempt`-th one, at most 64 characters.
pub fn number_username(name: &str, attempt: u32) -> String {
    if attempt <= 1 {
        return name.into();
    }
    let suffix = format!("-{attempt}");
    let kept = 64 - suffix.len();
    name.chars().take(kept).collect::<String>() + &suffix
}

fn clean_username(text: &str) -> String {
    let joined = text.split_whitespace().collect::<Vec<_>>().join(".");
    let allowed = |letter: &char| letter.is_alphanumeric() || "._-@+".contains(*letter);
    joined.chars().filter(allowed).take(64).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn claims(value: Value) -> Claims {
        value.as_object().cloned().unwrap()
    }

    fn settings(rules: &[(&str, Role)], default_role: Option<Role>) -> OidcSettings {
        let rule = |(group, role): &(&str, Role)| GroupRole {
            group: (*group).into(),
            role: *role,
        };
        OidcSettings {
            group_roles: rules.iter().map(rule).collect(),
            default_role,
            ..OidcSettings::default()
        }
    }

    fn check(rules: &[(&str, Role)], default: Option<Role>, groups: &[&str], expected: RoleChoice) {
        let groups: Vec<String> = groups.iter().map(|group| (*group).to_owned()).collect();
        assert_eq!(choose_role(&settings(rules, default), &groups), expected, "{groups:?}");
    }

    #[test]
    fn the_highest_group_gives_the_role_and_strangers_get_the_default_or_nothing() {
        let rules = [("readers", Role::User), ("staff", Role::Manager), ("root", Role::Admin)];
        check(&rules, None, &["readers", "staff"], RoleChoice::Given(Role::Manager));
        check(&rules, None, &["root"], RoleChoice::Given(Role::Admin));
        check(&rules, Some(Role::Viewer), &["other"], RoleChoice::Given(Role::Viewer));
        check(&rules, None, &["Readers", "readers "], RoleChoice::Refused);
        check(&rules, None, &[], RoleChoice::Refused);
        check(
            &[],
            Some(Role::User),
            &["readers"],
            RoleChoice::Kept { new: Some(Role::User) },
        );
        check(&[], None, &[], RoleChoice::Kept { new: None });
    }

    #[test]
    fn admin_is_never_a_default() {
        check(&[], Some(Role::Admin), &[], RoleChoice::Kept { new: None });
        check(&[("a", Role::User)], Some(Role::Admin), &["b"], RoleChoice::Refused);
    }

    #[test]
    fn groups_are_found_as_a_list_a_single_text_and_inside_of_others() {
        let claims = claims(json!({
            "groups": ["a", 7, "b"], "role": "c", "realm_access": {"roles": ["d"]},
            "https://books.example/groups": ["e"], "no": 1
        }));
        assert_eq!(read_groups(&claims, "groups"), ["a", "b"]);
        assert_eq!(read_groups(&claims, "role"), ["c"]);
        assert_eq!(read_groups(&claims, "realm_access.roles"), ["d"]);
        assert_eq!(read_groups(&claims, "https://books.example/groups"), ["e"]);
        for absent in ["no", "none", "role.x", "realm_access", ""] {
            assert!(read_groups(&claims, absent).is_empty(), "{absent}");
        }
    }

    #[test]
    fn only_an_email_that_the_provider_vouches_for_counts() {
        let email = |verified: Value| {
            verified_email(&claims(
                json!({"email": " Anna@Example.COM ", "email_verified": verified}),
            ))
        };
        assert_eq!(email(json!(true)).as_deref(), Some("anna@example.com"));
        assert_eq!(email(json!("true")).as_deref(), Some("anna@example.com"));
        for unverified in [json!(false), json!("false"), json!(1), json!(null), json!("True")] {
            assert_eq!(email(unverified.clone()), None, "{unverified}");
        }
        for no_address in ["", "anna", "@example.com", "anna@", "an na@example.com", "a@b\n"] {
            let folded = fold_email(no_address);
            assert!(folded.is_none() || folded.as_deref() == Some("a@b"), "{no_address:?}");
        }
    }

    #[test]
    fn an_email_is_verified_only_by_the_document_that_names_it() {
        let merged = |token: Value, userinfo: Value| {
            let mut whole = claims(token);
            merge_userinfo(&mut whole, claims(userinfo), "groups");
            (
                whole.get("email").and_then(Value::as_str).map(str::to_owned),
                verified_email(&whole).is_some(),
            )
        };
        let own = || Some("own@example.com".to_owned());
        for (token, userinfo, expected) in [
            (
                json!({"email_verified": true}),
                json!({"email": "own@example.com"}),
                (own(), false),
            ),
            (
                json!({"email": null, "email_verified": true}),
                json!({"email": "own@example.com", "email_verified": false}),
                (own(), false),
            ),
            (
                json!({"email": "own@example.com"}),
                json!({"email": "other@example.com", "email_verified": true}),
                (own(), false),
            ),
            (
                json!({"email": "own@example.com"}),
                json!({"email_verified": true}),
                (own(), false),
            ),
            (
                json!({"email": "own@example.com", "email_verified": false}),
                json!({"email": "own@example.com", "email_verified": true}),
                (own(), false),
            ),
            (
                json!({"email": "own@example.com"}),
                json!({"email": "own@example.com", "email_verified": true}),
                (own(), true),
            ),
            (
                json!({}),
                json!({"email": "own@example.com", "email_verified": true}),
                (own(), true),
            ),
            (json!({"email_verified": true}), json!({}), (None, false)),
        ] {
            assert_eq!(merged(token.clone(), userinfo.clone()), expected, "{token} {userinfo}");
        }
    }

    #[test]
    fn what_a_token_says_is_not_said_otherwise_elsewhere() {
        let mut whole = claims(json!({"sub": "a", "realm": {"roles": ["readers"]}}));
        let more = claims(json!({
            "sub": "b", "iss": "https://elsewhere.example", "azp": "x", "amr": ["mfa"], "realm": {"roles": ["root"]},
            "realm.roles": ["root"], "name": "Anna"
        }));
        merge_userinfo(&mut whole, more, "realm.roles");
        assert_eq!(
            whole,
            claims(json!({"sub": "a", "realm": {"roles": ["readers"]}, "name": "Anna"}))
        );
        // Groups that the token lacks are told there.
        let mut whole = claims(json!({"sub": "a"}));
        merge_userinfo(&mut whole, claims(json!({"groups": ["readers"]})), "groups");
        assert_eq!(read_groups(&whole, "groups"), ["readers"]);
    }

    #[test]
    fn one_more_sign_in_takes_the_place_of_own_ones_only() {
        for (own, all, leaving) in [
            (0, 0, Some(0)),
            (49, 49, Some(0)),
            (50, 50, Some(1)),
            (60, 60, Some(11)),
            (0, 9_999, Some(0)),
            (1, 10_000, Some(1)),
            (0, 10_000, None),
            (2, 10_005, None),
        ] {
            assert_eq!(count_leaving(own, all), leaving, "{own} of {all}");
        }
    }

    #[test]
    fn user_names_keep_to_the_letters_that_user_names_have() {
        let name = |value| suggest_username(&claims(value));
        assert_eq!(name(json!({"preferred_username": "anna", "email": "x@y.z"})), "anna");
        assert_eq!(
            name(json!({"preferred_username": "<>", "email": "berta+1@y.z"})),
            "berta+1"
        );
        assert_eq!(name(json!({"name": "Søren Å/Kierkegaard"})), "Søren.ÅKierkegaard");
        assert_eq!(name(json!({})), "reader");
        assert_eq!(name(json!({"preferred_username": "é".repeat(80)})).chars().count(), 64);
        assert_eq!(number_username("anna", 1), "anna");
        assert_eq!(number_username("anna", 3), "anna-3");
        assert_eq!(number_username(&"é".repeat(64), 12).chars().count(), 64);
    }
}
