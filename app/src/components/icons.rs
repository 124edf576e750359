//! Our own line icons: 24 units square, drawn with the text's colour. Every state has its own shape.

use leptos::prelude::*;

/// A drawing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Icon {
    Account,
    Arrow,
    Bookmark,
    Box,
    Check,
    Clock,
    Cog,
    Cross,
    Download,
    Eye,
    Home,
    Jobs,
    Layers,
    Library,
    Link,
    Minus,
    More,
    Pause,
    Plug,
    Question,
    Search,
    Send,
    Shield,
    Stop,
    Tick,
    Users,
    Warning,
}

impl Icon {
    /// The drawing as an SVG path.
    const fn path(self) -> &'static str {
        match self {
            Self::Account => "M12 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8ZM4 20c1-4 4.5-5.5 8-5.5s7 1.5 8 5.5",
            Self::Arrow => "M5 12h14M13 6l6 6-6 6",
            Self::Bookmark => "M7 4h10v16l-5-4-5 4Z",
            Self::Box => "M4 8l8-4 8 4v8l-8 4-8-4ZM4 8l8 4 8-4M12 12v8",
            Self::Check => "M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18ZM8 12.5l3 3 5-6",
            Self::Clock => "M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18ZM12 7v5l3.5 2",
            Self::Cog => {
                "M4 7h9M17 7h3M4 17h3M11 17h9M15 9.5a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5ZM9 19.5a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5Z"
            }
            Self::Cross => "M6 6l12 12M18 6L6 18",
            Self::Download => "M12 4v11M7 10.5l5 5 5-5M5 20h14",
            Self::Eye => {
                "M3 12c3-5 6-7 9-7s6 2 9 7c-3 5-6 7-9 7s-6-2-9-7ZM12 14.5a2.5 2.5 0 1 0 0-5 2.5 2.5 0 0 0 0 5Z"
            }
            Self::Home => "M4 11l8-7 8 7v9h-5.5v-6h-5v6H4Z",
            Self::Jobs => "M4 6h16M4 12h16M4 18h10M18 16.5l3 2-3 2Z",
            Self::Layers => "M12 4l8 4-8 4-8-4ZM4 12l8 4 8-4M4 16l8 4 8-4",
            Self::Library => "M5 4v16M9 4v16M13 4.5l5.5 15M4 20h16",
            Self::Link => "M9 7H7a5 5 0 0 0 0 10h2M15 7h2a5 5 0 0 1 0 10h-2M4 4l16 16",
            Self::Minus => "M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18ZM8 12h8",
            Self::More => "M4 7h16M4 12h16M4 17h16",
            Self::Pause => "M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18ZM10 9v6M14 9v6",
            Self::Plug => "M9 3v5M15 3v5M6 8h12v3a6 6 0 0 1-12 0ZM12 17v4",
            Self::Question => "M12 21a9 9 0 1 0 0-18 9 9 0 0 0 0 18ZM9.5 9.5c0-3 5-3 5 0 0 2-2.5 2-2.5 4M12 16.5v.01",
            Self::Search => "M11 17.5a6.5 6.5 0 1 0 0-13 6.5 6.5 0 0 0 0 13ZM16 16l4.5 4.5",
            Self::Send => "M4 12l16-8-5 16-4-6ZM11 14l9-10",
            Self::Shield => "M12 3l8 3v6c0 5-4 8-8 9-4-1-8-4-8-9V6ZM8.5 12l2.5 2.5 4.5-5",
            Self::Stop => "M8 3h8l5 5v8l-5 5H8l-5-5V8ZM9 9l6 6M15 9l-6 6",
            Self::Tick => "M5 12.5l4.5 4.5L19 7.5",
            Self::Users => {
                "M9 12a3.5 3.5 0 1 0 0-7 3.5 3.5 0 0 0 0 7ZM2.5 19c.8-3 3.5-4.5 6.5-4.5s5.7 1.5 6.5 4.5M16 5.5a3.5 3.5 0 0 1 0 6.5M18 14.8c1.8.6 3 2 3.5 4.2"
            }
            Self::Warning => "M12 4l9 16H3ZM12 10v4.5M12 17.3v.01",
        }
    }
}

/// Draws an icon beside a word; on its own it says nothing to a screen reader.
#[component]
pub fn Drawing(icon: Icon) -> impl IntoView {
    view! {
        <svg class="icon" viewBox="0 0 24 24" width="20" height="20" aria-hidden="true" focusable="false">
            <path d=icon.path()></path>
        </svg>
    }
}
