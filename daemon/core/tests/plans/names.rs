//! Names as nobody should have them.

/// Returns more than 200 names: quotes, ends of statements, comments, escapes, templates, line breaks, what hides, what
/// looks like something else, and lengths around the limit.
pub(crate) fn corpus() -> Vec<String> {
    let shapes: [fn(&str) -> String; 6] = [
        |trick| trick.to_owned(),
        |trick| format!("A{trick}"),
        |trick| format!("{trick}A"),
        |trick| format!("A{trick}B"),
        |trick| format!("A{trick}{trick}B"),
        |trick| format!("A\"{trick}\"B"),
    ];
    let tricks = TRICKS.iter().flat_map(|trick| shapes.map(|shape| shape(trick)));
    let long = [
        "A".repeat(255),
        "A".repeat(256),
        "\"".repeat(255),
        "'".repeat(255),
        "é".repeat(300),
        "\\".repeat(254),
    ];
    tricks.chain(long).chain([String::new()]).collect()
}

#[test]
fn there_are_more_than_200_of_them_and_none_twice() {
    let names = corpus();
    let different: std::collections::BTreeSet<&String> = names.iter().collect();

    assert!(different.len() > 200, "{}", different.len());
}

const TRICKS: [&str; 52] = [
    "\"",
    "'",
    "\"\"",
    "''",
    "`",
    ";",
    ";\n",
    "; DROP USER ADMIN; --",
    "\"; DROP USER ADMIN; --",
    "'; DROP USER ADMIN; --",
    "\" ADD PROGRAMMATIC ACCESS TOKEN \"X",
    "\" TO ROLE \"ACCOUNTADMIN",
    "') COMMENT = ('",
    "\".\"",
    ".",
    "--",
    "//",
    "/*",
    "*/",
    "/* x */",
    "$$",
    "$$ x $$",
    "\\",
    "\\\\",
    "\\'",
    "\\\"",
    "\\n",
    "\\u0022",
    "\n",
    "\r\n",
    "\t",
    "\0",
    "\u{1b}[2J",
    "\u{85}",
    "\u{2028}",
    "\u{202e}",
    "\u{200b}",
    "\u{feff}",
    "\u{ff02}",
    "\u{201d}",
    "\u{2019}",
    "\u{37e}",
    "\u{410}\u{412}",
    "e\u{301}",
    "\u{1f600}",
    "${x}",
    "%{if x}",
    "<% x %>",
    "&{x}",
    "{{ x }}",
    ":1",
    "?",
];
