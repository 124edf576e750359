//! In which part of the page each table stands, and what a row of it is.

/// A part of the page: its heading and its tables with what one row is.
pub type Area = (&'static str, &'static [(&'static str, &'static str)]);

/// Every table stands in exactly one; a test compares them with the database.
pub const AREAS: &[Area] = &[
    (
        "People and their doors",
        &[
            ("users", "A person who may sign in."),
            (
                "sessions",
                "A sign-in: a family of refresh tokens, of which the newest is the only valid one.",
            ),
            (
                "identities",
                "Who a person is at the single sign-on provider. The subject is the key, never the e-mail.",
            ),
            ("oidc_settings", "The one single sign-on provider; at most one row."),
            ("oidc_logins", "A sign-in that is on its way through the provider."),
            ("api_keys", "A program's key. Its secret is stored as SHA-256 only."),
            ("login_attempts", "A failed guess at a password, a key or a token."),
            (
                "idempotency_keys",
                "The answer to a write that a program may send again, kept for a day.",
            ),
            (
                "audit_log",
                "What somebody did. The database refuses to change a line, or to remove a new one.",
            ),
        ],
    ),
    (
        "The installation and its services",
        &[
            (
                "settings",
                "A value of the installation itself: what the web app sets, the setup token's hash.",
            ),
            (
                "integrations",
                "An outside service with its address, its sealed secret and how it is.",
            ),
            (
                "request_budgets",
                "An integration's day: its requests so far, and whether it asked for a pause.",
            ),
            (
                "breaker_rests",
                "A process leaves an integration alone, as its calls failed time and again.",
            ),
            ("account_snapshots", "The tracker account at one moment."),
        ],
    ),
    (
        "The catalogue",
        &[
            ("works", "A title by its authors, whatever the recording."),
            ("people", "An author or narrator."),
            ("work_authors", "An author of a work."),
            ("series", "A series."),
            ("series_entries", "A work's place in a series."),
            (
                "external_ids",
                "An id that another catalogue gave a work or one of its recordings.",
            ),
        ],
    ),
    (
        "The library",
        &[
            ("books", "An item in the library: one recording of a work."),
            (
                "book_texts",
                "A book's long text, apart so that a scan of the books stays cheap.",
            ),
            ("book_files", "An audio file of a book."),
            ("book_people", "An author or narrator of a book."),
            ("book_series", "A book's place in a series, as the library says it."),
            (
                "library_syncs",
                "How far an integration's library was read, and whether it could be.",
            ),
        ],
    ),
    (
        "Wanting and searching",
        &[
            (
                "wants",
                "A work that somebody wants. At most one is open for a work; others join it.",
            ),
            ("want_people", "A person who asked for it."),
            ("searches", "One search at all indexers, with the outcome of each."),
            (
                "releases",
                "What an indexer offered. The same offer, found again, updates its row.",
            ),
            (
                "candidates",
                "A release that a search found, with its verdict and rank.",
            ),
            (
                "blocklist",
                "What is never taken again: a release, or the content that it turned out to have.",
            ),
        ],
    ),
    (
        "Downloading and importing",
        &[
            ("downloads", "A release on its way into the library."),
            (
                "download_torrents",
                "A download's .torrent, stored before it is handed to a client.",
            ),
            ("download_events", "A line of a download's history, which only grows."),
            ("download_parts", "A book of a download that holds several."),
            (
                "imports",
                "One attempt to bring a download's files into the library: all files or none.",
            ),
            ("import_files", "A file of that attempt."),
        ],
    ),
    (
        "Jobs and backups",
        &[
            ("job_definitions", "A job with its schedule."),
            (
                "runs",
                "One execution of a job, from being queued to its end. The queue is the rows that have not ended.",
            ),
            ("run_log", "A line that a run said."),
            (
                "failures",
                "What a job could not do: one row for a job, the thing it was about, and why.",
            ),
            (
                "backups",
                "A backup that was made, and what tests found out about it. Which ones there are is for the folder to say.",
            ),
        ],
    ),
];
