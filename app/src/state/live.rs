//! Changes pushed by the server: one `EventSource` on `/events`, one counter a topic.
//!
//! An event says what changed, not how. Resources depend on the counters of what they show and fetch again.

use leptos::prelude::*;
#[cfg(any(feature = "hydrate", test))]
use types::events::LiveEvent;

/// Events that come in a burst are one change.
#[cfg(feature = "hydrate")]
const DEBOUNCE: std::time::Duration = std::time::Duration::from_millis(300);
/// Pause before a stream that the server ended is opened again.
#[cfg(feature = "hydrate")]
const REOPEN_AFTER: std::time::Duration = std::time::Duration::from_secs(5);

/// How often each topic changed since the page was opened.
#[derive(Debug, Clone, Copy)]
pub struct Live {
    pub downloads: RwSignal<u32>,
    pub runs: RwSignal<u32>,
    pub searches: RwSignal<u32>,
    pub wants: RwSignal<u32>,
    pub library: RwSignal<u32>,
    pub integrations: RwSignal<u32>,
    pub account: RwSignal<u32>,
}

impl Live {
    fn new() -> Self {
        Self {
            downloads: RwSignal::new(0),
            runs: RwSignal::new(0),
            searches: RwSignal::new(0),
            wants: RwSignal::new(0),
            library: RwSignal::new(0),
            integrations: RwSignal::new(0),
            account: RwSignal::new(0),
        }
    }

    /// Every counter: after a gap in the stream anything may have changed.
    #[cfg(feature = "hydrate")]
    fn all(self) -> [RwSignal<u32>; 7] {
        [
            self.downloads,
            self.runs,
            self.searches,
            self.wants,
            self.library,
            self.integrations,
            self.account,
        ]
    }

    /// The counter that an event moves.
    #[cfg(any(feature = "hydrate", test))]
    pub fn counter(self, event: &LiveEvent) -> RwSignal<u32> {
        match event {
            LiveEvent::Download(_) => self.downloads,
            LiveEvent::Run(_) => self.runs,
            LiveEvent::Search(_) => self.searches,
            LiveEvent::Wants => self.wants,
            LiveEvent::Library => self.library,
            LiveEvent::Integrations => self.integrations,
            LiveEvent::Account => self.account,
        }
    }
}

/// Makes the counters, and in the browser opens the stream for as long as the caller lives.
pub fn provide_live() {
    let live = Live::new();
    provide_context(live);
    #[cfg(feature = "hydrate")]
    Effect::new(move || browser::follow(live));
}

/// The counters.
pub fn use_live() -> Live {
    use_context::<Live>().expect("the layout opens the stream before it renders a page")
}

#[cfg(feature = "hydrate")]
mod browser {
    use std::cell::{Cell, RefCell};
    use std::rc::Rc;

    use leptos::prelude::*;
    use types::events::LiveEvent;
    use wasm_bindgen::JsCast;
    use wasm_bindgen::closure::Closure;
    use web_sys::{Event, EventSource, MessageEvent};

    use super::{DEBOUNCE, Live, REOPEN_AFTER};

    /// The open stream with the closures that the browser calls, which live as long as it does.
    struct Stream {
        source: EventSource,
        _on_message: Closure<dyn FnMut(MessageEvent)>,
        _on_open: Closure<dyn FnMut(Event)>,
        _on_error: Closure<dyn FnMut(Event)>,
    }

    impl Drop for Stream {
        fn drop(&mut self) {
            self.source.set_onmessage(None);
            self.source.set_onopen(None);
            self.source.set_onerror(None);
            self.source.close();
        }
    }

    type Slot = Rc<RefCell<Option<Stream>>>;

    /// Opens the stream and keeps it open until the current owner is cleaned up.
    pub fn follow(live: Live) {
        let slot: Slot = Rc::default();
        let is_wanted = Rc::new(Cell::new(true));
        open(live, &slot, &is_wanted, false);
        let held = send_wrapper::SendWrapper::new((slot, is_wanted));
        on_cleanup(move || {
            let (slot, is_wanted) = &*held;
            is_wanted.set(false);
            slot.borrow_mut().take();
        });
    }

    fn open(live: Live, slot: &Slot, is_wanted: &Rc<Cell<bool>>, is_again: bool) {
        let Ok(source) = EventSource::new("/events") else {
            return;
        };
        let on_message = listen(live);
        let has_gap = Cell::new(is_again);
        let on_open = Closure::new(move |_: Event| {
            if has_gap.replace(true) {
                live.all().into_iter().for_each(bump);
            }
        });
        let on_error = reopen(live, source.clone(), slot.clone(), is_wanted.clone());
        source.set_onmessage(Some(on_message.as_ref().unchecked_ref()));
        source.set_onopen(Some(on_open.as_ref().unchecked_ref()));
        source.set_onerror(Some(on_error.as_ref().unchecked_ref()));
        *slot.borrow_mut() = Some(Stream {
            source,
            _on_message: on_message,
            _on_open: on_open,
            _on_error: on_error,
        });
    }

    /// Collects the topics of a burst and moves each counter once.
    fn listen(live: Live) -> Closure<dyn FnMut(MessageEvent)> {
        let pending: Rc<RefCell<Vec<RwSignal<u32>>>> = Rc::default();
        Closure::new(move |message: MessageEvent| {
            let Some(text) = message.data().as_string() else { return };
            let Ok(event) = serde_json::from_str::<LiveEvent>(&text) else {
                return;
            };
            let counter = live.counter(&event);
            let mut topics = pending.borrow_mut();
            if topics.is_empty() {
                let pending = pending.clone();
                set_timeout(move || pending.take().into_iter().for_each(bump), DEBOUNCE);
            }
            if !topics.contains(&counter) {
                topics.push(counter);
            }
        })
    }

    /// The browser reconnects by itself after a lost connection, but gives up when the server answers with an error.
    fn reopen(live: Live, source: EventSource, slot: Slot, is_wanted: Rc<Cell<bool>>) -> Closure<dyn FnMut(Event)> {
        Closure::new(move |_: Event| {
            if source.ready_state() != EventSource::CLOSED {
                return;
            }
            let (slot, is_wanted) = (slot.clone(), is_wanted.clone());
            set_timeout(
                move || {
                    if is_wanted.get() {
                        open(live, &slot, &is_wanted, true);
                    }
                },
                REOPEN_AFTER,
            );
        })
    }

    /// Moves a counter unless its page is gone.
    fn bump(counter: RwSignal<u32>) {
        counter.try_update(|count| *count = count.wrapping_add(1));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_topic_moves_its_own_counter() {
        let owner = Owner::new();
        owner.with(|| {
            let live = Live::new();
            let events = [
                LiveEvent::Download(types::DownloadId(uuid::Uuid::nil())),
                LiveEvent::Run(types::RunId(uuid::Uuid::nil())),
                LiveEvent::Search(types::SearchId(uuid::Uuid::nil())),
                LiveEvent::Wants,
                LiveEvent::Library,
                LiveEvent::Integrations,
                LiveEvent::Account,
            ];
            for event in &events {
                live.counter(event).update(|count| *count += 1);
            }
            let counters = [
                live.downloads,
                live.runs,
                live.searches,
                live.wants,
                live.library,
                live.integrations,
                live.account,
            ];
            assert!(counters.into_iter().all(|counter| counter.get_untracked() == 1));
        });
    }
}
