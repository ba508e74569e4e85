//! The rows of SHOW and DESCRIBE, as both readers take them: the one that decides about tokens and the one that looks at
//! a whole account. The order of columns and of questions changes nothing, a look ends, and what it saw is kept as it was.
//!
//! An input is what Snowflake says: a line for each statement, a tab, and the JSON of rows or of a refusal.

use std::sync::LazyLock;

use patd_core::lifecycle::{TokenRow, TokenStatus};
use patd_core::names::{TokenName, User};
use patd_core::pattern::desired::Desired;
use patd_core::pattern::observed::{Observed, Token};
use patd_core::pattern::reading::{Breadth, Denied, Reading, Rows, Unreadable, value};
use patd_core::pattern::{plan, verify};
use patd_core::time::Timestamp;
use patd_snowflake::authority::fuzzing::token_rows;
use patd_snowflake::provision::fingerprint;

use crate::hush::{CANARY, assert_plain, chain};

pub fn check(bytes: &[u8]) {
    let Ok(text) = std::str::from_utf8(bytes) else { return };
    let answers: Vec<Answer<'_>> = text.lines().filter_map(Answer::read).collect();
    for answer in &answers {
        if let Ok(rows) = &answer.outcome {
            rows.rows.iter().flatten().flatten().for_each(|cell| assert_value(cell));
            tokens_in_any_order(rows);
        }
    }
    for breadth in [Breadth::Resident, Breadth::Whole] {
        assert_look(&answers, breadth);
    }
}

struct Answer<'t> {
    statement: &'t str,
    outcome: Result<Rows, Denied>,
}

impl<'t> Answer<'t> {
    /// Rows where there is one, which is all that comes so far.
    fn read(line: &'t str) -> Option<Self> {
        let (statement, said) = line.split_once('\t')?;
        let rows = serde_json::from_str::<Rows>(said).ok();
        let outcome = match rows {
            Some(rows) if rows.rows.iter().all(|row| row.len() == rows.columns.len()) => Ok(rows),
            Some(_) => return None,
            None => Err(serde_json::from_str(said).ok()?),
        };
        Some(Self { statement, outcome })
    }
}

/// What a list of tokens says does not depend on where its columns stand, or on columns nobody knows.
fn tokens_in_any_order(rows: &Rows) -> Option<Vec<TokenRow>> {
    let user = User::new(USER);
    let read = |rows: &Rows| {
        let columns: Vec<&str> = rows.columns.iter().map(String::as_str).collect();
        let cells: Vec<Vec<Option<&str>>> =
            rows.rows.iter().map(|row| row.iter().map(Option::as_deref).collect()).collect();
        let cells: Vec<&[Option<&str>]> = cells.iter().map(Vec::as_slice).collect();
        token_rows(&columns, &cells, &user)
    };
    let tokens = read(rows);
    let mut turned = rows.clone();
    turned.columns.reverse();
    turned.columns.push("of a later version".to_owned());
    for row in &mut turned.rows {
        row.reverse();
        row.push(Some(CANARY.to_owned()));
    }
    assert_eq!(read(&turned), tokens);
    match tokens {
        Ok(tokens) => {
            assert_eq!(tokens.len(), rows.rows.len(), "a token is missing from the list");
            assert!(
                tokens.iter().all(|token| !token.name.as_str().is_empty()),
                "a token without a name"
            );
            Some(tokens)
        }
        Err(why) => {
            assert!(!format!("{why:?}").contains(CANARY), "{why:?}");
            None
        }
    }
}

