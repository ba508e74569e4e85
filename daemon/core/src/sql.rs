//! The exact text of every statement about tokens. Names are always quoted, texts always escaped; a name that
//! cannot be quoted safely is refused, never repaired.

use std::fmt::{self, Write as _};

use crate::lifecycle::Intent;
use crate::names::{HostId, TokenName, User};

/// One statement, without a closing semicolon.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Statement {
    /// The text. It never holds a secret.
    pub text: String,
    /// What it does.
    pub kind: Kind,
    /// Why it is there, in one line.
    pub why: String,
}

/// What a statement does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Makes a token; its only result row holds the secret.
    AddPat,
    /// Removes a token.
    RemovePat,
    /// Lists the tokens of a user.
    ShowPats,
    /// Gives a token a new secret; its only result row holds it.
    RotatePat,
    /// Chooses the role that runs what follows.
    UseRole,
    /// Creates an object that is missing.
    Create,
    /// Brings an object's properties to what is wanted.
    Alter,
    /// Grants a role or a privilege.
    Grant,
}

/// Why a text cannot become part of a statement.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SqlError {
    /// A name without a character, or a list without an item.
    #[error("{what} is empty; name one")]
    Empty {
        /// What it was to name.
        what: &'static str,
    },
    /// Longer than an identifier may be.
    #[error("{what} has {length} characters; Snowflake allows 255")]
    TooLong {
        /// What it was to name.
        what: &'static str,
        /// How long it is.
        length: usize,
    },
    /// NUL, a line break or another control character.
    #[error("{what} contains a control character; write it without")]
    Control {
        /// What it was to be.
        what: &'static str,
    },
    /// A number outside Snowflake's range.
    #[error("{what} is {value}; it must be {range}")]
    Range {
        /// What it counts.
        what: &'static str,
        /// The value.
        value: i64,
        /// What is allowed.
        range: &'static str,
    },
}

/// Returns the statement that makes the token of an intent. Plain ADD: it fails on a name that exists, and so
/// never succeeds without a secret, as IF NOT EXISTS does (snowflake docs: alter-user-add-programmatic-access-token).
///
/// # Errors
/// When a name cannot be quoted or the days are out of range.
pub fn add_pat(
    user: &User,
    days_to_expiry: u32,
    host: &HostId,
    intent: &Intent,
) -> Result<Statement, SqlError> {
    if !(1..=365).contains(&days_to_expiry) {
        let value = i64::from(days_to_expiry);
        return Err(SqlError::Range { what: "days_to_expiry", value, range: "1 to 365" });
    }
    let user_name = Ident::new("user", user.as_str())?;
    let token = Ident::new("token", intent.name.as_str())?;
    Ident::new("role", intent.role.as_str())?;
    let role = Literal::new("role", intent.role.as_str())?;
    let comment = Literal::new("comment", &comment(host, intent))?;
    Ok(Statement {
        text: format!(
            "ALTER USER {user_name} ADD PROGRAMMATIC ACCESS TOKEN {token} \
             ROLE_RESTRICTION = {role} DAYS_TO_EXPIRY = {days_to_expiry} COMMENT = {comment}"
        ),
        kind: Kind::AddPat,
        why: "make the next generation".to_owned(),
    })
}

/// Returns the statement that removes a token. The token-level IF EXISTS is too new to rely on
/// (snowflake docs: alter-user-remove-programmatic-access-token); a missing token answers "not found".
///
/// # Errors
/// When a name cannot be quoted.
pub fn remove_pat(user: &User, name: &TokenName) -> Result<Statement, SqlError> {
    let user = Ident::new("user", user.as_str())?;
    let token = Ident::new("token", name.as_str())?;
    Ok(Statement {
        text: format!("ALTER USER {user} REMOVE PROGRAMMATIC ACCESS TOKEN {token}"),
        kind: Kind::RemovePat,
        why: "remove a generation".to_owned(),
    })
}

/// Returns the statement that lists a user's tokens. Without FOR USER it would list the caller's own
/// (snowflake docs: show-user-programmatic-access-tokens).
///
/// # Errors
/// When the name cannot be quoted.
pub fn show_pats(user: &User) -> Result<Statement, SqlError> {
    let user = Ident::new("user", user.as_str())?;
    Ok(Statement {
        text: format!("SHOW USER PROGRAMMATIC ACCESS TOKENS FOR USER {user}"),
        kind: Kind::ShowPats,
        why: "see which tokens exist".to_owned(),
    })
}

/// Returns the statement that gives a token a new secret, the old one living on for `hours`. Always said
/// explicitly: the default of 24 may be longer than the old secret's life
/// (snowflake docs: alter-user-rotate-programmatic-access-token).
///
/// # Errors
/// When a name cannot be quoted.
pub fn rotate_pat(user: &User, name: &TokenName, hours: u32) -> Result<Statement, SqlError> {
    let user = Ident::new("user", user.as_str())?;
    let token = Ident::new("token", name.as_str())?;
    Ok(Statement {
        text: format!(
            "ALTER USER {user} ROTATE PROGRAMMATIC ACCESS TOKEN {token} \
             EXPIRE_ROTATED_TOKEN_AFTER_HOURS = {hours}"
        ),
        kind: Kind::RotatePat,
        why: "give the token a new secret".to_owned(),
    })
}

/// A name in double quotes, exact in case and character.
pub(crate) struct Ident(String);

impl Ident {
    /// Takes a name that can be quoted safely.
    pub(crate) fn new(what: &'static str, name: &str) -> Result<Self, SqlError> {
        if name.is_empty() {
            return Err(SqlError::Empty { what });
        }
        let length = name.chars().count();
        if length > LONGEST_NAME {
            return Err(SqlError::TooLong { what, length });
        }
        refuse_control(what, name)?;
        Ok(Self(name.to_owned()))
    }
}

impl fmt::Display for Ident {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "\"{}\"", self.0.replace('"', "\"\""))
    }
}

/// A text in single quotes.
pub(crate) struct Literal(String);

impl Literal {
    /// Takes a text without control characters.
    pub(crate) fn new(what: &'static str, text: &str) -> Result<Self, SqlError> {
        refuse_control(what, text)?;
        Ok(Self(text.to_owned()))
    }
}

impl fmt::Display for Literal {
    /// Doubles `'` and `\`: in a Snowflake string constant a backslash begins an escape sequence.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_char('\'')?;
        for character in self.0.chars() {
            if matches!(character, '\'' | '\\') {
                f.write_char(character)?;
            }
            f.write_char(character)?;
        }
        f.write_char('\'')
    }
}

fn comment(host: &HostId, intent: &Intent) -> String {
    format!("patd1 host={host} gen={} intent={}", intent.generation, intent.id)
}

fn refuse_control(what: &'static str, text: &str) -> Result<(), SqlError> {
    if text.chars().any(char::is_control) {
        return Err(SqlError::Control { what });
    }
    Ok(())
}

const LONGEST_NAME: usize = 255;
