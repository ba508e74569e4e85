//! The exact text of every statement about tokens, and how names and texts are quoted in all others. Names are always
//! quoted, texts always escaped; a name that cannot be quoted safely is refused, never repaired.

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
    /// Makes, changes, grants or drops something that is no token: a step of a plan.
    Alter,
    /// Reads facts; changes nothing.
    Look,
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
    /// A character that shows as nothing, or changes how what follows it shows.
    #[error("{what} contains an invisible character; write it without")]
    Invisible {
        /// What it was to be.
        what: &'static str,
    },
    /// Something else where a word of Snowflake's vocabulary belongs.
    #[error(
        "{what} is none that can be used here; write it in upper case as Snowflake's documentation does"
    )]
    Words {
        /// What it was to be.
        what: &'static str,
    },
    /// A name with too many or too few parts.
    #[error("{what} has a name with another number of parts than its kind has; write it in full")]
    Parts {
        /// What it was to name.
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

/// One of the two places a user has for a public key (snowflake docs: key-pair-auth).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum KeySlot {
    /// `RSA_PUBLIC_KEY`.
    First,
    /// `RSA_PUBLIC_KEY_2`.
    Second,
}

impl KeySlot {
    /// Both.
    pub const ALL: [Self; 2] = [Self::First, Self::Second];

    /// Returns the property of the user.
    pub const fn property(self) -> &'static str {
        match self {
            Self::First => "RSA_PUBLIC_KEY",
            Self::Second => "RSA_PUBLIC_KEY_2",
        }
    }

    /// Returns the property in which DESCRIBE USER shows the fingerprint.
    pub const fn fingerprint_property(self) -> &'static str {
        match self {
            Self::First => "RSA_PUBLIC_KEY_FP",
            Self::Second => "RSA_PUBLIC_KEY_2_FP",
        }
    }
}

/// Returns the statement that shows a user's properties, the fingerprints of its keys among them.
///
/// # Errors
/// When the name cannot be quoted.
pub fn describe_user(user: &User) -> Result<Statement, SqlError> {
    let user = Ident::new("user", user.as_str())?;
    Ok(Statement {
        text: format!("DESCRIBE USER {user}"),
        kind: Kind::Look,
        why: "see which keys it has".to_owned(),
    })
}

/// Returns the statement that puts a public key, base64 of its DER, into a slot of a user.
///
/// # Errors
/// When the name or the key cannot be quoted.
pub fn set_key(user: &User, slot: KeySlot, body: &str) -> Result<Statement, SqlError> {
    let user = Ident::new("user", user.as_str())?;
    if body.is_empty() {
        return Err(SqlError::Empty { what: "public key" });
    }
    let body = Literal::new("public key", body)?;
    Ok(Statement {
        text: format!("ALTER USER {user} SET {} = {body}", slot.property()),
        kind: Kind::Alter,
        why: "let a second key in".to_owned(),
    })
}

