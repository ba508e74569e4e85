//! The connections of a file: to keep them, to see who is left out, and to find what the child added.
//! Pure: texts in, texts out.

use std::collections::BTreeMap;

use pat_wire::secret::Zeroizing;

use crate::toml::{FaultyLine, Item, items, unescaped, write};

/// Connections by name. Their values may be passwords: wiped when dropped, and not in `Debug`.
#[derive(Clone, Default, PartialEq, Eq)]
pub(crate) struct Connections(BTreeMap<String, Vec<Setting>>);

/// A key (dotted, below the connection) and its value as written.
type Setting = (Vec<String>, Zeroizing<String>);

/// Why the connections of a file cannot be told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unreadable {
    /// This line is not TOML.
    Line(FaultyLine),
    /// Connections as an array of tables, which no client reads.
    Array,
}

impl std::fmt::Display for Unreadable {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Line(FaultyLine(line)) => write!(f, "line {line} is not TOML"),
            Self::Array => f.write_str("connections in double brackets are not connections"),
        }
    }
}

impl std::fmt::Debug for Connections {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.names()).finish()
    }
}

impl Connections {
    /// Reads a `connections.toml`: every table is one.
    ///
    /// # Errors
    /// See [`Unreadable`].
    pub(crate) fn of_connections_file(text: &str) -> Result<Self, Unreadable> {
        Self::below(text, &[])
    }

    /// Reads a `config.toml`: those below `connections`.
    ///
    /// # Errors
    /// See [`Unreadable`].
    pub(crate) fn of_config_file(text: &str) -> Result<Self, Unreadable> {
        Self::below(text, &["connections"])
    }

    /// Returns whether there is one of this name.
    pub(crate) fn contains(&self, name: &str) -> bool {
        self.0.contains_key(name)
    }

    /// Returns the names in order.
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    /// Returns whether there is none.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Returns whether a `config.toml` has its connections in an inline table, to which no text can be appended.
    pub(crate) fn are_inline(config: &str) -> bool {
        let is_theirs =
            |item: &Item<'_>| matches!(item, Item::Inline(path) if path == &["connections"]);
        items(config).is_ok_and(|items| items.iter().any(is_theirs))
    }

    /// Leaves one out.
    pub(crate) fn without(mut self, name: &str) -> Self {
        self.0.remove(name);
        self
    }

    /// Leaves out those that `other` has just so.
    pub(crate) fn not_in(&self, other: &Self) -> Self {
        let mut new = self.clone();
        new.0.retain(|name, keys| other.0.get(name) != Some(keys));
        new
    }

    /// Splits off those whose name `other` has too.
    pub(crate) fn split_by_name(self, other: &Self) -> (Self, Self) {
        let (named, unnamed) = self.0.into_iter().partition(|(name, _)| other.contains(name));
        (Self(named), Self(unnamed))
    }

    /// Splits off those of which `holds` is true: of their text, or of what a name, key or value in it says.
    pub(crate) fn split_by_content(self, holds: impl Fn(&str) -> bool) -> (Self, Self) {
        let (mut held, mut free) = (Self::default(), Self::default());
        for (name, settings) in self.0 {
            let says = |(key, value): &Setting| {
                holds(&unescaped(value)) || key.iter().any(|part| holds(part))
            };
            let is_said = holds(&name) || settings.iter().any(says);
            let one = Self([(name, settings)].into());
            // Keys of several parts are told apart only in their text.
            let of = if is_said || holds(&one.to_text()) { &mut held } else { &mut free };
            of.0.extend(one.0);
        }
        (held, free)
    }

    /// Returns them as the text of a `connections.toml`, a blank line before each.
    pub(crate) fn to_text(&self) -> Zeroizing<String> {
        self.below_header("\n[")
    }

    /// Returns them as they are appended to a `config.toml`.
    pub(crate) fn to_config_text(&self) -> Zeroizing<String> {
        self.below_header("\n[connections.")
    }

    fn below_header(&self, header: &str) -> Zeroizing<String> {
        // Sized once: a buffer that grows leaves copies of what it held.
        let mut text = Zeroizing::new(String::with_capacity(self.room(header)));
        for (name, settings) in &self.0 {
            text.push_str(header);
            write::push_key(&mut text, name);
            text.push_str("]\n");
            for (key, value) in settings {
                push_dotted(&mut text, key);
                text.push_str(" = ");
                text.push_str(value);
                text.push('\n');
            }
        }
        text
    }

    fn room(&self, header: &str) -> usize {
        let of_key = |key: &String| key.len() * write::LONGEST_ESCAPE + FRAME;
        let of_setting =
            |(key, value): &Setting| key.iter().map(of_key).sum::<usize>() + value.len() + FRAME;
        let of_one = |(name, settings): (&String, &Vec<Setting>)| {
            header.len() + of_key(name) + settings.iter().map(of_setting).sum::<usize>()
        };
        self.0.iter().map(of_one).sum()
    }

