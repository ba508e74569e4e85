//! What `snow sql --format json` prints: a list of rows for one statement, a list of such lists for several, cut off
//! where a statement failed; and a box with the complaint on standard error. Functions of their text.

use patd_core::pattern::reading::{Denied, Rows};
use patd_snowflake::mask::masked;
use serde_json::{Map, Value};

/// Why `snow` failed.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Complaint {
    /// Snowflake refused the statement.
    Statement(Denied),
    /// There was no session: nothing was run.
    Login(String),
    /// Anything else.
    Other(String),
}

/// Returns the results that are complete.
///
/// # Errors
/// If what was printed is no such list.
pub(super) fn results(printed: &str, statements: usize) -> Result<Vec<Rows>, String> {
    let lists = match statements {
        1 => one(printed),
        _ => complete(printed),
    };
    lists.iter().map(rows).collect()
}

/// The result of the only statement; cut off, it is none.
fn one(printed: &str) -> Vec<Value> {
    serde_json::from_str(printed).into_iter().collect()
}

/// The elements of a list that may end anywhere.
fn complete(printed: &str) -> Vec<Value> {
    let mut found = Vec::new();
    let mut rest = printed.trim_start().strip_prefix('[').unwrap_or_default();
    loop {
        let mut values = serde_json::Deserializer::from_str(rest).into_iter::<Value>();
        let Some(Ok(value)) = values.next() else { return found };
        found.push(value);
        let after = rest.get(values.byte_offset()..).unwrap_or_default().trim_start();
        let Some(next) = after.strip_prefix(',') else { return found };
        rest = next;
    }
}

/// Rows are objects; all of a result have the same keys. An empty result shows no columns.
fn rows(list: &Value) -> Result<Rows, String> {
    let objects: Option<Vec<&Map<String, Value>>> =
        list.as_array().and_then(|list| list.iter().map(Value::as_object).collect());
    let objects = objects.ok_or("snow printed something that is no list of rows")?;
    let columns: Vec<String> =
        objects.first().map(|first| first.keys().cloned().collect()).unwrap_or_default();
    let mut rows = Vec::with_capacity(objects.len());
    for object in objects {
        let row: Option<Vec<_>> = columns.iter().map(|name| object.get(name).map(text)).collect();
        match row.filter(|row| row.len() == object.len()) {
            Some(row) => rows.push(row),
            None => return Err("the rows that snow printed have different columns".to_owned()),
        }
    }
    Ok(Rows { columns, rows })
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
            Some(value.to_string())
        }
    }
}

/// Returns what the box says, masked.
pub(super) fn complaint(printed: &str) -> Complaint {
    let lines = printed.lines().map(str::trim).filter(|line| !line.starts_with(['╭', '╰']));
    let words: Vec<&str> = lines.map(|line| line.trim_matches('│').trim()).collect();
    let text = words.join(" ").trim().to_owned();
    if let Some(denied) = denied(&text) {
        return Complaint::Statement(denied);
    }
    let login = ["Could not connect to Snowflake", "is not configured", "Invalid connection"];
    let is_login = login.iter().any(|begin| text.contains(begin));
    match (is_login, text.is_empty()) {
        (true, _) => Complaint::Login(masked(&text, &[])),
        (false, false) => Complaint::Other(masked(&text, &[])),
        (false, true) => Complaint::Other("it ended without a word".to_owned()),
    }
}

/// `002003 (02000): QUERY ID: MESSAGE`. Codes of statements begin with 00; others are of the connection, and say
/// nothing about what was done.
fn denied(text: &str) -> Option<Denied> {
    let (code, rest) = text.split_once(" (")?;
    let is_statement = code.len() == 6
        && code.starts_with("00")
        && code.bytes().all(|byte| byte.is_ascii_digit())
        && !UNDECIDED.contains(&code);
    let (_, message) = rest.split_once("): ").filter(|_| is_statement)?;
    let message = match message.split_once(": ") {
        Some((query, message)) if is_query_id(query) => message,
        _ => message,
    };
    Some(Denied { code: code.to_owned(), message: masked(message, &[]) })
}