/// Returns the statement that empties a slot of a user: whoever has that key is out.
///
/// # Errors
/// When the name cannot be quoted.
pub fn unset_key(user: &User, slot: KeySlot) -> Result<Statement, SqlError> {
    let user = Ident::new("user", user.as_str())?;
    Ok(Statement {
        text: format!("ALTER USER {user} UNSET {}", slot.property()),
        kind: Kind::Alter,
        why: "end a key".to_owned(),
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
        refuse_unshown(what, name)?;
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
        refuse_unshown(what, text)?;
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

fn refuse_unshown(what: &'static str, text: &str) -> Result<(), SqlError> {
    if text.chars().any(char::is_control) {
        return Err(SqlError::Control { what });
    }
    if text.chars().any(is_invisible) {
        return Err(SqlError::Invisible { what });
    }
    Ok(())
}

/// Returns whether a character shows as nothing, or changes how what follows it shows: what a person reads in a plan
/// must be what runs.
pub(crate) fn is_invisible(character: char) -> bool {
    matches!(
        character,
        '\u{ad}'
            | '\u{61c}'
            | '\u{115f}'
            | '\u{1160}'
            | '\u{180e}'
            | '\u{200b}'..='\u{200f}'
            | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}'
            | '\u{3164}'
            | '\u{feff}'
            | '\u{ffa0}'
            | '\u{fff9}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e007f}'
    )
}

const LONGEST_NAME: usize = 255;

#[cfg(test)]
mod tests {
    use crate::names::{Generation, IntentId, Role};
    use crate::time::Timestamp;

    use super::*;

    fn intent() -> Intent {
        Intent {
            id: IntentId::new("FEDCBA"),
            generation: Generation(3),
            name: TokenName::new("PATD_0A1B2C3D_G3_FEDCBA"),
            role: Role::new("ROLE"),
            at: Timestamp(0),
            tainted: false,
            overlap: None,
        }
    }

    #[test]
    fn each_token_statement_names_its_user_and_says_everything_explicitly() {
        let (user, host) = (User::new("MIGUEL_CLI"), HostId::new("0A1B2C3D"));
        let intent = intent();

        let texts = [
            add_pat(&user, 7, &host, &intent).unwrap(),
            remove_pat(&user, &intent.name).unwrap(),
            show_pats(&user).unwrap(),
            rotate_pat(&user, &intent.name, 12).unwrap(),
        ]
        .map(|statement| statement.text);

        assert_eq!(
            texts,
            [
                "ALTER USER \"MIGUEL_CLI\" ADD PROGRAMMATIC ACCESS TOKEN \"PATD_0A1B2C3D_G3_FEDCBA\" \
                 ROLE_RESTRICTION = 'ROLE' DAYS_TO_EXPIRY = 7 \
                 COMMENT = 'patd1 host=0A1B2C3D gen=3 intent=FEDCBA'",
                "ALTER USER \"MIGUEL_CLI\" REMOVE PROGRAMMATIC ACCESS TOKEN \"PATD_0A1B2C3D_G3_FEDCBA\"",
                "SHOW USER PROGRAMMATIC ACCESS TOKENS FOR USER \"MIGUEL_CLI\"",
                "ALTER USER \"MIGUEL_CLI\" ROTATE PROGRAMMATIC ACCESS TOKEN \"PATD_0A1B2C3D_G3_FEDCBA\" \
                 EXPIRE_ROTATED_TOKEN_AFTER_HOURS = 12",
            ]
        );
    }

    #[test]
    fn a_key_statement_names_its_user_and_one_slot() {
        let user = User::new("PATD_HOST1");

        let texts = [
            describe_user(&user).unwrap(),
            set_key(&user, KeySlot::Second, "MIIBIjANBg==").unwrap(),
            unset_key(&user, KeySlot::First).unwrap(),
        ]
        .map(|statement| statement.text);

        assert_eq!(
            texts,
            [
                "DESCRIBE USER \"PATD_HOST1\"",
                "ALTER USER \"PATD_HOST1\" SET RSA_PUBLIC_KEY_2 = 'MIIBIjANBg=='",
                "ALTER USER \"PATD_HOST1\" UNSET RSA_PUBLIC_KEY",
            ]
        );
        assert!(set_key(&user, KeySlot::First, "").is_err());
    }

    #[test]
    fn a_name_cannot_leave_its_quotes() {
        let user = User::new("A\" ADD PAT \"B");

        assert_eq!(
            show_pats(&user).unwrap().text,
            "SHOW USER PROGRAMMATIC ACCESS TOKENS FOR USER \"A\"\" ADD PAT \"\"B\""
        );
    }

    #[test]
    fn a_text_cannot_leave_its_quotes() {
        assert_eq!(
            Literal::new("text", r"it's \' over").unwrap().to_string(),
            r"'it''s \\'' over'"
        );
    }

    #[test]
    fn what_cannot_be_quoted_safely_is_refused_with_the_reason() {
        let long = "x".repeat(256);
        for (name, reason) in [
            ("", "user is empty; name one"),
            ("A\0B", "user contains a control character; write it without"),
            ("A\nB", "user contains a control character; write it without"),
            ("A\u{85}B", "user contains a control character; write it without"),
            ("A\u{202e}B", "user contains an invisible character; write it without"),
            ("A\u{2028}B", "user contains an invisible character; write it without"),
            (long.as_str(), "user has 256 characters; Snowflake allows 255"),
        ] {
            assert_eq!(show_pats(&User::new(name)).unwrap_err().to_string(), reason);
        }
        assert!(show_pats(&User::new("ü".repeat(255))).is_ok());
    }

    #[test]
    fn days_outside_snowflakes_range_are_refused() {
        let (user, host) = (User::new("U"), HostId::new("0A1B2C3D"));

        for days in [0, 366] {
            assert!(matches!(add_pat(&user, days, &host, &intent()), Err(SqlError::Range { .. })));
        }
        for days in [1, 365] {
            assert!(add_pat(&user, days, &host, &intent()).is_ok());
        }
    }

    /// A character that shows as itself.
    const SHOWN: &str = concat!(
        "[^\\p{Cc}\\u{ad}\\u{61c}\\u{115f}\\u{1160}\\u{180e}\\u{200b}-\\u{200f}\\u{2028}-\\u{202e}",
        "\\u{2060}-\\u{206f}\\u{3164}\\u{feff}\\u{ffa0}\\u{fff9}-\\u{fffb}\\u{e0000}-\\u{e007f}]"
    );

    proptest::proptest! {
        #[test]
        fn whatever_the_name_reading_it_back_gives_it_unchanged(name in format!("{SHOWN}{{1,255}}").as_str()) {
            let quoted = Ident::new("name", &name).unwrap().to_string();
            let inner = quoted.strip_prefix('"').unwrap().strip_suffix('"').unwrap();

            proptest::prop_assert_eq!(inner.replace("\"\"", "\u{0}").matches('"').count(), 0);
            proptest::prop_assert_eq!(inner.replace("\"\"", "\""), name);
        }

        #[test]
        fn whatever_the_text_reading_it_back_gives_it_unchanged(text in format!("{SHOWN}{{0,300}}").as_str()) {
            let quoted = Literal::new("text", &text).unwrap().to_string();
            let mut read = String::new();
            let mut characters = quoted.strip_prefix('\'').unwrap().strip_suffix('\'').unwrap().chars();
            while let Some(one) = characters.next() {
                if matches!(one, '\'' | '\\') {
                    proptest::prop_assert_eq!(characters.next(), Some(one));
                }
                read.push(one);
            }

            proptest::prop_assert_eq!(read, text);
        }
    }
}
