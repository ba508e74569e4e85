//! The texts in which SHOW and DESCRIBE print lists and properties, taken apart. Total: a text of another form is
//! none, never half a value.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;

/// Returns the items of `[A, B]`, without the quotes around one; none if the text is no such list.
///
/// Seen on a live account: `AUTHENTICATION_METHODS` = `[ALL]`, `DEFAULT_SECONDARY_ROLES` = `["ALL"]`.
pub fn list(text: &str) -> Option<Vec<String>> {
    let items = pieces(inside(text, '[', ']')?)?;
    Some(items.into_iter().map(bare).collect())
}

/// Returns name and value of each `K=V` in `{K=V, …}`, the value as it stands (it may be a list or fields again);
/// none if the text is no such thing, or says a name twice.
pub fn fields(text: &str) -> Option<BTreeMap<String, String>> {
    let mut fields = BTreeMap::new();
    for piece in pieces(inside(text, '{', '}')?)? {
        let (name, value) = piece.split_once('=')?;
        let (name, value) = (name.trim().to_owned(), value.trim().to_owned());
        if fields.insert(name, value).is_some() {
            return None;
        }
    }
    Some(fields)
}

/// Returns the items of `a,b`, as DESCRIBE prints addresses.
pub fn items(text: &str) -> BTreeSet<String> {
    let items = text.split(',').map(bare);
    items.filter(|item| !item.is_empty()).collect()
}

/// Returns the full names of rules as DESCRIBE NETWORK POLICY prints them:
/// `[{"fullyQualifiedRuleName":"DB.SCHEMA.RULE"}]`.
pub fn rules(text: &str) -> Option<BTreeSet<String>> {
    #[derive(Deserialize)]
    struct Rule {
        #[serde(rename = "fullyQualifiedRuleName")]
        name: String,
    }
    let rules: Vec<Rule> = serde_json::from_str(text).ok()?;
    Some(rules.into_iter().map(|rule| name(&rule.name)).collect())
}

/// Returns the scopes in the `options` of SHOW AUTHENTICATION POLICIES: `ACCOUNT`, `PERSON_USERS`, `SERVICE_USERS`.
pub fn target_scopes(text: &str) -> Option<BTreeSet<String>> {
    #[derive(Deserialize)]
    struct Options {
        target_scopes: BTreeSet<String>,
    }
    serde_json::from_str::<Options>(text).ok().map(|options| options.target_scopes)
}

/// Returns a name as Snowflake prints it in results, with its quotes taken off: `DB."a ""b"""` is `DB.a "b"`.
/// A text that is no well-formed name stays as it is.
pub fn name(text: &str) -> String {
    name_parts(text).map_or_else(|| text.to_owned(), |parts| parts.join("."))
}

/// Returns the parts of a printed name, without quotes.
fn name_parts(text: &str) -> Option<Vec<String>> {
    let mut parts = Vec::new();
    let mut rest = text;
    loop {
        let (part, after) = match rest.strip_prefix('"') {
            Some(quoted) => quoted_part(quoted)?,
            None => plain_part(rest)?,
        };
        parts.push(part);
        match after.strip_prefix('.') {
            Some(next) => rest = next,
            None => return after.is_empty().then_some(parts),
        }
    }
}

fn plain_part(text: &str) -> Option<(String, &str)> {
    let end = text.find('.').unwrap_or(text.len());
    let (part, rest) = text.split_at_checked(end)?;
    (!part.is_empty() && !part.contains('"')).then(|| (part.to_owned(), rest))
}

/// Reads up to the closing quote; a doubled one stands for itself.
fn quoted_part(text: &str) -> Option<(String, &str)> {
    let mut part = String::new();
    let mut characters = text.chars();
    loop {
        match characters.next()? {
            '"' => match characters.as_str().strip_prefix('"') {
                Some(rest) => {
                    part.push('"');
                    characters = rest.chars();
                }
                None => return Some((part, characters.as_str())),
            },
            other => part.push(other),
        }
    }
}

fn inside(text: &str, open: char, close: char) -> Option<&str> {
    text.trim().strip_prefix(open)?.strip_suffix(close)
}

/// Splits at the commas outside of brackets and quotes.
fn pieces(text: &str) -> Option<Vec<&str>> {
    let mut pieces = Vec::new();
    let (mut open, mut quote) = (Vec::new(), None);
    let mut start = 0;
    for (at, character) in text.char_indices() {
        match (character, quote) {
            (c, Some(q)) if c == q => quote = None,
            (_, Some(_)) => {}
            ('"' | '\'', None) => quote = Some(character),
            ('[', None) => open.push(']'),
            ('{', None) => open.push('}'),
            (']' | '}', None) if open.pop() != Some(character) => return None,
            (',', None) if open.is_empty() => {
                pieces.push(text.get(start..at)?.trim());
                start = at + 1;
            }
            _ => {}
        }
    }
    if quote.is_some() || !open.is_empty() {
        return None;
    }
    let last = text.get(start..)?.trim();
    match (last.is_empty(), pieces.is_empty()) {
        (true, true) => return Some(pieces),
        (true, false) => return None,
        (false, _) => pieces.push(last),
    }
    pieces.iter().all(|piece| !piece.is_empty()).then_some(pieces)
}

