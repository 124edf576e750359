//! Whether the person that the provider vouches for is a user here, and in which role.
//!
//! The key is issuer and subject. An e-mail leads to an account only where an admin allows it and the provider verified
//! it, and never to an admin's: whoever runs the provider would else be one.

use db::Connection;
use db::identities::IdentityRow;
use db::users::UserRow;
use diesel_async::AsyncConnection;
use domain::single_sign_on::{
    Claims, RoleChoice, choose_role, fold_email, number_username, read_groups, suggest_username, verified_email,
};
use serde_json::{Value, json};
use types::oidc::OidcSettings;
use types::people::{CurrentUser, Role};
use types::{SessionId, UserId};
use uuid::Uuid;

use super::config::hold_settings;
use super::refusal::{Refused, Who};
use crate::Services;
use crate::actor::{Actor, Origin};
use crate::audit::record_action;
use crate::auth::{SignedIn, start_session};
use crate::clock::random_32;
use crate::credentials::digest;
use crate::users::{find_last_admin, new_user_row, username_key};

const NAME_TRIES: u32 = 100;

/// What the provider says about one person, read once.
struct Person {
    issuer: String,
    subject: String,
    email: Option<String>,
    verified_email: Option<String>,
    username: String,
    role: RoleChoice,
}

/// A link that was begun, and what must still be so at its end.
pub(super) struct PendingLink {
    pub session: SessionId,
    pub password_mark: String,
}

/// Signs the person in, if they are a user here or may become one.
pub(super) async fn admit_person(
    services: &Services,
    settings: &OidcSettings,
    issuer: &str,
    claims: &Claims,
    origin: &Origin,
) -> Result<SignedIn, Refused> {
    let person = read_person(settings, issuer, claims)?;
    let who = Who {
        user_id: None,
        name: Some(person.username.clone()),
    };
    if matches!(person.role, RoleChoice::Refused) {
        return Err(no_group().about(&who));
    }
    // Hashed before the transaction: connections are few. Nobody knows the password, so it signs nobody in.
    let newcomer = match settings.creates_users {
        true => Some(
            new_user_row(
                services,
                &person.username,
                &hex::encode(random_32(services.random())),
                Role::Viewer,
            )
            .await?,
        ),
        false => None,
    };
    let mut conn = services.connection().await?;
    let admitted = conn
        .transaction::<_, Refused, _>(async |conn| {
            // Two first sign-ins of one person, and two changes to who is an admin, take turns.
            db::users::lock_setup(conn).await?;
            hold_settings(conn, settings).await?;
            let user = find_or_make(conn, services, settings, &person, newcomer, origin).await?;
            if !user.is_active {
                return Err(Refused::new(
                    "switched_off",
                    "This account is switched off. Ask an admin to switch it on.",
                ));
            }
            let user = apply_role(conn, services, &person, user, origin).await?;
            db::users::record_login(conn, UserId(user.id), services.now()).await?;
            let signed_in = start_session(conn, services, &user, origin).await?;
            let about = ("login", json!({ "by": "single sign-on" }));
            record(conn, services, &user, &signed_in.origin(origin), about).await?;
            Ok(signed_in)
        })
        .await;
    admitted.map_err(|refused| match refused.who.name {
        Some(_) => refused,
        None => refused.about(&who),
    })
}

/// Connects the person at the provider with somebody, in the sign-in that began it.
pub(super) async fn link_person(
    services: &Services,
    settings: &OidcSettings,
    (issuer, claims): (&str, &Claims),
    link: &PendingLink,
    origin: &Origin,
) -> Result<(), Refused> {
    let person = read_person(settings, issuer, claims)?;
    let mut conn = services.connection().await?;
    conn.transaction::<_, Refused, _>(async |conn| {
        db::users::lock_setup(conn).await?;
        hold_settings(conn, settings).await?;
        let user = find_linking_user(conn, services, link).await?;
        match db::identities::find_identity(conn, &person.issuer, &person.subject).await? {
            Some(identity) if identity.user_id == user.id => Ok(()),
            Some(_) => Err(Refused::new(
                "linked_elsewhere",
                "This person at the provider belongs to another account here. Sign in with that one, or ask an admin to \
                 disconnect it there.",
            )
            .about(&who_is(&user))),
            None => insert_link(conn, services, &person, &user, origin).await,
        }
    })
    .await
}

