//! Settings: how imports are named, what is grabbed by itself, and the limits.

use leptos::prelude::*;
use types::settings::{ImportPolicy, NamingPreview, Settings};

use crate::api::settings::{SaveSettings, get_settings, preview_naming};
use crate::components::fields::{CheckField, SelectField, TextField};
use crate::components::layout::PageHead;
use crate::components::notices::{Notice, Tone};
use crate::components::post_form::{Post, PostForm};
use crate::link::link_to;
use crate::pages::{read_query, show};

/// One form for all of them.
#[component]
pub fn SettingsPage() -> impl IntoView {
    let query = read_query();
    let is_saved = query.get_str("done") == Some("saved");
    show(async move {
        let settings = get_settings().await?;
        let typed = |name: &str, stored: &str| query.get(name).unwrap_or_else(|| stored.to_owned());
        let previews = preview_naming(
            typed("input[series_template]", &settings.series_template),
            typed("input[standalone_template]", &settings.standalone_template),
        )
        .await?;
        Ok(view! {
            <PageHead title="Settings"><a class="button" href=link_to("/settings/sign-on")>"Single sign-on"</a></PageHead>
            {is_saved.then(|| view! { <Notice tone=Tone::Good>"The settings were saved."</Notice> })}
            <PostForm post={Post::to::<SaveSettings>()}>
                <div class="sections">
                    <NamingSection settings=settings.clone() previews=previews />
                    <ImportSection settings=settings.clone() />
                    <ChoiceSection settings=settings.clone() />
                    <LimitSection settings=settings />
                </div>
                <div class="save-bar"><button class="button button-primary" type="submit">"Save"</button></div>
            </PostForm>
        }
        .into_any())
    })
}

/// The templates, with what they make of the library's own books; in the browser, as one types.
#[component]
fn NamingSection(settings: Settings, previews: Vec<NamingPreview>) -> impl IntoView {
    view! {
        <section class="section" data-preview="naming-preview">
            <h2>"Folder names"</h2>
            <p class="hint">
                "Parts: {author} {series} {sequence} {year} {title} {subtitle} {narrator} {asin}. What surrounds an empty part goes with it. A slash starts a folder."
            </p>
            <TextField label="Of books in a series" name="input[series_template]" value=settings.series_template required=true />
            <TextField label="Of other books" name="input[standalone_template]" value=settings.standalone_template required=true />
            <h3>"On your own books"</h3>
            <div id="naming-preview"><Previews previews=previews /></div>
        </section>
    }
}

#[component]
fn Previews(previews: Vec<NamingPreview>) -> impl IntoView {
    let is_empty = previews.is_empty();
    let rows = previews
        .into_iter()
        .map(|preview| {
            let result = match preview.result {
                Ok(folder) => view! { <bdi class="path">{folder}</bdi> }.into_any(),
                Err(complaint) => view! { <span class="field-error" dir="auto">{complaint}</span> }.into_any(),
            };
            view! { <li><bdi class="clamp-1">{preview.title}</bdi>{result}</li> }
        })
        .collect_view();
    view! {
        {is_empty.then(|| view! { <p class="hint">"Shown as soon as there are books."</p> })}
        <ul class="files" aria-live="polite">{rows}</ul>
    }
}

#[component]
fn ImportSection(settings: Settings) -> impl IntoView {
    let policies = vec![
        (
            ImportPolicy::Any.to_string(),
            "Hardlink, else reflink, else copy".to_owned(),
        ),
        (
            ImportPolicy::HardlinkOnly.to_string(),
            "Hardlink only; say so when it can't".to_owned(),
        ),
    ];
    view! {
        <section class="section">
            <h2>"Import"</h2>
            <SelectField
                label="Files enter the library by" name="input[import_policy]" choices=policies
                value=settings.import_policy.as_str()
                hint="The torrent's own files are never changed. A hardlink takes no space and needs one disk for both."
            />
            <TextField
                label="Library folder" name="input[library_path]" value=settings.library_path
                hint="As this server sees it. Empty: the first folder of the Audiobookshelf library."
            />
        </section>
    }
}

#[component]
fn ChoiceSection(settings: Settings) -> impl IntoView {
    view! {
        <section class="section">
            <h2>"Choice"</h2>
            <CheckField
                label="Choose and grab for wants by itself" name="input[is_automatic]" value=settings.is_automatic
                hint="Off: every want waits for a person."
            />
            <TextField label="Languages" name="input[languages]" value=settings.languages.join(", ") hint="With commas: English, German." />
            <div class="field-row">
                <NumberField label="Lowest bitrate, kbit/s" name="min_bitrate_kbps" value=settings.min_bitrate_kbps />
                <NumberField label="Largest size, GiB" name="max_size_gib" value=settings.max_size_gib />
                <NumberField label="Fewest seeders" name="min_seeders" value=settings.min_seeders />
            </div>
        </section>
    }
}

#[component]
fn LimitSection(settings: Settings) -> impl IntoView {
    view! {
        <section class="section">
            <h2>"Limits and times"</h2>
            <div class="field-row">
                <NumberField label="Unsatisfied slots kept free" name="unsatisfied_reserve" value=settings.unsatisfied_reserve />
                <TextField
                    label="Ratio kept at least" name="input[floor_buffer]" value=settings.floor_buffer.to_string()
                    kind="number" step="0.01" required=true hint="No paid grab may bring the account below."
                />
                <NumberField label="Disk kept free, GiB" name="min_free_gib" value=settings.min_free_gib />
                <NumberField label="Automatic grabs in one run" name="max_automatic_grabs" value=settings.max_automatic_grabs />
                <NumberField label="Minutes without a byte = stalled" name="stall_minutes" value=settings.stall_minutes />
                <NumberField label="Days that the audit log is kept" name="audit_retention_days" value=settings.audit_retention_days />
            </div>
            <TextField
                label="Time zone" name="input[time_zone]" value=settings.time_zone required=true
                hint="By whose clock scheduled jobs start, such as Europe/Berlin. One for everybody, as the jobs are."
            />
        </section>
    }
}

#[component]
fn NumberField(label: &'static str, name: &'static str, value: u32) -> impl IntoView {
    view! { <TextField label=label name=format!("input[{name}]") value=value.to_string() kind="number" required=true /> }
}
