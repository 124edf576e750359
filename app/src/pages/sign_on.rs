//! Single sign-on, as an admin sets it up.

use leptos::prelude::*;
use leptos::server_fn::ServerFn;
use types::oidc::{GroupRole, OidcConfig, OidcSettings};
use types::people::Role;

use crate::api::sign_on::{CheckSignOn, SaveSignOn, TestSignOn, get_sign_on};
use crate::components::fields::{CheckField, SelectField, TextField};
use crate::components::layout::PageHead;
use crate::components::notices::{Notice, Tone};
use crate::components::post_form::{ButtonForm, Post, PostErrors, PostForm};
use crate::components::roles::role_choices;
use crate::islands::test_button::TestButton;
use crate::link::link_to;
use crate::pages::{read_query, show};

/// Rows for groups that are not named yet.
const BLANK_ROWS: usize = 2;

/// The form, the address to register, and a test of what is stored.
#[component]
pub fn SignOnPage() -> impl IntoView {
    let check = Post::to::<CheckSignOn>();
    let done = match read_query().get_str("done") {
        Some("saved") => Some("The settings were saved."),
        Some("tested") => Some("The provider answers and publishes its keys."),
        _ => None,
    };
    show(async move {
        let config = get_sign_on().await?;
        let is_stored = !config.settings.issuer.is_empty();
        Ok(view! {
            <PageHead title="Single sign-on"><a class="button" href=link_to("/settings")>"All settings"</a></PageHead>
            {done.map(|sentence| view! { <Notice tone=Tone::Good>{sentence}</Notice> })}
            <PostErrors posts=vec![check.clone()] />
            <RedirectSection address=config.redirect_uri.clone() />
            {is_stored.then(|| view! {
                <ButtonForm post=check>
                    <button class="button" type="submit" data-busy="Asking…">"Test what is saved"</button>
                </ButtonForm>
            })}
            <Editor config=config />
        }
        .into_any())
    })
}

/// What the provider has to be told.
#[component]
fn RedirectSection(address: Option<String>) -> impl IntoView {
    let text = match address {
        Some(address) => view! {
            <p class="hint">"Register this redirect address at the provider, letter by letter."</p>
            <p><code class="wrap" id="redirect-address">{address}</code></p>
        }
        .into_any(),
        None => view! {
            <p class="hint">"Enter the public address below and save: then the redirect address to register stands here."</p>
        }
        .into_any(),
    };
    view! { <section class="section"><h2>"At the provider"</h2>{text}</section> }
}

#[component]
fn Editor(config: OidcConfig) -> impl IntoView {
    let settings = config.settings.clone();
    view! {
        <PostForm post={Post::to::<SaveSignOn>()}>
            <div class="sections">
                <ProviderSection config=config />
                <PageSection settings=settings.clone() />
                <PeopleSection settings=settings.clone() />
                <RoleSection settings=settings />
            </div>
            <div class="save-bar actions" data-test=link_to(TestSignOn::PATH)>
                <button class="button button-primary" type="submit">"Save"</button>
                <TestButton />
            </div>
        </PostForm>
    }
}

#[component]
fn ProviderSection(config: OidcConfig) -> impl IntoView {
    let OidcSettings {
        is_enabled,
        issuer,
        client_id,
        scopes,
        ..
    } = config.settings;
    let hint = if config.has_client_secret {
        "One is stored and is never shown. Leave empty to keep it."
    } else {
        "Empty for a public client, which has none."
    };
    view! {
        <section class="section">
            <h2>"Provider"</h2>
            <CheckField
                label="Switched on" name="input[is_enabled]" value=is_enabled
                hint="Shows the button on the sign-in page. Passwords go on working."
            />
            <TextField
                label="Issuer" name="input[issuer]" value=issuer placeholder="https://id.example.com"
                hint="The provider's address, as it writes it itself. https, or http on this machine."
            />
            <TextField label="Client id" name="input[client_id]" value=client_id autocomplete="off" />
            <TextField
                label="Client secret" name="input[client_secret]" kind="password" hint=hint autocomplete="new-password"
            />
            {config.has_client_secret.then(|| view! {
                <CheckField
                    label="Forget the stored secret" name="input[has_no_secret]" value=false
                    hint="For a public client, which has none."
                />
            })}
            <TextField
                label="Scopes" name="input[scopes]" value=scopes.join(" ")
                hint="With blanks between; openid is always asked for. Groups often need one of their own."
            />
        </section>
    }
}

#[component]
fn PageSection(settings: OidcSettings) -> impl IntoView {
    view! {
        <section class="section">
            <h2>"Here"</h2>
            <TextField
                label="Name on the button" name="input[display_name]" value=settings.display_name required=true
                hint="Sign in with …"
            />
            <TextField
                label="Public address" name="input[public_url]" value=settings.public_url
                placeholder="https://books.example.com" hint="Where people open mamcrawler, without a path."
            />
        </section>
    }
}

#[component]
fn PeopleSection(settings: OidcSettings) -> impl IntoView {
    view! {
        <section class="section">
            <h2>"People"</h2>
            <CheckField
                label="Make an account at the first sign-in" name="input[creates_users]" value=settings.creates_users
                hint="Off: only people who have an account here can sign in."
            />
            <CheckField
                label="Find accounts by a verified e-mail" name="input[links_by_verified_email]"
                value=settings.links_by_verified_email
                hint="Only for a provider that lets nobody enter somebody else's address."
            />
        </section>
    }
}

#[component]
fn RoleSection(settings: OidcSettings) -> impl IntoView {
    let mut choices = vec![(String::new(), "nothing: refuse them".to_owned())];
    choices.extend(
        role_choices()
            .into_iter()
            .filter(|(role, _)| role != Role::Admin.as_str()),
    );
    let chosen = settings.default_role.map_or("", |role| role.as_str());
    view! {
        <section class="section">
            <h2>"Roles"</h2>
            <TextField
                label="Claim with the groups" name="input[groups_claim]" value=settings.groups_claim
                hint="Dots lead into nested ones: realm_access.roles."
            />
            <GroupRows rules=settings.group_roles />
            <SelectField label="Everybody else may" name="input[default_role]" choices=choices value=chosen />
        </section>
    }
}

/// Groups and their roles, with empty rows for more.
#[component]
fn GroupRows(rules: Vec<GroupRole>) -> impl IntoView {
    let blank = GroupRole {
        group: String::new(),
        role: Role::User,
    };
    let rows = rules
        .into_iter()
        .chain(std::iter::repeat_n(blank, BLANK_ROWS))
        .enumerate()
        .map(|(index, rule)| {
            view! {
                <div class="field-row">
                    <TextField label=format!("Group {}", index + 1) name=format!("input[group_roles][{index}][group]") value=rule.group />
                    <SelectField
                        label=format!("Role of group {}", index + 1) name=format!("input[group_roles][{index}][role]")
                        choices=role_choices() value=rule.role.as_str()
                    />
                </div>
            }
        })
        .collect_view();
    view! {
        <fieldset class="fieldset">
            <legend>"Roles of groups"</legend>
            <p class="hint">
                "Whoever is in several gets the highest. Without any, the provider changes no role. Empty a group's name to remove it; save for more rows."
            </p>
            {rows}
        </fieldset>
    }
}
