//! Who is signed in, for showing only what they may do. The server decides again at every call.

use leptos::prelude::*;
use types::people::{CurrentUser, Role};

/// The signed-in person.
#[derive(Debug, Clone, Copy)]
pub struct Me(RwSignal<Option<CurrentUser>>);

impl Me {
    /// Says who it is.
    pub fn set(self, user: CurrentUser) {
        self.0.set(Some(user));
    }

    /// Whether they may do what `needed` may. Not followed: another person is another page.
    pub fn includes(self, needed: Role) -> bool {
        self.0
            .with_untracked(|user| user.as_ref().is_some_and(|user| user.role.includes(needed)))
    }

    /// The person, once known.
    pub fn get(self) -> Option<CurrentUser> {
        self.0.get()
    }
}

/// Makes the place for the person; nobody may do anything until it is filled.
pub fn provide_me() -> Me {
    let me = Me(RwSignal::new(None));
    provide_context(me);
    me
}

/// The signed-in person.
pub fn use_me() -> Me {
    use_context::<Me>().expect("the layout knows who is signed in before it renders a page")
}
