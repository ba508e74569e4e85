//! The session behind provisioning: asks what [`patd_core::pattern::reading`] wants to know, and runs the statements
//! of a plan. What is asked, what it means and what is run is decided there.

use std::fmt::Write as _;
use std::time::Duration;

use aws_lc_rs::digest::{SHA256, digest};
use patd_core::lifecycle::{Failure, Refusal, RefusalKind};
use patd_core::pattern::desired::Desired;
use patd_core::pattern::observed::Observed;
use patd_core::pattern::reading::{Breadth, Denied, Question, Reading, Rows, Unreadable};
use patd_core::sql::{Kind, SqlError, Statement};
use tokio::time::Instant;

use crate::chain::chain;
use crate::refusal::{is_passing, refusal};
use crate::sql_api::{RESULT_TOO_LARGE, SqlApi, Table};

/// Looks at the account as far as `breadth` says, four questions at a time, over connections kept for this look.
///
/// # Errors
/// `Refused`: the login itself was, or a name cannot be quoted. `Unclear`: an answer nothing can be concluded from.
/// Either way there is no observation: half of one would be a guess.
pub async fn observe(
    api: &SqlApi,
    desired: &Desired,
    breadth: Breadth,
) -> Result<Observed, Failure> {
    observe_telling(api, desired, breadth, |_| {}).await
}

/// Looks at the account in the same way, and tells after every few questions how many have their answer.
///
/// # Errors
/// As [`observe`].
pub async fn observe_telling(
    api: &SqlApi,
    desired: &Desired,
    breadth: Breadth,
    mut told: impl FnMut(usize),
) -> Result<Observed, Failure> {
    let mut answered = 0_usize;
    let api = api.for_looking(LARGEST_RESULT, AT_ONCE);
    let mut reading = Reading::new(desired, breadth).map_err(|error| not_asked(&error))?;
    loop {
        let questions = reading.next();
        if questions.is_empty() {
            break;
        }
        for four in questions.chunks(AT_ONCE) {
            let outcomes = together(&api, four).await;
            for (question, outcome) in four.iter().zip(outcomes.into_iter().flatten()) {
                reading.answer(question, outcome?).map_err(|error| unreadable(&error))?;
                answered = answered.saturating_add(1);
            }
            told(answered);
        }
    }
    let mut observed = reading.finish().map_err(|error| unreadable(&error))?;
    // This session proved itself by a JWT; Snowflake has no function that tells.
    observed.acting.method = Some("KEYPAIR".to_owned());
    Ok(observed)
}

/// Runs one statement of a plan.
///
/// # Errors
/// `Refused`: nothing was done. `Unclear`: it may or may not have been. A statement whose result would hold a secret
/// is not sent.
pub async fn run(api: &SqlApi, statement: &str) -> Result<Rows, Failure> {
    if gives_a_secret(statement) {
        let text = "a statement that returns a secret is no step of a plan and was not sent";
        return Err(Failure::Refused(refusal("", text, &[])));
    }
    let why = "a step of a plan".to_owned();
    let statement = Statement { text: statement.to_owned(), kind: Kind::Alter, why };
    api.table(&statement).await.map(rows)
}

/// Returns the SHA-256 of what lasts of an observation, in hex: the same account gives the same one, before and after
/// a rotation.
pub fn fingerprint(observed: &Observed) -> String {
    let observed = &observed.lasting();
    // Every map in it has texts for keys, so that JSON never fails; if it did, the debug text is as exact.
    let bytes =
        serde_json::to_vec(observed).unwrap_or_else(|_| format!("{observed:?}").into_bytes());
    let mut hex = String::new();
    for byte in digest(&SHA256, &bytes).as_ref() {
        // Writing to a text cannot fail.
        let _ = write!(hex, "{byte:02x}");
    }
    hex
}

type Outcome = Result<Result<Rows, Denied>, Failure>;

/// Asks up to four questions at once.
async fn together(api: &SqlApi, questions: &[Question]) -> [Option<Outcome>; AT_ONCE] {
    let ask = |at: usize| Box::pin(ask_if_any(api, questions.get(at)));
    tokio::join!(ask(0), ask(1), ask(2), ask(3)).into()
}

async fn ask_if_any(api: &SqlApi, question: Option<&Question>) -> Option<Outcome> {
    Some(ask(api, question?).await)
}

/// Asks once more where that is quick: reading may be repeated, and among thousands of questions one meets a hiccup.
async fn ask(api: &SqlApi, question: &Question) -> Outcome {
    for pause in PAUSES {
        let asked = Instant::now();
        let outcome = ask_once(api, question).await;
        if !is_hiccup(&outcome) || asked.elapsed() > QUICK {
            return outcome;
        }
        tokio::time::sleep(pause).await;
    }
    ask_once(api, question).await
}

