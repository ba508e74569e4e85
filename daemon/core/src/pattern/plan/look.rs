//! One look at a fact: it is there, it is not, or it could not be seen. Nothing else may be made of an observation.

use crate::pattern::observed::Seen;

/// What an observation says about an object.
pub(super) enum Look<'a, T> {
    /// It is there.
    There(&'a T),
    /// It is not there.
    Absent,
    /// It could not be seen; what would show it.
    Hidden(&'a str),
}

/// Returns what was seen of an object. One that nobody asked for is hidden, not absent.
pub(super) fn look<T>(seen: Option<&Seen<Option<T>>>) -> Look<'_, T> {
    match seen {
        Some(Seen::Known(Some(facts))) => Look::There(facts),
        Some(Seen::Known(None)) => Look::Absent,
        Some(Seen::Hidden { needs }) => Look::Hidden(needs),
        None => Look::Hidden(NOT_ASKED),
    }
}

/// Returns a fact, or what would show it.
pub(super) fn fact<T>(seen: &Seen<T>) -> Result<&T, &str> {
    match seen {
        Seen::Known(fact) => Ok(fact),
        Seen::Hidden { needs } => Err(needs),
    }
}

const NOT_ASKED: &str = "an observation that asks for it";
