//! Reads one TOML table key by key. Every wrong type and every key nobody asked for becomes a fault with its
//! line; reading goes on, so that a file shows all its faults at once (serde would stop at the first).

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::sync::Arc;

use pat_wire::secret::{Secret, Zeroizing};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::at::{At, Place};
use crate::fault::{Faults, Wrong};

/// A file's text, as far as lines are concerned. It may hold the password of a proxy: it is not printed, and wiped when
/// the last copy goes.
#[derive(Clone)]
pub(crate) struct Text {
    pub(crate) file: Arc<Path>,
    pub(crate) text: Arc<Zeroizing<String>>,
    /// Whether the file's mode lets others read it than its owner, and the group that root chose for a file of root's.
    pub(crate) readable_by_others: bool,
}

impl Text {
    pub(crate) fn place(&self, offset: usize) -> Place {
        let before = self.text.bytes().take(offset);
        let line = before.filter(|byte| *byte == b'\n').count().saturating_add(1);
        Place { file: Arc::clone(&self.file), line: Some(line) }
    }

    pub(crate) fn whole(&self) -> Place {
        Place { file: Arc::clone(&self.file), line: None }
    }
}

impl fmt::Debug for Text {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Text({})", self.file.display())
    }
}

/// One table, with the keys that were not asked for yet.
pub(crate) struct Table<'t> {
    pub(crate) text: &'t Text,
    /// Where this is: `in [account]`.
    name: String,
    pub(crate) place: Place,
    left: DeTable<'t>,
    known: Vec<&'static str>,
}

impl<'t> Table<'t> {
    /// Parses a file. Of one that is no TOML only that is reported: what is missing in it may be there.
    pub(crate) fn parse(text: &'t Text, faults: &mut Faults) -> Option<Self> {
        let (table, errors) = DeTable::parse_recoverable(&text.text);
        for error in &errors {
            let place = error.span().map_or_else(|| text.whole(), |span| text.place(span.start));
            // Only the message: the error's own Display shows the line, and with it a pasted secret.
            let what = format!("is not TOML: {}", one_line(error.message()));
            faults.add(&place, Wrong::new(what, "correct the syntax (https://toml.io)"));
        }
        let (name, place) = ("at the top of the file".to_owned(), text.whole());
        let table = Self { text, name, place, left: table.into_inner(), known: Vec::new() };
        errors.is_empty().then_some(table)
    }

    pub(crate) fn string(&mut self, key: &'static str, faults: &mut Faults) -> Option<At<String>> {
        let value = self.take(key)?;
        self.typed(key, &value, string, "a text in quotes", faults)
    }

    /// A text that may be secret.
    pub(crate) fn secret(&mut self, key: &'static str, faults: &mut Faults) -> Option<At<Secret>> {
        let value = self.take(key)?;
        let secret = |value: &DeValue<'_>| string(value).map(Secret::new);
        self.typed(key, &value, secret, "a text in quotes", faults)
    }

    pub(crate) fn integer(&mut self, key: &'static str, faults: &mut Faults) -> Option<At<i64>> {
        let value = self.take(key)?;
        self.typed(key, &value, integer, "a whole number without quotes", faults)
    }

    pub(crate) fn boolean(&mut self, key: &'static str, faults: &mut Faults) -> Option<At<bool>> {
        let value = self.take(key)?;
        let boolean = |value: &DeValue<'_>| value.as_bool();
        self.typed(key, &value, boolean, "true or false", faults)
    }

    pub(crate) fn strings(
        &mut self,
        key: &'static str,
        faults: &mut Faults,
    ) -> Option<At<Vec<At<String>>>> {
        let wanted = "a list of texts, like [\"one\", \"two\"]";
        self.list(
            key,
            faults,
            |text, value| Some(At { value: string(value)?, place: text }),
            wanted,
        )
    }

