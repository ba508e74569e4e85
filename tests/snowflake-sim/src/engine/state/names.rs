//! Qualified names.

use std::fmt;

use crate::engine::text::spell;

/// The parts of an object's full name: one for account objects, two in a database, three in a schema.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::engine) struct Path(Vec<String>);

impl Path {
    pub(in crate::engine) fn new(parts: Vec<String>) -> Self {
        Self(parts)
    }

    pub(in crate::engine) fn one(name: impl Into<String>) -> Self {
        Self(vec![name.into()])
    }

    pub(in crate::engine) fn two(outer: impl Into<String>, name: impl Into<String>) -> Self {
        Self(vec![outer.into(), name.into()])
    }

    pub(in crate::engine) fn parts(&self) -> &[String] {
        &self.0
    }

    /// Returns the object's own name.
    pub(in crate::engine) fn leaf(&self) -> &str {
        self.0.last().map_or("", String::as_str)
    }

    /// Returns both parts of a two-part path.
    pub(in crate::engine) fn pair(&self) -> Option<(&str, &str)> {
        match self.0.as_slice() {
            [outer, name] => Some((outer, name)),
            _ => None,
        }
    }

    /// Returns the database, for everything that lives in one.
    pub(in crate::engine) fn database(&self) -> &str {
        self.0.first().map_or("", String::as_str)
    }

    /// Returns the schema's name, for what lives in one.
    pub(in crate::engine) fn schema(&self) -> &str {
        self.0.get(1).map_or("", String::as_str)
    }

    /// Returns what the object lives in.
    pub(in crate::engine) fn container(&self) -> Self {
        Self(self.0[..self.0.len().saturating_sub(1)].to_vec())
    }

    /// Returns the path with another last part.
    pub(in crate::engine) fn sibling(&self, name: &str) -> Self {
        let mut parts = self.container().0;
        parts.push(name.to_owned());
        Self(parts)
    }

    /// Returns whether this lies at or below the other path.
    pub(in crate::engine) fn within(&self, outer: &Self) -> bool {
        self.0.starts_with(&outer.0)
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts: Vec<String> = self.0.iter().map(|part| spell(part)).collect();
        f.write_str(&parts.join("."))
    }
}
