//! Settings: how imports are named, what is grabbed by itself, and the limits.

use leptos::prelude::*;
use leptos_router::hooks::use_query_map;
use types::settings::{ImportPolicy, NamingPreview, Settings};
use wasm_bindgen::JsCast;

use crate::api::settings::{SaveSettings, get_settings, preview_naming};
use crate::components::fields::{CheckField, FormError, FormErrors, SelectField, TextField};
use crate::components::layout::PageHead;
use crate::components::loaded::show_loaded;
use crate::components::notices::{Notice, Tone};
use crate::components::post_form::PostForm;
use crate::state::load::load;
use crate::state::post::Post;

/// One form for all of them.
#[component]
pub fn SettingsPage() -> impl IntoView {
    let save = Post::to::<SaveSettings>();
    let error = save.error;
    provide_context(FormError(error));
    let settings = load(|| (), |()| get_settings());
    let query = use_query_map();
    let is_saved = move || query.with(|query| query.get_str("done") == Some("saved"));
    view! {
        <PageHead title="Settings" />
        {move || is_saved().then(|| view! { <Notice tone=Tone::Good>"The settings were saved."</Notice> })}
        <FormErrors error=error />
        {show_loaded(settings, move |settings: Settings| {
            view! {
                <PostForm action=save>
                    <div class="sections">
                        <NamingSection settings=settings.clone() />
                        <ImportSection settings=settings.clone() />
                        <ChoiceSection settings=settings.clone() />
                        <LimitSection settings=settings />
                    </div>
                    <div class="save-bar">
                        <button class="button button-primary" type="submit" disabled=move || save.pending.get()>"Save"</button>
                    </div>
                </PostForm>
            }
            .into_any()
        })}
    }
}

/// The two templates as they are typed.
type Templates = Option<(String, String)>;

/// Asks at once in the browser, and again whenever somebody typed; an answer that was overtaken is dropped.
fn follow_templates(typed: RwSignal<Templates>, shown: RwSignal<Vec<NamingPreview>>) {
    Effect::new(move || {
        let Some((series, standalone)) = typed.get() else {
            return;
        };
        leptos::task::spawn_local(async move {
            let asked = Some((series.clone(), standalone.clone()));
            let answer = preview_naming(series, standalone)
                .await
                .and_then(|answer| answer.read());
            let is_current = typed.try_with_untracked(|typed| *typed == asked) == Some(true);
            if let (Ok(previews), true) = (answer, is_current) {
                shown.try_set(previews);
            }
        });
    });
}

/// The templates, with what they make of the library's own books as one types.
#[component]
fn NamingSection(settings: Settings) -> impl IntoView {
    let stored = (settings.series_template.clone(), settings.standalone_template.clone());
    // Empty until the page runs: what is fetched inside of something fetched does not survive hydration.
    let (typed, shown) = (RwSignal::new(Some(stored)), RwSignal::new(Vec::new()));
    follow_templates(typed, shown);
    let mut read = debounce(
        std::time::Duration::from_millis(300),
        move |section: web_sys::Element| {
            typed.set(read_templates(&section));
        },
    );
    view! {
        <section class="section" on:input=move |event| {
            let field = event.target().and_then(|target| target.dyn_into::<web_sys::Element>().ok());
            if let Some(section) = field.and_then(|field| field.closest("section").ok().flatten()) {
                read(section);
            }
        }>
            <h2>"Folder names"</h2>
            <p class="hint">
                "Parts: {author} {series} {sequence} {year} {title} {subtitle} {narrator} {asin}. What surrounds an empty part goes with it. A slash starts a folder."
            </p>
            <TextField label="Of books in a series" name="input[series_template]" value=settings.series_template required=true />
            <TextField label="Of other books" name="input[standalone_template]" value=settings.standalone_template required=true />
            <h3>"On your own books"</h3>
            {move || view! { <Previews previews=shown.get() /> }}
        </section>
    }
}

fn read_templates(section: &web_sys::Element) -> Templates {
    let value = |name: &str| {
        let found = section
            .query_selector(&format!("input[name='input[{name}]']"))
            .ok()
            .flatten()?;
        Some(found.dyn_into::<web_sys::HtmlInputElement>().ok()?.value())
    };
    Some((value("series_template")?, value("standalone_template")?))
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
        {is_empty.then(|| view! { <p class="hint">"Comes as soon as the page runs; it needs JavaScript."</p> })}
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
            <h2>"Limits"</h2>
            <div class="field-row">
                <NumberField label="Unsatisfied slots kept free" name="unsatisfied_reserve" value=settings.unsatisfied_reserve />
                <TextField
                    label="Ratio kept at least" name="input[floor_buffer]" value=settings.floor_buffer.to_string()
                    kind="number" step="0.01" required=true hint="No paid grab may bring the account below."
                />
                <NumberField label="Disk kept free, GiB" name="min_free_gib" value=settings.min_free_gib />
                <NumberField label="Automatic grabs in one run" name="max_automatic_grabs" value=settings.max_automatic_grabs />
                <NumberField label="Minutes without a byte = stalled" name="stall_minutes" value=settings.stall_minutes />
            </div>
        </section>
    }
}

#[component]
fn NumberField(label: &'static str, name: &'static str, value: u32) -> impl IntoView {
    view! { <TextField label=label name=format!("input[{name}]") value=value.to_string() kind="number" required=true /> }
}