fn bare(item: &str) -> String {
    let item = item.trim();
    let between = |quote| inside(item, quote, quote).filter(|inner| !inner.contains(quote));
    between('"').or_else(|| between('\'')).unwrap_or(item).to_owned()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn set(items: &[&str]) -> BTreeSet<String> {
        items.iter().map(|&item| item.to_owned()).collect()
    }

    #[test]
    fn the_lists_of_a_live_account_are_read() {
        for (text, wanted) in [
            ("[ALL]", vec!["ALL"]),
            ("[]", vec![]),
            ("[PASSWORD, KEYPAIR]", vec!["PASSWORD", "KEYPAIR"]),
            (r#"["ALL"]"#, vec!["ALL"]),
            ("['A', 'B']", vec!["A", "B"]),
            (r#"["a, b", C]"#, vec!["a, b", "C"]),
            (" [ A ,B ] ", vec!["A", "B"]),
        ] {
            assert_eq!(list(text), Some(wanted.iter().map(|&w| w.to_owned()).collect()), "{text}");
        }
    }

    #[test]
    fn what_is_no_list_is_not_half_a_list() {
        for text in ["", "ALL", "[A", "A]", "[A,]", "[,A]", "[A, , B]", "[A]]", "[[A]", "[\"A]"] {
            assert_eq!(list(text), None, "{text}");
        }
    }

    #[test]
    fn the_fields_of_a_live_account_are_read_and_nested_ones_again() {
        let read = fields(
            "{DEFAULT_EXPIRY_IN_DAYS=15, NETWORK_POLICY_EVALUATION=ENFORCED_REQUIRED, \
             BLOCKED_ROLES_LIST=[A, B]}",
        );
        let read = read.unwrap();
        assert_eq!(read["DEFAULT_EXPIRY_IN_DAYS"], "15");
        assert_eq!(list(&read["BLOCKED_ROLES_LIST"]).unwrap(), ["A", "B"]);

        let clients = fields("{DRIVERS={MINIMUM_VERSION=1.2.3}, SNOWSQL={MINIMUM_VERSION=4}}");
        let inner = fields(&clients.unwrap()["DRIVERS"]).unwrap();
        assert_eq!(inner["MINIMUM_VERSION"], "1.2.3");
        assert_eq!(fields("{}"), Some(BTreeMap::new()));
    }

    #[test]
    fn what_is_not_fields_is_not_half_of_them() {
        for text in ["", "{A}", "{A=1, A=2}", "{A=1", "{A=[1}", "{A=1}}", "[A=1]"] {
            assert_eq!(fields(text), None, "{text}");
        }
    }

    #[test]
    fn rules_are_named_in_full_and_without_quotes() {
        let text =
            r#"[{"fullyQualifiedRuleName":"DB.S.R"},{"fullyQualifiedRuleName":"DB.\"my s\".R"}]"#;
        assert_eq!(rules(text), Some(set(&["DB.S.R", "DB.my s.R"])));
        assert_eq!(rules("[]"), Some(set(&[])));
        assert_eq!(rules("DB.S.R"), None);
        assert_eq!(rules(r#"[{"name":"DB.S.R"}]"#), None);
    }

    #[test]
    fn addresses_are_read_with_and_without_blanks_and_quotes() {
        assert_eq!(items("192.0.2.1, '198.51.100.0/24',"), set(&["192.0.2.1", "198.51.100.0/24"]));
        assert_eq!(items(""), set(&[]));
    }

    #[test]
    fn scopes_are_read_from_the_options() {
        let text = r#"{"target_scopes":["PERSON_USERS","ACCOUNT"],"more":1}"#;
        assert_eq!(target_scopes(text), Some(set(&["ACCOUNT", "PERSON_USERS"])));
        assert_eq!(target_scopes(""), None);
        assert_eq!(target_scopes("{}"), None);
    }

    #[test]
    fn a_printed_name_loses_its_quotes_and_nothing_else() {
        for (text, wanted) in [
            ("DB.S.N", "DB.S.N"),
            (r#""a.b".S"#, "a.b.S"),
            (r#""a ""b""""#, r#"a "b""#),
            (r#""""#, ""),
            ("", ""),
            (r#"A"B"#, r#"A"B"#),
            (r#""A"B"#, r#""A"B"#),
            (r#""A"#, r#""A"#),
            ("A..B", "A..B"),
        ] {
            assert_eq!(name(text), wanted, "{text}");
        }
    }

    proptest! {
        #[test]
        fn no_text_is_too_strange(text in "\\PC{0,80}|[\\[\\]{}=,\"' A]{0,40}") {
            let _ = (list(&text), fields(&text), items(&text), rules(&text), target_scopes(&text));
            let _ = name(&text);
        }

        #[test]
        fn a_list_of_words_is_read_back(words in proptest::collection::vec("[A-Z_]{1,12}", 0..6)) {
            prop_assert_eq!(list(&format!("[{}]", words.join(", "))), Some(words));
        }

        #[test]
        fn a_quoted_name_is_read_back(parts in proptest::collection::vec("\\PC{0,20}", 1..4)) {
            let quoted: Vec<String> =
                parts.iter().map(|part| format!("\"{}\"", part.replace('"', "\"\""))).collect();
            prop_assert_eq!(name(&quoted.join(".")), parts.join("."));
        }
    }
}
