//! What all pages share in the browser: who is there, the time, and the stream of changes.

pub mod clock;
pub mod live;
pub mod load;
pub mod me;
pub mod post;
