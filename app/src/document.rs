//! The document around every page, and where the pages are.

use leptos::prelude::*;
use leptos_meta::{MetaTags, Title, provide_meta_context};
use leptos_router::components::{ParentRoute, Route, Router, Routes};
use leptos_router::{SsrMode, path};

use crate::islands::live::Live;
use crate::link::{base, link_to};
use crate::pages::{
    AccountPage, AuditPage, BackupsPage, BookPage, DashboardPage, DownloadPage, DownloadsPage, IntegrationPage,
    IntegrationsPage, JobsPage, LibraryPage, LoginPage, NotFoundPage, ProblemsPage, RunPage, SearchPage,
    SearchResultPage, SettingsPage, SetupPage, SignOnPage, SignedIn, UserPage, UsersPage, WantsPage,
};
use crate::{api, theme};

/// The document around the app.
pub fn shell(options: LeptosOptions) -> impl IntoView {
    view! {
        <!DOCTYPE html>
        <html lang="en" data-theme=theme::read_theme().as_str() data-now=read_clock()>
            <head>
                <meta charset="utf-8" />
                <meta name="viewport" content="width=device-width, initial-scale=1, viewport-fit=cover" />
                <meta name="color-scheme" content="light dark" />
                <meta name="robots" content="noindex" />
                <link rel="icon" href=link_to("/favicon.svg") type="image/svg+xml" />
                <link rel="apple-touch-icon" href=link_to("/icon-192.png") />
                <link rel="manifest" href=link_to("/manifest.webmanifest") />
                <link rel="stylesheet" href=link_to("/pkg/mamcrawler.css") />
                <AutoReload options=options.clone() />
                <HydrationScripts options islands=true root=base().as_str() />
                <MetaTags />
            </head>
            <body>
                <App />
                // Last: once it follows the changes, every other island runs.
                <Live />
            </body>
        </html>
    }
}

/// The server's time in milliseconds, from which the browser goes on counting "5 min ago".
fn read_clock() -> Option<String> {
    Some(api::services().ok()?.now().timestamp_millis().to_string())
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
                    <Route path=path!("/problems") view=ProblemsPage ssr=SsrMode::Async />
                    <Route path=path!("/backups") view=BackupsPage ssr=SsrMode::Async />
                    <Route path=path!("/runs/:id") view=RunPage ssr=SsrMode::Async />
                    <Route path=path!("/integrations") view=IntegrationsPage ssr=SsrMode::Async />
                    <Route path=path!("/integrations/:id") view=IntegrationPage ssr=SsrMode::Async />
                    <Route path=path!("/settings") view=SettingsPage ssr=SsrMode::Async />
                    <Route path=path!("/settings/sign-on") view=SignOnPage ssr=SsrMode::Async />
                    <Route path=path!("/users") view=UsersPage ssr=SsrMode::Async />
                    <Route path=path!("/users/:id") view=UserPage ssr=SsrMode::Async />
                    <Route path=path!("/audit") view=AuditPage ssr=SsrMode::Async />
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
