//! The fields of an integration: what each kind needs, and nothing else.

use leptos::prelude::*;
use types::integrations::{Integration, IntegrationKind, IntegrationOptions, PathMap};

use super::fields::{CheckField, TextField};

/// Words for the fields of a kind.
struct KindText {
    /// What it is for.
    purpose: &'static str,
    url: &'static str,
    url_hint: &'static str,
    secret: &'static str,
    secret_hint: &'static str,
}

const fn kind_text(kind: IntegrationKind) -> KindText {
    match kind {
        IntegrationKind::Audiobookshelf => KindText {
            purpose: "Your library: what you own, and where new books go.",
            url: "http://127.0.0.1:13378",
            url_hint: "Where you open Audiobookshelf.",
            secret: "API key",
            secret_hint: "Audiobookshelf → Settings → API Keys. An admin's key can also start scans.",
        },
        IntegrationKind::Qbittorrent => KindText {
            purpose: "Downloads and seeds.",
            url: "http://127.0.0.1:8080",
            url_hint: "Address of the web interface.",
            secret: "Password or API key",
            secret_hint: "With an API key (5.2 and later) leave the user name empty.",
        },
        IntegrationKind::Myanonamouse => KindText {
            purpose: "An indexer, through the site's own JSON API.",
            url: "https://www.myanonamouse.net",
            url_hint: "Address of the site.",
            secret: "Session (mam_id)",
            secret_hint: "Make one for this app: Preferences → Security. It changes by itself and is kept encrypted.",
        },
        IntegrationKind::Prowlarr => KindText {
            purpose: "Many indexers behind one address.",
            url: "http://127.0.0.1:9696",
            url_hint: "Where you open Prowlarr.",
            secret: "API key",
            secret_hint: "Prowlarr → Settings → General.",
        },
        IntegrationKind::Torznab => KindText {
            purpose: "One indexer with a Torznab feed.",
            url: "http://127.0.0.1:9117/api/v2.0/indexers/all/results/torznab",
            url_hint: "The feed's address, without its query.",
            secret: "API key",
            secret_hint: "Leave empty if the feed needs none.",
        },
    }
}

/// What a kind is for.
pub const fn purpose(kind: IntegrationKind) -> &'static str {
    kind_text(kind).purpose
}

/// All fields for one kind, filled with what is stored.
#[component]
pub fn IntegrationFields(kind: IntegrationKind, stored: Option<Integration>) -> impl IntoView {
    let text = kind_text(kind);
    let has_secret = stored.as_ref().is_some_and(|stored| stored.has_secret);
    let id = stored.as_ref().map(|stored| stored.id.to_string()).unwrap_or_default();
    let name = stored
        .as_ref()
        .map_or_else(|| kind.label().to_owned(), |stored| stored.name.clone());
    let url = stored.as_ref().map(|stored| stored.url.clone()).unwrap_or_default();
    let priority = stored.as_ref().map_or(0, |stored| stored.priority);
    let is_enabled = stored.as_ref().is_none_or(|stored| stored.is_enabled);
    let options = stored.map(|stored| stored.options).unwrap_or_default();
    view! {
        <input type="hidden" name="input[id]" value=id />
        <input type="hidden" name="input[kind]" value=kind.as_str() />
        <TextField label="Name" name="input[name]" value=name required=true hint="How it is called here." />
        <TextField label="Address" name="input[url]" value=url kind="url" required=true hint=text.url_hint placeholder=text.url />
        {(kind == IntegrationKind::Qbittorrent)
            .then(|| view! { <TextField label="User name" name="input[username]" value=options.username.clone() autocomplete="off" /> })}
        <SecretField label=text.secret hint=text.secret_hint has_secret=has_secret />
        <KindFields kind=kind options=options />
        <TextField
            label="Order" name="input[priority]" value=priority.to_string() kind="number"
            hint="Of several of a kind, the lowest is asked first."
        />
        <CheckField label="Switched on" name="input[is_enabled]" value=is_enabled />
    }
}

/// Can be written and never read.
#[component]
fn SecretField(label: &'static str, hint: &'static str, has_secret: bool) -> impl IntoView {
    let hint = if has_secret {
        format!("One is stored. Leave empty to keep it. {hint}")
    } else {
        hint.to_owned()
    };
    view! { <TextField label=label name="input[secret]" kind="password" hint=hint autocomplete="new-password" /> }
}

/// What only some kinds have.
#[component]
fn KindFields(kind: IntegrationKind, options: IntegrationOptions) -> impl IntoView {
    match kind {
        IntegrationKind::Audiobookshelf => view! {
            <TextField
                label="Library" name="input[library_id]" value=options.library_id
                hint="Its id; empty: the first library of books."
            />
            <PathMapFields service=kind.label() maps=options.path_maps />
        }
        .into_any(),
        IntegrationKind::Qbittorrent => view! {
            <TextField label="Category" name="input[category]" value=options.category hint="Marks our downloads there." />
            <TextField
                label="Save path" name="input[save_path]" value=options.save_path
                hint="As qBittorrent sees it. On the same disk as the library, files are hardlinked instead of copied."
            />
            <PathMapFields service=kind.label() maps=options.path_maps />
        }
        .into_any(),
        IntegrationKind::Myanonamouse => view! {
            <CheckField
                label="I have read the site's rules on automation and accept them" name="input[rules_accepted]"
                value=options.rules_accepted hint="Nothing is asked of the site before."
            />
            <TextField
                label="Other addresses" name="input[extra_hosts]" value=options.extra_hosts.join(", ")
                hint="Hosts of the tracker or of mirrors, with commas. Usually empty."
            />
        }
        .into_any(),
        IntegrationKind::Prowlarr | IntegrationKind::Torznab => view! {
            <TextField
                label="Categories" name="input[categories]" value=join_numbers(&options.categories)
                hint="Numbers with commas; empty: 3030, audiobooks."
            />
            {(kind == IntegrationKind::Prowlarr).then(|| view! {
                <TextField
                    label="Indexers" name="input[indexer_ids]" value=join_numbers(&options.indexer_ids)
                    hint="Ids with commas; empty: all torrent indexers, without MyAnonamouse when that is connected itself."
                />
            })}
        }
        .into_any(),
    }
}

/// Pairs of paths, with one empty row for the next.
#[component]
fn PathMapFields(service: &'static str, maps: Vec<PathMap>) -> impl IntoView {
    let blank = PathMap {
        remote: String::new(),
        local: String::new(),
    };
    let rows = maps
        .into_iter()
        .chain([blank])
        .enumerate()
        .map(|(index, map)| {
            view! {
                <div class="field-row">
                    <TextField
                        label=format!("Path in {service}") name=format!("input[path_maps][{index}][remote]") value=map.remote
                    />
                    <TextField label="The same path here" name=format!("input[path_maps][{index}][local]") value=map.local />
                </div>
            }
        })
        .collect_view();
    view! {
        <fieldset class="fieldset">
            <legend>"Paths"</legend>
            <p class="hint">"Needed when it runs in a container or on another machine and sees the same folder elsewhere."</p>
            {rows}
        </fieldset>
    }
}

fn join_numbers(numbers: &[impl ToString]) -> String {
    numbers.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
}
