//! Every setting of the process: what it is called, its kind, its default and its meaning.
//!
//! The table is what variables and the file are read by, and what docs/CONFIGURATION.md and README.md are held to.

/// What a value looks like, in a TOML file as in a variable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    Text,
    /// Text that is shown nowhere.
    Secret,
    Number,
    Switch,
    /// With commas in a variable.
    List,
}

impl Kind {
    /// How it is written in a TOML file.
    pub const fn in_toml(self) -> &'static str {
        match self {
            Self::Text | Self::Secret => "text in quotes",
            Self::Number => "a whole number from 0 up",
            Self::Switch => "true or false",
            Self::List => "a list of texts in quotes",
        }
    }

    /// Its word in the reference.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Secret => "secret",
            Self::Number => "number",
            Self::Switch => "true or false",
            Self::List => "list",
        }
    }
}

/// One setting.
#[derive(Debug)]
pub struct Setting {
    /// The environment variable.
    pub name: &'static str,
    pub kind: Kind,
    /// Empty: none, or one that depends on others, as the meaning says.
    pub default: &'static str,
    pub meaning: &'static str,
    /// Most installations look at it: README.md shows it.
    pub is_basic: bool,
    /// The smallest number that is taken.
    pub least: u64,
}

impl Setting {
    /// What it is called in a TOML file.
    pub fn key(&self) -> String {
        to_key(self.name)
    }

    const fn basic(mut self) -> Self {
        self.is_basic = true;
        self
    }

    const fn at_least(mut self, least: u64) -> Self {
        self.least = least;
        self
    }
}

/// A variable's name as a TOML file has it.
pub fn to_key(name: &str) -> String {
    name.strip_prefix(PREFIX).unwrap_or(name).to_lowercase()
}

/// Settings that belong together.
#[derive(Debug)]
pub struct Section {
    pub title: &'static str,
    pub settings: &'static [Setting],
}

/// What the names of our variables begin with; `DATABASE_URL` is called as everywhere.
pub const PREFIX: &str = "MAMCRAWLER_";

/// The setting that names the TOML file, and so is not in it.
pub const CONFIG: &str = "MAMCRAWLER_CONFIG";

/// Every setting.
pub fn settings() -> impl Iterator<Item = &'static Setting> {
    SECTIONS.iter().flat_map(|section| section.settings)
}

/// The setting of this name.
pub fn find_setting(name: &str) -> Option<&'static Setting> {
    settings().find(|setting| setting.name == name)
}

const fn row(kind: Kind, name: &'static str, texts: (&'static str, &'static str)) -> Setting {
    let (default, meaning) = texts;
    Setting {
        name,
        kind,
        default,
        meaning,
        is_basic: false,
        least: 0,
    }
}

const fn text(name: &'static str, default: &'static str, meaning: &'static str) -> Setting {
    row(Kind::Text, name, (default, meaning))
}

const fn number(name: &'static str, default: &'static str, meaning: &'static str) -> Setting {
    row(Kind::Number, name, (default, meaning))
}

const fn switch(name: &'static str, default: &'static str, meaning: &'static str) -> Setting {
    row(Kind::Switch, name, (default, meaning))
}

const fn list(name: &'static str, meaning: &'static str) -> Setting {
    row(Kind::List, name, ("", meaning))
}

const fn secret(name: &'static str, meaning: &'static str) -> Setting {
    row(Kind::Secret, name, ("", meaning))
}

