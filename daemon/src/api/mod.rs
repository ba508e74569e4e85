//! The doors: HTTP over the two sockets, with limits that exist before the first byte. This half parses and
//! holds no key; it reaches the rest through [`Request`] only, and refuses nothing by policy.

mod admission;
mod connection;
#[cfg(feature = "fuzzing")]
#[doc(hidden)]
pub mod fuzzing;
mod line;
mod listening;
mod reply;
mod request;

pub use admission::{Admission, Standing, Ticket};
pub use listening::serve;
pub use reply::Reply;
pub use request::{Door, Request};
