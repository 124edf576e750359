//! The web interface: rendered on the server, hydrated in the browser.
//!
//! `api` is the door to the use cases, `pages` fetch and arrange, `components` show what they are given, `state` is
//! what all pages share. Everything reads and every form works without JavaScript.

// Views are deep types; the compiler counts every level.
#![recursion_limit = "256"]

pub mod api;
mod components;
mod format;
mod forms;
mod pages;
mod state;
mod theme;

use leptos::prelude::*;
use leptos_meta::{Title, provide_meta_context};
use leptos_router::components::{ParentRoute, Route, Router, Routes};
use leptos_router::{SsrMode, path};

use pages::{
    AccountPage, BookPage, DashboardPage, DownloadPage, DownloadsPage, IntegrationPage, IntegrationsPage, JobsPage,
    LibraryPage, LoginPage, NotFoundPage, RunPage, SearchPage, SearchResultPage, SettingsPage, SetupPage, SignedIn,
    UsersPage, WantsPage,
};

/// The document around the app. The server renders it; the browser never sees this function.
#[cfg(feature = "ssr")]
pub fn shell(options: LeptosOptions) -> impl IntoView {
    use leptos_meta::MetaTags;

    view! {
        <!DOCTYPE html>
        <html lang="en" data-theme=theme::read_theme().as_str()>
            <head>
                <meta charset="utf-8" />
                <meta name="viewport" content="width=device-width, initial-scale=1, viewport-fit=cover" />
                <meta name="color-scheme" content="light dark" />
                <meta name="robots" content="noindex" />
                <link rel="icon" href="/favicon.svg" type="image/svg+xml" />
                <link rel="apple-touch-icon" href="/icon-192.png" />
                <link rel="manifest" href="/manifest.webmanifest" />
                <link rel="stylesheet" href="/pkg/mamcrawler.css" />
                <AutoReload options=options.clone() />
                <HydrationScripts options />
                <MetaTags />
            </head>
            <body>
                <App />
            </body>
        </html>
    }
}

/// The pages and where they are.
#[component]
pub fn App() -> impl IntoView {
    provide_meta_context();
    view! {
        <Title formatter=name_tab />
        <Router>
            <Routes fallback=NotFoundPage>
                <Route path=path!("/setup") view=SetupPage ssr=SsrMode::Async />
                <Route path=path!("/login") view=LoginPage ssr=SsrMode::Async />
                <ParentRoute path=path!("") view=SignedIn ssr=SsrMode::Async>
                    <Route path=path!("/") view=DashboardPage ssr=SsrMode::Async />
                    <Route path=path!("/library") view=LibraryPage ssr=SsrMode::Async />
                    <Route path=path!("/books/:id") view=BookPage ssr=SsrMode::Async />
                    <Route path=path!("/search") view=SearchPage ssr=SsrMode::Async />
                    <Route path=path!("/search/:id") view=SearchResultPage ssr=SsrMode::Async />
                    <Route path=path!("/downloads") view=DownloadsPage ssr=SsrMode::Async />
                    <Route path=path!("/downloads/:id") view=DownloadPage ssr=SsrMode::Async />
                    <Route path=path!("/wants") view=WantsPage ssr=SsrMode::Async />
                    <Route path=path!("/jobs") view=JobsPage ssr=SsrMode::Async />
                    <Route path=path!("/runs/:id") view=RunPage ssr=SsrMode::Async />
                    <Route path=path!("/integrations") view=IntegrationsPage ssr=SsrMode::Async />
                    <Route path=path!("/integrations/:id") view=IntegrationPage ssr=SsrMode::Async />
                    <Route path=path!("/settings") view=SettingsPage ssr=SsrMode::Async />
                    <Route path=path!("/users") view=UsersPage ssr=SsrMode::Async />
                    <Route path=path!("/account") view=AccountPage ssr=SsrMode::Async />
                </ParentRoute>
            </Routes>
        </Router>
    }
}

fn name_tab(page: String) -> String {
    if page.is_empty() {
        "mamcrawler".to_owned()
    } else {
        format!("{page} · mamcrawler")
    }
}