/// Whose sign-in it is. Refuses when that has ended, or the password is another one: whoever had it may be gone for good.
async fn find_linking_user(conn: &mut Connection, services: &Services, link: &PendingLink) -> Result<UserRow, Refused> {
    // Locked: a sign-out either comes before, or waits until the link is written down.
    let session = db::sessions::lock_session(conn, link.session).await?;
    let live = session.filter(|session| session.is_live(services.now()));
    let user = match live {
        Some(session) => db::users::find_user(conn, UserId(session.user_id)).await?,
        None => None,
    };
    user.filter(|user| user.is_active && mark_password(user) == link.password_mark)
        .ok_or_else(Refused::by_sign_out)
}

/// Tells a later password from this one, and tells nothing else of it.
pub(super) fn mark_password(user: &UserRow) -> String {
    hex::encode(&digest(&[b"single sign-on", user.password_hash.as_bytes()])[..16])
}

fn read_person(settings: &OidcSettings, issuer: &str, claims: &Claims) -> Result<Person, Refused> {
    let subject = claims.get("sub").and_then(Value::as_str).unwrap_or_default();
    // OpenID Connect Core 2: at most 255 ASCII characters.
    if subject.is_empty() || subject.len() > 255 || subject.contains('\0') {
        return Err(Refused::new(
            "no_subject",
            "The provider did not say who you are. Ask an admin to check the provider.",
        ));
    }
    Ok(Person {
        issuer: issuer.into(),
        subject: subject.into(),
        email: claims.get("email").and_then(Value::as_str).and_then(fold_email),
        verified_email: verified_email(claims),
        username: suggest_username(claims),
        role: choose_role(settings, &read_groups(claims, &settings.groups_claim)),
    })
}

async fn find_or_make(
    conn: &mut Connection,
    services: &Services,
    settings: &OidcSettings,
    person: &Person,
    newcomer: Option<UserRow>,
    origin: &Origin,
) -> Result<UserRow, Refused> {
    if let Some(identity) = db::identities::find_identity(conn, &person.issuer, &person.subject).await? {
        let email = person.email.as_deref();
        db::identities::record_identity_login(conn, identity.id, email, services.now()).await?;
        let user = db::users::find_user(conn, UserId(identity.user_id)).await?;
        return Ok(user.ok_or(db::DbError::NotFound)?);
    }
    if settings.links_by_verified_email
        && let Some(user) = find_by_email(conn, person).await?
    {
        insert_link(conn, services, person, &user, origin).await?;
        return Ok(user);
    }
    match newcomer {
        Some(newcomer) => make_user(conn, services, person, newcomer, origin).await,
        None => Err(Refused::new(
            "unknown_person",
            "You have no account here yet. If you have one with a password, sign in with that and connect it under Account; \
             else ask an admin to make you one.",
        )),
    }
}

async fn find_by_email(conn: &mut Connection, person: &Person) -> Result<Option<UserRow>, Refused> {
    let Some(email) = &person.verified_email else {
        return Ok(None);
    };
    let user = db::identities::find_user_by_email(conn, email).await?;
    match user {
        Some(user) if user.role == Role::Admin.as_str() => Err(Refused::new(
            "email_of_admin",
            "Your e-mail belongs to an admin's account here, which is not connected by e-mail. Sign in with its password and \
             connect it under Account.",
        )
        .about(&who_is(&user))),
        user => Ok(user),
    }
}

async fn insert_link(
    conn: &mut Connection,
    services: &Services,
    person: &Person,
    user: &UserRow,
    origin: &Origin,
) -> Result<(), Refused> {
    let now = services.now();
    let identity = IdentityRow {
        id: services.new_id::<Uuid>(),
        user_id: user.id,
        issuer: person.issuer.clone(),
        subject: person.subject.clone(),
        email: person.email.clone(),
        created_at: now,
        last_login_at: Some(now),
    };
    db::identities::insert_identity(conn, &identity).await?;
    let detail = json!({ "issuer": person.issuer, "subject": person.subject, "email": person.email });
    record(conn, services, user, origin, ("link_identity", detail)).await
}

