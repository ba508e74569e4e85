//! As much TOML as the wrapper needs: which keys a file sets, each with its value as it is written.
//! A whole parser would double the size of a binary that must start in a fraction of a millisecond.
//! Values are skipped exactly and never interpreted; everything here is tested without files.

mod cursor;
pub(crate) mod write;

use cursor::Cursor;
use pat_wire::secret::Zeroizing;

/// One thing a file says.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Item<'a> {
    /// There is such a table, by its header.
    Table(Vec<String>),
    /// There is such an array of tables; what is below it is not told.
    TableArray(Vec<String>),
    /// There is such an inline table, which no header can add to; its keys come next.
    Inline(Vec<String>),
    /// A key, by its full path, has this value, as written. Inline tables are told key by key.
    Value(Vec<String>, &'a str),
}

impl Item<'_> {
    /// Returns the full path.
    pub(crate) fn path(&self) -> &[String] {
        match self {
            Self::Table(path)
            | Self::TableArray(path)
            | Self::Inline(path)
            | Self::Value(path, _) => path,
        }
    }
}

/// The line that is not TOML, counted from 1.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FaultyLine(pub(crate) usize);

/// Returns what the text says, in its order.
///
/// # Errors
/// The first line that is not TOML.
pub(crate) fn items(text: &str) -> Result<Vec<Item<'_>>, FaultyLine> {
    let mut reader = Reader { cursor: Cursor::new(text), items: Vec::new(), within: Some(vec![]) };
    match reader.read() {
        Some(()) => Ok(reader.items),
        None => Err(FaultyLine(reader.cursor.line())),
    }
}

/// Returns what the strings of a value say: each escape as what it stands for, whatever kind of string it is in.
pub(crate) fn unescaped(value: &str) -> Zeroizing<String> {
    // Sized once: no escape is longer than what it stands for.
    let mut text = Zeroizing::new(String::with_capacity(value.len()));
    let mut rest = value.chars();
    while let Some(c) = rest.next() {
        if c != '\\' {
            text.push(c);
            continue;
        }
        let after = rest.as_str();
        match cursor::escaped(&mut rest) {
            Some(c) => text.push(c),
            // The end of a line in a long string, with the blanks that begin the next.
            None => rest = after.trim_start().chars(),
        }
    }
    text
}

struct Reader<'a> {
    cursor: Cursor<'a>,
    items: Vec<Item<'a>>,
    /// The table of the last header; none below an array of tables.
    within: Option<Vec<String>>,
}

/// `None` means: not TOML, at the cursor.
impl<'a> Reader<'a> {
    fn read(&mut self) -> Option<()> {
        self.cursor.skip_mark();
        loop {
            self.cursor.skip_blank_lines();
            match self.cursor.peek() {
                None => return Some(()),
                Some('[') => self.header()?,
                Some(_) => self.statement()?,
            }
            self.cursor.end_of_line()?;
        }
    }

    fn header(&mut self) -> Option<()> {
        self.cursor.take('[')?;
        let is_array = self.cursor.take('[').is_some();
        let path = self.path()?;
        self.cursor.take(']')?;
        if is_array {
            self.cursor.take(']')?;
            self.items.push(Item::TableArray(path));
            self.within = None;
        } else {
            self.within = Some(path.clone());
            let below_array = self
                .items
                .iter()
                .any(|item| matches!(item, Item::TableArray(array) if path.starts_with(array)));
            if below_array {
                self.within = None;
            } else {
                self.items.push(Item::Table(path));
            }
        }
        Some(())
    }

    fn statement(&mut self) -> Option<()> {
        let within = self.within.clone();
        let key = self.path()?;
        let path = within.map(|mut path| {
            path.extend(key);
            path
        });
        self.cursor.take('=')?;
        self.value(path, 0)
    }

    /// `path` is none where nothing is to be told.
    fn value(&mut self, path: Option<Vec<String>>, depth: usize) -> Option<()> {
        self.cursor.skip_spaces();
        if self.cursor.peek() == Some('{') {
            return self.inline_table(path, depth.checked_add(1)?);
        }
        let start = self.cursor.at();
        self.cursor.skip_value(depth)?;
        if let Some(path) = path {
            self.items.push(Item::Value(path, self.cursor.since(start)));
        }
        Some(())
    }

    fn inline_table(&mut self, path: Option<Vec<String>>, depth: usize) -> Option<()> {
        if depth > cursor::DEEPEST {
            return None;
        }
        self.cursor.take('{')?;
        self.items.extend(path.clone().map(Item::Inline));
        loop {
            self.cursor.skip_blank_lines();
            if self.cursor.take('}').is_some() {
                break;
            }
            let key = self.path()?;
            let full = path.as_ref().map(|path| [path.as_slice(), &key].concat());
            self.cursor.take('=')?;
            self.value(full, depth)?;
            self.cursor.skip_blank_lines();
            if self.cursor.take(',').is_none() {
                self.cursor.take('}')?;
                break;
            }
        }
        Some(())
    }