/// A look ends, in whatever order it is asked, and its plan and its checks follow from what was seen alone.
fn assert_look(answers: &[Answer<'_>], breadth: Breadth) {
    let (seen, again) = (look(answers, breadth, false), look(answers, breadth, true));
    let (Ok(seen), Ok(again)) = (&seen, &again) else {
        for unreadable in [seen.as_ref().err(), again.as_ref().err()].into_iter().flatten() {
            assert!(!chain(unreadable).is_empty());
        }
        return assert_eq!(seen.is_err(), again.is_err(), "the order of the questions decides");
    };
    assert_eq!(seen, again, "the order of the questions decides");
    let json = serde_json::to_string(seen).expect("what was seen is JSON");
    assert_eq!(serde_json::from_str::<Observed>(&json).as_ref().ok(), Some(seen));
    assert_eq!(fingerprint(seen), fingerprint(again));
    assert_tokens_agree(answers, seen);

    let (checks, drift) = (verify::verify(&DESIRED, seen, &[]), verify::drift(&DESIRED, seen, &[]));
    assert!(drift.iter().all(|check| checks.contains(check)), "drift that verify does not know");
    if let (Ok(plan), Ok(same)) = (
        plan::plan(&DESIRED, seen, fingerprint(seen)),
        plan::plan(&DESIRED, again, fingerprint(again)),
    ) {
        assert_eq!(plan, same, "one look, two plans");
    }
}

fn look(answers: &[Answer<'_>], breadth: Breadth, backwards: bool) -> Result<Observed, Unreadable> {
    let mut reading = Reading::new(&DESIRED, breadth).expect("names that can be quoted");
    let most = 300 + 4 * answers.iter().map(Answer::len).sum::<usize>();
    let mut asked = 0;
    loop {
        let mut questions = reading.next();
        if questions.is_empty() {
            return reading.finish();
        }
        if backwards {
            questions.reverse();
        }
        for question in questions {
            asked += 1;
            assert!(asked <= most, "{asked} questions and no end: {}", question.statement.text);
            assert_plain(&question.statement.text);
            let said = answers.iter().find(|answer| answer.statement == question.statement.text);
            let outcome = said.map_or_else(|| Err(not_there()), |answer| answer.outcome.clone());
            reading.answer(&question, outcome)?;
        }
    }
}

impl Answer<'_> {
    fn len(&self) -> usize {
        self.outcome.as_ref().map_or(0, |rows| rows.rows.len())
    }
}

fn not_there() -> Denied {
    Denied { code: "002003".to_owned(), message: "does not exist or not authorized".to_owned() }
}

/// Both readers see the same living tokens, with the same end.
fn assert_tokens_agree(answers: &[Answer<'_>], seen: &Observed) {
    let statement =
        patd_core::sql::show_pats(&User::new(USER)).expect("a name that can be quoted").text;
    let shown = answers.iter().find(|answer| answer.statement == statement);
    let Some(Ok(rows)) = shown.map(|answer| &answer.outcome) else { return };
    let facts = seen.users.get(USER).and_then(|user| user.known()?.as_ref());
    let (Some(decided), Some(looked)) =
        (tokens_in_any_order(rows), facts.and_then(|facts| facts.tokens.known()))
    else {
        return;
    };
    let key = |name: &TokenName, ends: Option<Timestamp>| (name.clone(), ends);
    let mut decided: Vec<_> = decided
        .iter()
        .filter(|token| token.status != TokenStatus::Expired)
        .map(|token| key(&token.name, token.expires_at))
        .collect();
    let of_look =
        |token: &Token| key(&TokenName::new(&*token.name), token.expires_at.map(Timestamp));
    let mut looked: Vec<_> = looked.iter().map(of_look).collect();
    decided.sort();
    looked.sort();
    assert_eq!(decided, looked, "two opinions about the tokens");
}

/// The texts inside of a cell: taken apart whole or not at all.
fn assert_value(cell: &str) {
    let quoted = format!("\"{}\"", cell.replace('"', "\"\""));
    assert_eq!(value::name(&quoted), cell, "a quoted name loses its quotes and nothing else");
    let once = value::name(cell);
    assert!(once.len() <= cell.len(), "{cell:?} is named {once:?}");
    if let Some(items) = value::list(cell) {
        let plain = |item: &String| item.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
        if items.iter().all(plain) && !items.iter().any(String::is_empty) {
            assert_eq!(value::list(&format!("[{}]", items.join(", "))), Some(items));
        }
    }
    if let Some(fields) = value::fields(cell) {
        assert!(
            fields
                .iter()
                .all(|(name, value)| cell.contains(name.as_str()) && cell.contains(value.as_str()))
        );
    }
    assert!(value::items(cell).iter().all(|item| !item.is_empty() && cell.contains(item.as_str())));
    let _ = (value::rules(cell), value::target_scopes(cell));
    if let Some(moment) = Timestamp::read(cell) {
        assert_eq!(Timestamp::read(&moment.0.to_string()), Some(moment), "{cell}");
    }
}

/// The service user of `desired.json`.
const USER: &str = "MIGUEL_CLI";

static DESIRED: LazyLock<Desired> = LazyLock::new(|| {
    serde_json::from_str(include_str!("desired.json")).expect("a desired account")
});