fn is_hiccup(outcome: &Outcome) -> bool {
    match outcome {
        Err(Failure::Unclear(_)) => true,
        Ok(Err(denied)) => is_passing(&denied.code),
        Ok(Ok(_)) | Err(Failure::Refused(_)) => false,
    }
}

async fn ask_once(api: &SqlApi, question: &Question) -> Outcome {
    match api.whole(&question.statement).await {
        Ok(Some(table)) => Ok(Ok(rows(table))),
        Ok(None) => Ok(Err(Denied {
            code: RESULT_TOO_LARGE.to_owned(),
            message: "the result is too large".to_owned(),
        })),
        Err(Failure::Refused(no)) if is_about_the_question(no.kind) => {
            Ok(Err(Denied { code: no.code, message: no.message }))
        }
        Err(failure) => Err(failure),
    }
}

fn is_about_the_question(kind: RefusalKind) -> bool {
    !matches!(kind, RefusalKind::AdminLogin | RefusalKind::AdminNetwork)
}

fn rows(table: Table) -> Rows {
    let (columns, rows) = table.into_parts();
    Rows { columns, rows }
}

fn unreadable(error: &Unreadable) -> Failure {
    match error {
        Unreadable::AnotherAccount { .. } => {
            let message =
                format!("{error}; nothing was changed; correct name or host in [account]");
            Failure::Refused(Refusal { kind: RefusalKind::Other, code: String::new(), message })
        }
        Unreadable::Answer { .. } | Unreadable::Unfinished(_) => Failure::Unclear(chain(error)),
    }
}

fn not_asked(error: &SqlError) -> Failure {
    let message = error.to_string();
    Failure::Refused(Refusal { kind: RefusalKind::Other, code: String::new(), message })
}

/// Returns whether the text, outside of its quotes, may add or rotate a token. No step of ours leaves a quote open.
fn gives_a_secret(statement: &str) -> bool {
    let Some(bare) = without_quoted(statement) else { return true };
    let bare = bare.to_ascii_uppercase();
    let mut words = bare.split(|c: char| !c.is_ascii_alphanumeric() && c != '_');
    words.any(|word| matches!(word, "ADD" | "ROTATE"))
        && words.any(|word| matches!(word, "PAT" | "PROGRAMMATIC"))
}

/// Returns the text without what stands in quotes; none if a quote stays open. A doubled quote ends one quoted piece
/// and begins the next.
fn without_quoted(text: &str) -> Option<String> {
    let mut bare = String::new();
    let mut quote = None;
    let mut characters = text.chars();
    while let Some(character) = characters.next() {
        match (character, quote) {
            ('\\', Some('\'')) => {
                characters.next();
            }
            (c, Some(q)) if c == q => quote = None,
            (_, Some(_)) => {}
            ('"' | '\'', None) => {
                quote = Some(character);
                bare.push(' ');
            }
            (_, None) => bare.push(character),
        }
    }
    quote.is_none().then_some(bare)
}

const AT_ONCE: usize = 4;
/// 10,000 rows, the most SHOW gives, of 1,600 bytes.
const LARGEST_RESULT: usize = 16 << 20;
const PAUSES: [Duration; 2] = [Duration::from_millis(500), Duration::from_secs(4)];
/// A question that took longer than this to fail met more than a hiccup.
const QUICK: Duration = Duration::from_secs(5);

#[cfg(test)]
mod tests {
    use super::gives_a_secret;

    #[test]
    fn a_statement_that_makes_a_secret_is_told_by_its_words_not_by_its_names() {
        for text in [
            "ALTER USER \"U\" ADD PROGRAMMATIC ACCESS TOKEN \"T\"",
            "alter user u rotate pat t",
            "ALTER USER \"A\"\"B\" ADD/* */PAT \"T\"",
            "ALTER USER U ADD -- it's\n PAT T",
        ] {
            assert!(gives_a_secret(text), "{text}");
        }
        for text in [
            "GRANT MODIFY PROGRAMMATIC AUTHENTICATION METHODS ON USER \"U\" TO ROLE \"R\"",
            "ALTER USER \"U\" REMOVE PROGRAMMATIC ACCESS TOKEN \"T\"",
            "ALTER NETWORK POLICY \"P\" ADD ALLOWED_NETWORK_RULE_LIST = ('\"A\".\"B\".\"PAT\"')",
            "CREATE ROLE \"ADD PAT\" COMMENT = 'it\\'s ADD PAT'",
            "CREATE AUTHENTICATION POLICY \"P\" PAT_POLICY = (MAX_EXPIRY_IN_DAYS = 7)",
        ] {
            assert!(!gives_a_secret(text), "{text}");
        }
    }
}
