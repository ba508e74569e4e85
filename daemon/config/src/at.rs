//! A value with the place it was read from, so that a later check can still name file and line.

use std::path::Path;
use std::sync::Arc;

use crate::fault::{Faults, Wrong};

/// A file, and a line where there is one.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) file: Arc<Path>,
    pub(crate) line: Option<usize>,
}

impl Place {
    /// Returns the place as other faults refer to it: `FILE:LINE`.
    pub(crate) fn shown(&self) -> String {
        let file = self.file.display();
        self.line.map_or_else(|| file.to_string(), |line| format!("{file}:{line}"))
    }
}

/// A value and where it stands.
#[derive(Clone, Debug)]
pub(crate) struct At<T> {
    pub(crate) value: T,
    pub(crate) place: Place,
}

impl<T> At<T> {
    /// Returns what `check` makes of the value; a fault is reported at the value's place.
    pub(crate) fn checked<U>(
        &self,
        faults: &mut Faults,
        check: impl FnOnce(&T) -> Result<U, Wrong>,
    ) -> Option<U> {
        check(&self.value).map_err(|wrong| faults.add(&self.place, wrong)).ok()
    }
}