    fn below(text: &str, above: &[&str]) -> Result<Self, Unreadable> {
        let mut connections = BTreeMap::<String, Vec<Setting>>::new();
        for item in items(text).map_err(Unreadable::Line)? {
            let path = item.path();
            let is_below = above.iter().zip(path).all(|(wanted, part)| wanted == part);
            let Some((name, key)) = path.get(above.len()..).and_then(<[_]>::split_first) else {
                if is_below && matches!(item, Item::TableArray(_)) {
                    return Err(Unreadable::Array);
                }
                continue;
            };
            if !is_below {
                continue;
            }
            match &item {
                Item::TableArray(_) => return Err(Unreadable::Array),
                Item::Table(_) | Item::Inline(_) => {
                    connections.entry(name.clone()).or_default();
                }
                // A value right here is a setting of the file, not a connection.
                Item::Value(..) if key.is_empty() => {}
                Item::Value(_, value) => {
                    let keys = connections.entry(name.clone()).or_default();
                    keys.push((key.to_vec(), Zeroizing::new((*value).to_owned())));
                }
            }
        }
        Ok(Self(connections))
    }
}

fn push_dotted(text: &mut String, key: &[String]) {
    for (index, part) in key.iter().enumerate() {
        if index > 0 {
            text.push('.');
        }
        write::push_key(text, part);
    }
}

/// Brackets, quotes, dots, equals signs and line ends around one key.
const FRAME: usize = 8;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connections_of_a_config_file_become_those_of_a_connections_file() {
        let config = "default_connection_name = \"a\"\n[cli.logs]\nlevel = \"info\"\n\
                      [connections.a]\nuser = 'u'\n[connections.a.session_parameters]\nX = 1\n\
                      [connections]\nb = { account = \"x\", user = \"y\" }\n\"c d\".user = \"z\"\n";

        let connections = Connections::of_config_file(config).unwrap();

        let expected = "\n[a]\nuser = 'u'\nsession_parameters.X = 1\n\n[b]\naccount = \"x\"\n\
                        user = \"y\"\n\n[\"c d\"]\nuser = \"z\"\n";
        assert_eq!(*connections.to_text(), expected);
        assert_eq!(Connections::of_connections_file(expected), Ok(connections));
    }

    #[test]
    fn an_added_connection_is_told_from_those_that_were_there() {
        let given =
            Connections::of_connections_file("[x]\npassword = \"p\"\n[k]\na = 1\n").unwrap();
        let now = "[x]\npassword = \"p\"\n\n[k]\na = 2\n\n[new]\nuser = \"u\"\n";

        let changed = Connections::of_connections_file(now).unwrap().without("x").not_in(&given);
        let (edited, added) = changed.split_by_name(&given);

        assert_eq!(edited.names().collect::<Vec<_>>(), ["k"]);
        assert_eq!(*added.to_text(), "\n[new]\nuser = \"u\"\n");
    }

    #[test]
    fn a_connection_that_holds_the_secret_is_split_off() {
        let text = "[a]\ntoken = \"x-simpat_1-x\"\n[b]\nsub.password = \"fine\"\n[simpat_1]\n";
        let connections = Connections::of_connections_file(text).unwrap();

        let (held, free) = connections.split_by_content(|text| text.contains("simpat_1"));

        assert_eq!(held.names().collect::<Vec<_>>(), ["a", "simpat_1"]);
        assert_eq!(free.names().collect::<Vec<_>>(), ["b"]);
    }

    #[test]
    fn a_connection_that_spells_the_secret_in_parts_or_escapes_is_split_off() {
        for text in [
            "[a]\nsimpat.one = 1\n",
            "[a.simpat]\none = 1\n",
            "[a]\nx = \"simpat\\u002eone\"\n",
            "[a]\nx = \"\"\"simpat.\\\n  one\"\"\"\n",
        ] {
            let connections = Connections::of_connections_file(text).unwrap();

            let (held, free) = connections.split_by_content(|text| text.contains("simpat.one"));

            assert!(held.contains("a") && free.is_empty(), "{text}");
        }
    }

    #[test]
    fn a_text_never_outgrows_its_buffer_and_no_value_is_in_debug() {
        let text =
            "[\"\\u0001\\u0002\"]\n\"\\u0003\".\"\\u0004\".a = \"hunter2\"\n[b]\nc = ''\n[d]\n";
        let connections = Connections::of_connections_file(text).unwrap();

        for header in ["\n[", "\n[connections."] {
            assert!(connections.below_header(header).len() <= connections.room(header));
        }
        assert!(!format!("{connections:?}").contains("hunter2"));
    }

    #[test]
    fn what_is_no_connection_is_none() {
        let text = "stray = 1\n";
        assert!(Connections::of_connections_file(text).unwrap().is_empty());
        assert!(Connections::of_config_file("[other.connections.x]\na = 1\n").unwrap().is_empty());
        assert_eq!(Connections::of_connections_file("[[a]]\n"), Err(Unreadable::Array));
        assert_eq!(Connections::of_config_file("[[connections]]\n"), Err(Unreadable::Array));
        assert_eq!(
            Connections::of_config_file("[connections.x]\nbroken\n"),
            Err(Unreadable::Line(FaultyLine(2)))
        );
    }
}
