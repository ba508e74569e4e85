//! Values of policy properties: read from what DESCRIBE prints, compared, and written as statements take them.

use std::collections::{BTreeMap, BTreeSet};

use super::quote;
use crate::pattern::reading::value::{fields, list};
use crate::sql::SqlError;

/// The value of a property.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Value {
    /// `OPTIONAL`, `15`, `true`; in upper case.
    Word(String),
    /// `[A, B]`.
    List(BTreeSet<String>),
    /// `{K=V, …}`.
    Fields(BTreeMap<String, Value>),
}

impl Value {
    /// Makes a word.
    pub(super) fn word(text: impl Into<String>) -> Self {
        Self::Word(text.into())
    }

    /// Makes a list.
    pub(super) fn list<'t>(items: impl IntoIterator<Item = &'t str>) -> Self {
        Self::List(items.into_iter().map(str::to_owned).collect())
    }

    /// Reads what DESCRIBE prints; none for a text of another form.
    pub(super) fn read(text: &str) -> Option<Self> {
        let text = text.trim();
        if text.starts_with('[') {
            return list(text).map(|items| Self::List(items.into_iter().collect()));
        }
        if text.starts_with('{') {
            let read = |(name, value): (String, String)| Some((name, Self::read(&value)?));
            let inner: Option<BTreeMap<_, _>> = fields(text)?.into_iter().map(read).collect();
            return inner.map(Self::Fields);
        }
        let simple = !text.contains(['[', ']', '{', '}']);
        simple.then(|| Self::Word(text.trim_matches(['\'', '"']).to_owned()))
    }

    /// Returns the word.
    pub(super) fn as_word(&self) -> Option<&str> {
        match self {
            Self::Word(word) => Some(word),
            Self::List(_) | Self::Fields(_) => None,
        }
    }

    /// Returns the items of a list.
    pub(super) fn items(&self) -> Option<&BTreeSet<String>> {
        match self {
            Self::List(items) => Some(items),
            Self::Word(_) | Self::Fields(_) => None,
        }
    }

    /// Returns the fields.
    pub(super) fn fields(&self) -> Option<&BTreeMap<String, Self>> {
        match self {
            Self::Fields(fields) => Some(fields),
            Self::Word(_) | Self::List(_) => None,
        }
    }

    /// Returns the value with everything left out that Snowflake takes for granted; none if that is all of it.
    pub(super) fn said(self, name: &str) -> Option<Self> {
        match self {
            Self::Word(word) if word.is_empty() || word.eq_ignore_ascii_case("null") => None,
            Self::Word(word) if name == EXTERNAL_MFA && word.eq_ignore_ascii_case("NONE") => None,
            Self::Word(word) => Some(Self::Word(word)),
            Self::List(items) if items.is_empty() || items.iter().eq(["ALL"]) => None,
            Self::List(items) => Some(Self::List(items)),
            Self::Fields(fields) => {
                let said =
                    |(name, value): (String, Self)| value.said(&name).map(|said| (name, said));
                let left: BTreeMap<_, _> = fields.into_iter().filter_map(said).collect();
                (!left.is_empty()).then_some(Self::Fields(left))
            }
        }
    }

    /// Returns whether this says all that is wanted. Words count in any case; of fields, only those that are wanted.
    pub(super) fn says(&self, wanted: &Self) -> bool {
        match (self, wanted) {
            (Self::Word(word), Self::Word(wanted)) => word.eq_ignore_ascii_case(wanted),
            (Self::List(items), Self::List(wanted)) => items == wanted,
            (Self::Fields(fields), Self::Fields(wanted)) => {
                let has = |(name, wanted): (&String, &Self)| {
                    fields.get(name).is_some_and(|v| v.says(wanted))
                };
                wanted.iter().all(has)
            }
            (Self::Word(_) | Self::List(_) | Self::Fields(_), _) => false,
        }
    }

    /// Returns the right side of `NAME = …`. PAT_POLICY takes bare words, everything else texts
    /// (snowflake docs: create-authentication-policy).
    pub(super) fn sql(&self, property: &str) -> Result<String, SqlError> {
        match self {
            Self::Word(word) if property == "PAT_POLICY" => bare(word),
            Self::Word(word) => quote::text("value of a policy", word),
            Self::List(items) => {
                quote::texts("value of a policy", items.iter().map(String::as_str))
            }
            Self::Fields(fields) => {
                let between = if property == "CLIENT_POLICY" { ", " } else { " " };
                let field = |(name, value): (&String, &Self)| {
                    let name = quote::words("property of a policy", name)?;
                    Ok(format!("{name} = {}", value.sql(property)?))
                };
                let fields: Result<Vec<String>, SqlError> = fields.iter().map(field).collect();
                Ok(format!("({})", fields?.join(between)))
            }
        }
    }
}

fn bare(word: &str) -> Result<String, SqlError> {
    let plain = |c: char| c.is_ascii_alphanumeric() || c == '_';
    if word.is_empty() || !word.chars().all(plain) {
        return Err(SqlError::Words { what: "value of a policy" });
    }
    Ok(word.to_ascii_uppercase())
}

const EXTERNAL_MFA: &str = "ENFORCE_MFA_ON_EXTERNAL_AUTHENTICATION";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_describe_prints_is_written_as_statements_take_it() {
        for (property, printed, wanted) in [
            ("AUTHENTICATION_METHODS", "[PASSWORD, KEYPAIR]", "('KEYPAIR', 'PASSWORD')"),
            ("MFA_ENROLLMENT", "REQUIRED", "'REQUIRED'"),
            (
                "PAT_POLICY",
                "{MAX_EXPIRY_IN_DAYS=30, BLOCKED_ROLES_LIST=[A], X=true}",
                "(BLOCKED_ROLES_LIST = ('A') MAX_EXPIRY_IN_DAYS = 30 X = TRUE)",
            ),
            (
                "CLIENT_POLICY",
                "{GO_DRIVER={MINIMUM_VERSION=1.2}, JDBC_DRIVER={MINIMUM_VERSION=3.4.5}}",
                "(GO_DRIVER = (MINIMUM_VERSION = '1.2'), JDBC_DRIVER = (MINIMUM_VERSION = '3.4.5'))",
            ),
        ] {
            assert_eq!(Value::read(printed).unwrap().sql(property).unwrap(), wanted);
        }
    }

    #[test]
    fn what_cannot_be_told_apart_is_not_read() {
        for text in ["A]", "{A}", "{A=1", "x{", "[[A]"] {
            assert_eq!(Value::read(text), None, "{text}");
        }
    }

    #[test]
    fn a_word_cannot_leave_the_pat_policy() {
        let text = "{MAX_EXPIRY_IN_DAYS=1) COMMENT = (x}";
        let value = Value::read(text).unwrap();

        assert!(value.sql("PAT_POLICY").is_err());
    }

    #[test]
    fn what_snowflake_takes_for_granted_says_nothing() {
        for text in ["[ALL]", "[]", "{}", "null", "{ALLOWED_METHODS=[ALL]}"] {
            assert_eq!(Value::read(text).unwrap().said("P"), None, "{text}");
        }
        let mfa =
            Value::read("{ALLOWED_METHODS=[DUO], ENFORCE_MFA_ON_EXTERNAL_AUTHENTICATION=NONE}");
        assert_eq!(mfa.unwrap().said("MFA_POLICY"), Value::read("{ALLOWED_METHODS=[DUO]}"));
    }
}