    /// A list of names or numbers, as local accounts are written.
    pub(crate) fn names(
        &mut self,
        key: &'static str,
        faults: &mut Faults,
    ) -> Option<At<Vec<At<NameOrId>>>> {
        let read = |place, value: &DeValue<'_>| {
            let name = string(value).map(NameOrId::Name);
            Some(At { value: name.or_else(|| integer(value).map(NameOrId::Id))?, place })
        };
        self.list(key, faults, read, "a list of names, like [\"one\", \"two\"]")
    }

    pub(crate) fn string_map(
        &mut self,
        key: &'static str,
        faults: &mut Faults,
    ) -> Option<At<BTreeMap<String, At<String>>>> {
        let value = self.take(key)?;
        let place = self.text.place(value.span().start);
        let Some(table) = value.get_ref().as_table() else {
            faults.add_mistyped(
                &place,
                key,
                wrong_type(key, "a table, like { NAME = \"secret\" }"),
            );
            return None;
        };
        let mut map = BTreeMap::new();
        for (name, value) in table {
            let place = self.text.place(name.span().start);
            match string(value.get_ref()) {
                Some(value) => drop(map.insert(name.get_ref().to_string(), At { value, place })),
                None => faults.add_mistyped(&place, key, wrong_type(key, "texts in quotes")),
            }
        }
        Some(At { value: map, place })
    }

    pub(crate) fn table(&mut self, key: &'static str, faults: &mut Faults) -> Option<Self> {
        let value = self.take(key)?;
        let place = self.text.place(value.span().start);
        let DeValue::Table(left) = value.into_inner() else {
            faults.add_mistyped(&place, key, wrong_type(key, &format!("a table: [{key}]")));
            return None;
        };
        Some(Self { text: self.text, name: format!("in [{key}]"), place, left, known: Vec::new() })
    }

    /// Reports the keys nobody asked for. `elsewhere` says where a key of that name belongs.
    pub(crate) fn finish(self, elsewhere: &[(&str, &str)], faults: &mut Faults) {
        for key in self.left.keys() {
            let name = key.get_ref().as_ref();
            let place = self.text.place(key.span().start);
            let here = &self.name;
            let next_step = self.next_step_for(name, elsewhere);
            faults.add(&place, Wrong::new(format!("unknown key {name:?} {here}"), next_step));
        }
    }

    fn next_step_for(&self, name: &str, elsewhere: &[(&str, &str)]) -> String {
        if let Some((_, home)) = elsewhere.iter().find(|(key, _)| *key == name) {
            return format!("move it to {home}");
        }
        let near = self.known.iter().find(|known| is_misspelt(known, name));
        near.map_or_else(
            || format!("remove it; known here: {}", self.known.join(", ")),
            |near| format!("did you mean {near}?"),
        )
    }

    fn take(&mut self, key: &'static str) -> Option<Spanned<DeValue<'t>>> {
        self.known.push(key);
        self.left.remove(key)
    }

    fn list<T>(
        &mut self,
        key: &'static str,
        faults: &mut Faults,
        read: impl Fn(Place, &DeValue<'_>) -> Option<At<T>>,
        wanted: &str,
    ) -> Option<At<Vec<At<T>>>> {
        let value = self.take(key)?;
        let place = self.text.place(value.span().start);
        let items = value.get_ref().as_array().and_then(|array| {
            let item = |item: &Spanned<DeValue<'_>>| {
                read(self.text.place(item.span().start), item.get_ref())
            };
            array.iter().map(item).collect::<Option<Vec<_>>>()
        });
        if items.is_none() {
            faults.add_mistyped(&place, key, wrong_type(key, wanted));
        }
        Some(At { value: items?, place })
    }

    fn typed<T>(
        &self,
        key: &'static str,
        value: &Spanned<DeValue<'_>>,
        read: impl Fn(&DeValue<'_>) -> Option<T>,
        wanted: &str,
        faults: &mut Faults,
    ) -> Option<At<T>> {
        let place = self.text.place(value.span().start);
        let Some(value) = read(value.get_ref()) else {
            faults.add_mistyped(&place, key, wrong_type(key, wanted));
            return None;
        };
        Some(At { value, place })
    }
}

fn wrong_type(key: &str, wanted: &str) -> Wrong {
    Wrong::new(format!("{key} has the wrong type"), format!("write {wanted}"))
}

/// A local account as it is written: by name, or by number where it has none.
#[derive(Clone, Debug)]
pub(crate) enum NameOrId {
    Name(String),
    Id(i64),
}

fn string(value: &DeValue<'_>) -> Option<String> {
    value.as_str().map(str::to_owned)
}

fn integer(value: &DeValue<'_>) -> Option<i64> {
    let integer = value.as_integer()?;
    i64::from_str_radix(integer.as_str(), integer.radix()).ok()
}

fn one_line(text: &str) -> String {
    text.lines().map(str::trim).collect::<Vec<_>>().join(", ")
}

/// Whether at the most two wrong, missing or additional letters lead from one word to the other.
pub(crate) fn is_misspelt(known: &str, written: &str) -> bool {
    let distance = edits(known, &written.to_lowercase());
    distance <= 2 && distance < known.len() / 2
}

/// Levenshtein's distance, one row at a time.
fn edits(known: &str, written: &str) -> usize {
    let mut row: Vec<usize> = (0..=known.chars().count()).collect();
    for letter in written.chars() {
        let mut diagonal = row.first().copied().unwrap_or_default();
        let mut left = diagonal.saturating_add(1);
        if let Some(first) = row.first_mut() {
            *first = left;
        }
        for (cell, other) in row.iter_mut().skip(1).zip(known.chars()) {
            let replaced = diagonal.saturating_add(usize::from(other != letter));
            diagonal = *cell;
            left = replaced.min(left.saturating_add(1)).min(diagonal.saturating_add(1));
            *cell = left;
        }
    }
    row.last().copied().unwrap_or_default()
}