/// The settings by what they are for.
pub const SECTIONS: &[Section] = &[
    Section {
        title: "The server",
        settings: &[
            text(
                "MAMCRAWLER_CONFIG",
                "",
                "TOML file with settings. Unset: `/etc/mamcrawler/mamcrawler.toml` when it exists.",
            ),
            text("MAMCRAWLER_LISTEN", "127.0.0.1:3000", "Address and port to listen on.").basic(),
            text(
                "MAMCRAWLER_BASE_PATH",
                "",
                "Path below which people reach the server, such as `/mamcrawler`. Unset: it has its host name to itself.",
            ),
            text(
                "MAMCRAWLER_ENVIRONMENT",
                "development",
                "`production` refuses to start with a missing, short, predictable or readable secret.",
            ).basic(),
            text(
                "MAMCRAWLER_DATA_DIR",
                "",
                "Embedded database, keys and cover cache. Default `/var/lib/mamcrawler` for root, else `~/.local/share/mamcrawler`.",
            ).basic(),
            switch("MAMCRAWLER_SECURE_COOKIES", "false", "`true` when people reach the server by https.").basic(),
            text("MAMCRAWLER_PROVISION", "", "TOML file with integrations and settings that are added once."),
            text(
                "MAMCRAWLER_SITE_ROOT",
                "",
                "Directory with the browser's files. Unset: `site-root` of Leptos.toml.",
            ),
            text("MAMCRAWLER_FFMPEG", "ffmpeg", "Program that decodes audio files to verify them."),
            text("MAMCRAWLER_FFPROBE", "ffprobe", "Program that reads runtime and chapters."),
        ],
    },
    Section {
        title: "Database and backups",
        settings: &[
            secret("DATABASE_URL", "PostgreSQL to use. Unset: an embedded one in the data directory.").basic(),
            text(
                "MAMCRAWLER_POSTGRES_BIN",
                "",
                "Directory with PostgreSQL's programs: `postgres` and `initdb` for the embedded database, `pg_dump` and `pg_restore` for backups. Unset: those that are installed.",
            ),
            number("MAMCRAWLER_DATABASE_CONNECTIONS", "16", "Most connections to the database.").at_least(2),
            number(
                "MAMCRAWLER_DATABASE_WAIT_SECONDS",
                "60",
                "A start waits so long for a database that can't be reached yet.",
            ),
            text(
                "MAMCRAWLER_BACKUP_DIR",
                "",
                "Folder for backups. Unset: `backups` in the data directory; better is another disk.",
            ).basic(),
            secret(
                "MAMCRAWLER_BACKUP_KEY",
                "32 bytes in base64 that encrypt backups. Keep a copy elsewhere: without it they can't be read. Unset: they are not encrypted.",
            ),
        ],
    },
    Section {
        title: "Keys",
        settings: &[
            secret(
                "MAMCRAWLER_ENCRYPTION_KEY",
                "32 bytes in base64 that encrypt stored secrets. Unset: made once and kept in the data directory.",
            ).basic(),
            secret(
                "MAMCRAWLER_ENCRYPTION_KEY_OLD",
                "The key before, while it is changed from the environment (`mamcrawler rotate-key`).",
            ),
            secret(
                "MAMCRAWLER_SIGNING_KEY",
                "32 bytes in base64 that sign access tokens. Unset: made once and kept in the data directory.",
            ).basic(),
            secret(
                "MAMCRAWLER_SIGNING_KEYS_OLD",
                "Signing keys of before, with commas: who is signed in stays so. Needed for 31 days after a change.",
            ),
            number(
                "MAMCRAWLER_API_KEY_MAX_DAYS",
                "365",
                "Days that an API key may last. 0: it need not expire.",
            ),
        ],
    },
    Section {
        title: "Work",
        settings: &[
            number("MAMCRAWLER_MAM_SPACING_MS", "3000", "Milliseconds between two requests to MyAnonamouse; in production 3000 at least."),
            number("MAMCRAWLER_MAM_DAILY_BUDGET", "500", "Requests to MyAnonamouse per day."),
            number(
                "MAMCRAWLER_POLL_ACTIVE_MS",
                "15000",
                "Milliseconds between two looks at the torrent clients while something is active.",
            ).at_least(100),
            number("MAMCRAWLER_WORKER_SLOTS", "8", "Jobs that this process runs at the same time.").at_least(1),
            number(
                "MAMCRAWLER_JOB_LEASE_SECONDS",
                "60",
                "A job whose process is silent this long is run again.",
            ).at_least(3),
        ],
    },
    Section {
        title: "Who may ask",
        settings: &[
            list(
                "MAMCRAWLER_TRUSTED_PROXIES",
                "Reverse proxies whose word about the client's address counts: addresses and networks, with commas. Unset: nobody's.",
            ).basic(),
            text(
                "MAMCRAWLER_PROXY_HEADER",
                "X-Forwarded-For",
                "Header in which they write it; `Forwarded` is the other one that can be read.",
            ),
            list(
                "MAMCRAWLER_ALLOWED_HOSTS",
                "Host names that the server answers to, with commas. Unset: any.",
            ).basic(),
            list(
                "MAMCRAWLER_CORS_ORIGINS",
                "Other sites whose scripts may call the API with a token, with commas. Unset: none.",
            ),
            switch(
                "MAMCRAWLER_API_DOCS",
                "true",
                "Whether people can read the API's documentation at `/api/docs`.",
            ),
        ],
    },
    Section {
        title: "How often",
        settings: &[
            text(
                "MAMCRAWLER_RATE_PUBLIC",
                "10/min",
                "API calls of an address that nobody is signed in from, and sign-ins.",
            ),
            text("MAMCRAWLER_RATE_AUTHENTICATED", "60/min", "API calls of a person or an API key."),
            text("MAMCRAWLER_RATE_ADMIN", "1000/min", "API calls of an admin."),
            text("MAMCRAWLER_RATE_DOWNLOAD", "20/h", "Grabs of a person, in the browser and by the API."),
            text("MAMCRAWLER_RATE_SEARCH", "20/min", "Searches of a person, in the browser and by the API."),
            text(
                "MAMCRAWLER_RATE_METADATA",
                "30/min",
                "Metadata look-ups of a person, in the browser and by the API.",
            ),
            text("MAMCRAWLER_RATE_HEALTH", "100/min", "Health checks of an address."),
            text(
                "MAMCRAWLER_RATE_UPLOAD",
                "5/min",
                "Files that a person sends, in the browser and by the API.",
            ),
            text(
                "MAMCRAWLER_RATE_PAGE",
                "600/min",
                "Pages of a person and what they fetch; static files and covers don't count.",
            ),
            text(
                "MAMCRAWLER_RATE_ADDRESS",
                "6000/min",
                "Everything from one address, static files and covers included.",
            ),
            number("MAMCRAWLER_EVENT_STREAMS", "20", "Live pages that a person may have open at once.").at_least(1),
        ],
    },
    Section {
        title: "Connections",
        settings: &[
            number("MAMCRAWLER_CONNECTIONS", "4096", "Connections at once; more wait until one ends.").at_least(1),
            number(
                "MAMCRAWLER_CONNECTIONS_PER_ADDRESS",
                "256",
                "Connections at once from one address, trusted proxies aside; more are closed.",
            ).at_least(1),
            number(
                "MAMCRAWLER_READ_TIMEOUT_SECONDS",
                "30",
                "A client that is silent so long in the middle of a request is dropped.",
            ).at_least(1),
            number(
                "MAMCRAWLER_WRITE_TIMEOUT_SECONDS",
                "30",
                "A client that takes nothing of its answer for so long is dropped.",
            ).at_least(1),
            number("MAMCRAWLER_REQUEST_TIMEOUT_SECONDS", "120", "An answer that takes longer is given up.").at_least(1),
            number(
                "MAMCRAWLER_REQUESTS_AT_ONCE",
                "",
                "Requests that are worked on at once; up to eight times as many, half of them from one address, wait for 2 s at most, and more are refused (503). Unset: three quarters of `MAMCRAWLER_DATABASE_CONNECTIONS`.",
            ).at_least(1),
        ],
    },
    Section {
        title: "Logs, metrics and traces",
        settings: &[
            text("MAMCRAWLER_LOG", "info", "Log filter, as `tracing` writes it."),
            text("MAMCRAWLER_LOG_FORMAT", "pretty", "`pretty` or `json`."),
            text(
                "MAMCRAWLER_LOG_FILE",
                "",
                "File that `serve` or `worker` logs to as well; each process needs its own. Ten files of 10 MB are kept. Unset: standard error only.",
            ),
            text("MAMCRAWLER_METRICS_LISTEN", "", "Address and port for `/metrics` alone. Unset: none."),
            secret(
                "MAMCRAWLER_METRICS_TOKEN",
                "Token that opens `/metrics` at `MAMCRAWLER_LISTEN`, and is asked for at both. Unset: it is closed there.",
            ),
            text(
                "MAMCRAWLER_OTLP_ENDPOINT",
                "",
                "Base address of the OpenTelemetry collector that gets traces by OTLP over HTTP, such as `http://127.0.0.1:4318`; `/v1/traces` is appended. Unset: there are none.",
            ),
            secret(
                "MAMCRAWLER_OTLP_HEADERS",
                "Headers that the collector asks for, as `name=value` with commas between and values percent-encoded.",
            ),
            text(
                "MAMCRAWLER_OTLP_SAMPLE",
                "1",
                "Share of requests and runs that are traced, from `0` to `1`.",
            ),
        ],
    },
];