fn is_query_id(text: &str) -> bool {
    text.len() == 36 && text.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-')
}

/// "SQL execution canceled", "Statement not found": neither says that nothing was done.
const UNDECIDED: [&str; 2] = ["000604", "000709"];

#[cfg(test)]
mod tests {
    use super::*;

    const BOX: &str = "\
╭─ Error ──────────────────────────────────────────────────────────────────────╮
│ 002003 (02000): 491718de-357e-4da8-8cb4-5c8e74616796: SQL compilation error: │
│ Role 'NOPE' does not exist or not authorized.                                │
╰──────────────────────────────────────────────────────────────────────────────╯
";

    fn row(cells: &[&str]) -> Vec<Option<String>> {
        cells.iter().map(|cell| Some((*cell).to_owned())).collect()
    }

    #[test]
    fn one_statement_prints_its_rows_and_several_print_a_list_of_them() {
        let single = results("[\n {\"a\": 1, \"b\": null, \"c\": true}\n]\n", 1).unwrap();
        assert_eq!(single[0].columns, ["a", "b", "c"]);
        assert_eq!(single[0].rows, [vec![Some("1".to_owned()), None, Some("true".to_owned())]]);

        let several =
            results("[\n [ {\"a\"  :   \"x\"} ],\n [],\n [ {\"b\": \"y\"} ]\n]\n", 3).unwrap();
        assert_eq!(several.len(), 3);
        assert_eq!((several[1].columns.len(), several[1].rows.len()), (0, 0));
        assert_eq!(several[2].rows, [row(&["y"])]);
    }

    #[test]
    fn what_was_printed_before_a_failure_counts_and_nothing_after() {
        assert_eq!(results("[\n  [\n {\"a\": 1}\n  ]", 3).unwrap().len(), 1);
        assert_eq!(results("[\n  [],\n  [ {\"a\": ", 3).unwrap().len(), 1);
        assert_eq!(results("[\n", 3).unwrap().len(), 0);
        assert_eq!(results("", 1).unwrap().len(), 0);
        assert_eq!(results("[ {\"a\": 1", 1).unwrap().len(), 0);
    }

    #[test]
    fn rows_that_are_none_are_refused() {
        assert!(results("[1]", 1).is_err());
        assert!(results("{}", 1).is_err());
        assert!(results("[ {\"a\": 1}, {\"b\": 1} ]", 1).is_err());
        assert!(results("[ {\"a\": 1}, {\"a\": 1, \"b\": 1} ]", 1).is_err());
    }

    #[test]
    fn a_refused_statement_is_told_from_a_failed_login_and_from_an_unclear_end() {
        let message = "SQL compilation error: Role 'NOPE' does not exist or not authorized.";
        let denied = Denied { code: "002003".to_owned(), message: message.to_owned() };
        assert_eq!(complaint(BOX), Complaint::Statement(denied));

        for text in [
            "│ Could not connect to Snowflake. Reason: 390100 (28000): Incorrect username │",
            "│ Connection nope is not configured │",
        ] {
            assert!(matches!(complaint(text), Complaint::Login(_)), "{text}");
        }
        for text in [
            "",
            "Traceback (most recent call last)",
            "│ 250003 (08001): connection reset │",
            "│ 000604 (57014): SQL execution canceled │",
            "│ 390114 (08001): Authentication token has expired. │",
        ] {
            assert!(matches!(complaint(text), Complaint::Other(_)), "{text}");
        }
    }

    #[test]
    fn a_token_in_a_complaint_is_masked() {
        let Complaint::Statement(denied) = complaint("001003 (42000): unexpected 'simpat_abc'")
        else {
            panic!("no refusal");
        };
        assert_eq!(denied.message, "unexpected '[masked]'");
    }

    proptest::proptest! {
        #[test]
        fn whatever_snow_prints_nothing_panics(text in "\\PC{0,200}", statements in 1_usize..4) {
            let _ = results(&text, statements);
            let _ = complaint(&text);
        }
    }
}
