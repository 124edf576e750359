//! The time that relative times are told from: the server's, carried on by the browser.

use chrono::{DateTime, Duration, Utc};
use leptos::prelude::*;

/// Now, as the server sees it; moves on every five seconds in the browser.
#[derive(Debug, Clone, Copy)]
pub struct Now {
    /// What the server said when the page was opened.
    start: RwSignal<DateTime<Utc>>,
    /// Milliseconds since then, by the device's clock.
    passed: RwSignal<i64>,
}

impl Now {
    /// The time; whoever reads it follows it.
    pub fn get(self) -> DateTime<Utc> {
        self.start.get() + Duration::milliseconds(self.passed.get())
    }

    /// Sets the clock by the server's time.
    pub fn start(self, server_time: DateTime<Utc>) {
        self.start.set(server_time);
    }
}

/// Hangs up the clock for everything below; it stands until it is started.
pub fn provide_now() -> Now {
    let now = Now {
        start: RwSignal::new(DateTime::UNIX_EPOCH),
        passed: RwSignal::new(0),
    };
    provide_context(now);
    // Effects run in the browser only. Counting ticks would fall behind in a tab that sleeps, so the device's clock
    // measures the time that went by.
    Effect::new(move || {
        now.start.track();
        let started = browser_time();
        let tick = move || now.passed.set((browser_time() - started) as i64);
        if let Ok(interval) = set_interval_with_handle(tick, std::time::Duration::from_secs(5)) {
            on_cleanup(move || interval.clear());
        }
    });
    now
}

/// The clock of this page.
pub fn use_now() -> Now {
    use_context::<Now>().expect("the layout hangs up the clock before it renders a page")
}

/// Milliseconds by the device's clock.
fn browser_time() -> f64 {
    js_sys::Date::now()
}