async fn make_user(
    conn: &mut Connection,
    services: &Services,
    person: &Person,
    newcomer: UserRow,
    origin: &Origin,
) -> Result<UserRow, Refused> {
    let role = match person.role {
        RoleChoice::Given(role) | RoleChoice::Kept { new: Some(role) } => role,
        RoleChoice::Kept { new: None } => {
            return Err(Refused::new(
                "no_default_role",
                "New people get no role here by themselves. Ask an admin to make you an account.",
            ));
        }
        RoleChoice::Refused => return Err(no_group()),
    };
    let username = free_username(conn, &person.username).await?;
    let user = UserRow {
        username_key: username_key(&username),
        username,
        role: role.as_str().into(),
        has_password: false,
        ..newcomer
    };
    db::users::insert_user(conn, &user).await?;
    // An e-mail that somebody else has here stays theirs.
    if let Some(email) = &person.verified_email
        && db::identities::find_user_by_email(conn, email).await?.is_none()
    {
        db::identities::set_email(conn, UserId(user.id), Some(email)).await?;
    }
    let detail = json!({ "role": user.role, "by": "single sign-on" });
    record(conn, services, &user, origin, ("create_user", detail)).await?;
    insert_link(conn, services, person, &user, origin).await?;
    Ok(user)
}

async fn free_username(conn: &mut Connection, wanted: &str) -> Result<String, Refused> {
    for attempt in 1..=NAME_TRIES {
        let name = number_username(wanted, attempt);
        if db::users::find_user_by_key(conn, &username_key(&name)).await?.is_none() {
            return Ok(name);
        }
    }
    Err(Refused::new(
        "no_free_name",
        "Your user name is taken here in every spelling that was tried. Ask an admin to make you an account.",
    ))
}

/// The role of the groups, at each sign-in. The last admin stays one: nobody could change the settings any more.
async fn apply_role(
    conn: &mut Connection,
    services: &Services,
    person: &Person,
    user: UserRow,
    origin: &Origin,
) -> Result<UserRow, Refused> {
    let RoleChoice::Given(role) = person.role else {
        return Ok(user);
    };
    if user.role == role.as_str() {
        return Ok(user);
    }
    if find_last_admin(conn, &user).await?.is_some() {
        tracing::warn!(user.id = %user.id, "kept the last admin, whose groups give the role \"{role}\"");
        let detail = json!({ "role": role, "kept": Role::Admin });
        record(conn, services, &user, origin, ("keep_last_admin", detail)).await?;
        return Ok(user);
    }
    db::users::set_user_role(conn, UserId(user.id), role).await?;
    let changes = json!({ "changes": { "role": { "old": user.role, "new": role } }, "by": "single sign-on" });
    record(conn, services, &user, origin, ("set_user_role", changes)).await?;
    Ok(UserRow {
        role: role.as_str().into(),
        ..user
    })
}

/// A line about somebody by themselves, as their own sign-in did it.
async fn record(
    conn: &mut Connection,
    services: &Services,
    user: &UserRow,
    origin: &Origin,
    (action, detail): (&str, Value),
) -> Result<(), Refused> {
    let current = CurrentUser {
        id: user.id.into(),
        username: user.username.clone(),
        role: user.role.parse().map_err(db::DbError::from)?,
    };
    let actor = Actor::User(current, origin.clone());
    let about = (Some(user.username.clone()), detail);
    Ok(record_action(conn, services, &actor, action, about).await?)
}

fn who_is(user: &UserRow) -> Who {
    Who {
        user_id: Some(user.id),
        name: Some(user.username.clone()),
    }
}

fn no_group() -> Refused {
    Refused::new(
        "no_role",
        "The provider knows you, but none of your groups may use mamcrawler. Ask an admin to add you to one that may.",
    )
}