    fn path(&mut self) -> Option<Vec<String>> {
        let mut path = Vec::new();
        loop {
            self.cursor.skip_spaces();
            path.push(self.cursor.key()?);
            self.cursor.skip_spaces();
            if self.cursor.take('.').is_none() {
                return Some(path);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_dotted_keys_and_inline_tables_are_one_thing() {
        for text in [
            "[connections.x]\naccount = \"a\"\n",
            "[ connections . \"x\" ] # c\n 'account' = \"a\"",
            "connections.x.account = \"a\"\r\n",
            "[connections]\nx.account=\"a\"",
            "[connections]\nx = { account = \"a\" }",
            "connections = {x = {account = \"a\", },}",
        ] {
            let items = items(text).unwrap();

            let values: Vec<_> =
                items.into_iter().filter(|item| matches!(item, Item::Value(..))).collect();
            assert_eq!(values, [Item::Value(path("connections.x.account"), "\"a\"")], "{text}");
        }
    }

    #[test]
    fn what_looks_like_a_header_inside_a_value_is_part_of_the_value() {
        let text = concat!(
            "a = \"\"\"\n[x]\ny = 1\n\\\"\"\"\"\"\n",
            "b = '''\n[x]\n'''\n",
            "c = [ # [x]\n  \"[x]\",\n  [1, 2,],\n  { d = ']' },\n]\n",
            "e = \"# \\\" [x]\" # [x]\n",
            "f = '\\'\n",
            "g = 1979-05-27 07:32:00Z # date\n",
        );

        let items = items(text).unwrap();

        let keys: Vec<_> = items.iter().map(|item| item.path().join(".")).collect();
        assert_eq!(keys, ["a", "b", "c", "e", "f", "g"]);
        assert!(matches!(&items[5], Item::Value(_, "1979-05-27 07:32:00Z")));
        assert!(matches!(&items[4], Item::Value(_, "'\\'")));
    }

    #[test]
    fn tables_without_keys_and_arrays_of_tables_are_told_apart() {
        let text = "[a]\n[[b]]\nx = 1\n[b.c]\ny = 1\n[d]\ne = {}\nz = 1\n";

        let items = items(text).unwrap();

        let expected = [
            Item::Table(path("a")),
            Item::TableArray(path("b")),
            Item::Table(path("d")),
            Item::Inline(path("d.e")),
            Item::Value(path("d.z"), "1"),
        ];
        assert_eq!(items, expected);
    }

    #[test]
    fn keys_are_unescaped() {
        let items = items("\"a\\u00e9\\\"\\U0001F600\\n.b\".'c\\' = 1").unwrap();

        let expected = vec!["aé\"😀\n.b".to_owned(), "c\\".to_owned()];
        assert_eq!(items, [Item::Value(expected, "1")]);
    }

    #[test]
    fn the_line_of_a_fault_is_named() {
        for (text, line) in [
            ("a = 1\nb\n", 2),
            ("a = \"x\n\"\n", 1),
            ("[a\n", 1),
            ("a = 1 b = 2", 1),
            ("x = 1\n\n= 2", 3),
            ("a = [1, 2\n", 2),
            ("a = \"\"\"x\n\n", 3),
            ("a =\n", 1),
            ("a = { b = 1 c = 2 }", 1),
            ("[[a]\n", 1),
        ] {
            assert_eq!(items(text), Err(FaultyLine(line)), "{text:?}");
        }
    }

    #[test]
    fn a_value_says_the_same_however_it_is_escaped() {
        for value in [
            "\"a_b\"",
            "\"a\\u005fb\"",
            "'a_b'",
            "\"\"\"a_\\\n  b\"\"\"",
            "\"a\\x5Fb\"",
            "[\"a\\U0000005fb\"]",
        ] {
            assert!(unescaped(value).contains("a_b"), "{value}");
        }
    }

    #[test]
    fn depth_is_bounded() {
        let deep = format!("a = {}", "[".repeat(100_000));
        let deep_tables = format!("a = {}", "{a=".repeat(100_000));

        assert!(items(&deep).is_err());
        assert!(items(&deep_tables).is_err());
    }

    #[test]
    fn a_byte_order_mark_and_an_empty_file_are_no_fault() {
        assert_eq!(items("\u{feff}"), Ok(vec![]));
        assert_eq!(items("\u{feff}a=1"), Ok(vec![Item::Value(path("a"), "1")]));
        assert_eq!(items("# only a comment"), Ok(vec![]));
    }

    fn path(dotted: &str) -> Vec<String> {
        dotted.split('.').map(str::to_owned).collect()
    }
}
