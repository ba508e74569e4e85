//! Pieces several families share: CREATE modes, SHOW filters, name resolution, standard answers.

use super::Outcome;
use crate::engine::Engine;
use crate::engine::answer::ResultTable;
use crate::engine::api::Session;
use crate::engine::errors::{DOES_NOT_EXIST, NO_DATABASE, NO_SCHEMA, SqlError};
use crate::engine::state::{Kind, Path, Securable};
use crate::engine::switches::LiteralNames;
use crate::engine::text::{Cursor, Lexeme, dotted};

/// What CREATE does when the object exists.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CreateMode {
    Plain,
    OrReplace,
    OrAlter,
}

/// Reads what may stand between CREATE and the noun.
pub(super) fn create_mode(cursor: &mut Cursor) -> CreateMode {
    match cursor.take_any(&["OR REPLACE", "OR ALTER"]) {
        Some("OR REPLACE") => CreateMode::OrReplace,
        Some(_) => CreateMode::OrAlter,
        None => CreateMode::Plain,
    }
}

/// Refuses CREATE OR ALTER for a family that has none.
pub(super) fn no_or_alter(cursor: &Cursor, mode: CreateMode) -> Result<(), SqlError> {
    if mode == CreateMode::OrAlter { Err(cursor.unexpected()) } else { Ok(()) }
}

/// LIKE, STARTS WITH and LIMIT of a SHOW.
#[derive(Clone, Debug, Default)]
pub(super) struct ShowFilter {
    like: Option<String>,
    starts_with: Option<String>,
    limit: Option<usize>,
    after: Option<String>,
}

/// SHOW never gives more rows. Source: snowflake docs, sql-reference/sql/show-users.
const LONGEST_SHOW: usize = 10_000;

impl ShowFilter {
    pub(super) fn like(cursor: &mut Cursor) -> Result<Self, SqlError> {
        let like = if cursor.take("LIKE") { Some(cursor.literal()?) } else { None };
        Ok(Self { like, ..Self::default() })
    }

    /// Reads all of a SHOW over the account: LIKE, IN ACCOUNT, and the rest.
    pub(super) fn of_account(cursor: &mut Cursor) -> Result<Self, SqlError> {
        let filter = Self::like(cursor)?;
        cursor.take("IN ACCOUNT");
        filter.tail(cursor)
    }

    pub(super) fn tail(mut self, cursor: &mut Cursor) -> Result<Self, SqlError> {
        if cursor.take("STARTS WITH") {
            self.starts_with = Some(cursor.literal()?);
        }
        if cursor.take("LIMIT") {
            let limit = cursor.integer()?;
            self.limit = Some(usize::try_from(limit).map_err(|_| cursor.unexpected())?);
            if cursor.take("FROM") {
                self.after = Some(cursor.literal()?);
            }
        }
        Ok(self)
    }

    pub(super) fn matches(&self, name: &str) -> bool {
        self.like.as_ref().is_none_or(|pattern| like(pattern, name, true))
            && self.starts_with.as_ref().is_none_or(|start| name.starts_with(start.as_str()))
    }

    /// Cuts the rows, which are in order of name, to those after the name of FROM and to the limit.
    pub(super) fn cut(&self, mut table: ResultTable) -> ResultTable {
        let name = table.columns.iter().position(|column| column.name == "name");
        if let (Some(after), Some(at)) = (&self.after, name) {
            table.rows.retain(|row| row[at].as_ref().is_some_and(|name| name > after));
        }
        table.rows.truncate(self.limit.unwrap_or(LONGEST_SHOW).min(LONGEST_SHOW));
        table
    }
}

/// Returns whether a name matches a LIKE pattern (`%`, `_`).
pub(super) fn like(pattern: &str, name: &str, ignore_case: bool) -> bool {
    let fold = |text: &str| -> Vec<char> {
        if ignore_case { text.to_lowercase().chars().collect() } else { text.chars().collect() }
    };
    like_chars(&fold(pattern), &fold(name))
}

fn like_chars(pattern: &[char], name: &[char]) -> bool {
    match pattern.split_first() {
        None => name.is_empty(),
        Some(('%', rest)) => (0..=name.len()).any(|skip| like_chars(rest, &name[skip..])),
        Some((wanted, rest)) => name.split_first().is_some_and(|(first, after)| {
            (wanted == first || *wanted == '_') && like_chars(rest, after)
        }),
    }
}

/// The answer of a statement that has nothing to say.
pub(super) fn done() -> Outcome {
    Ok(ResultTable::status("Statement executed successfully."))
}

pub(super) fn created(what: &str, name: &str) -> Outcome {
    Ok(ResultTable::status(format!("{what} {name} successfully created.")))
}

pub(super) fn already_there(name: &str) -> Outcome {
    Ok(ResultTable::status(format!("{name} already exists, statement succeeded.")))
}

pub(super) fn dropped(name: &str) -> Outcome {
    Ok(ResultTable::status(format!("{name} successfully dropped.")))
}

/// The answer of DROP … IF EXISTS on nothing.
pub(super) fn not_there() -> Outcome {
    Ok(ResultTable::status(
        "Drop statement executed successfully (object already dropped or never existed).",
    ))
}

/// A name that is an identifier, or a string literal that holds one.
#[derive(Clone, Debug)]
pub(super) enum NameText {
    Identifier(Vec<String>),
    Literal(String),
}

impl NameText {
    pub(super) fn read(cursor: &mut Cursor) -> Result<Self, SqlError> {
        match cursor.peek() {
            Some(Lexeme::Text(_)) => cursor.literal().map(Self::Literal),
            Some(_) | None => cursor.object_name().map(Self::Identifier),
        }
    }
}

impl Engine {
    /// Returns the object name a literal stands for, where `known` tells which names exist.
    pub(super) fn literal_name(&self, text: &str, known: impl Fn(&str) -> bool) -> String {
        let quoted = text.len() > 2 && text.starts_with('"') && text.ends_with('"');
        let bare = if quoted { text[1..text.len() - 1].replace("\"\"", "\"") } else { text.into() };
        let exact = quoted || known(&bare) || self.switches.literal_names == LiteralNames::Exact;
        if exact { bare } else { bare.to_uppercase() }
    }

    /// Returns the full path of an object that lives in a schema; the session fills what is left out.
    pub(super) fn in_schema(
        &self,
        session: &Session,
        parts: Vec<String>,
        what: &str,
    ) -> Result<Path, SqlError> {
        let mut full = parts;
        if full.len() == 1 {
            full.insert(0, session.schema.clone().ok_or_else(|| no_schema(what))?);
        }
        if full.len() == 2 {
            full.insert(0, session.database.clone().ok_or_else(|| no_database(what))?);
        }
        Ok(Path::new(full))
    }

    /// Returns the full path of an object that lives in a database.
    pub(super) fn in_database(
        &self,
        session: &Session,
        parts: Vec<String>,
        what: &str,
    ) -> Result<Path, SqlError> {
        match parts.as_slice() {
            [_, _] => Ok(Path::new(parts)),
            [name] => {
                let database = session.database.clone().ok_or_else(|| no_database(what))?;
                Ok(Path::two(database, name))
            }
            _ => Err(DOES_NOT_EXIST.compilation(format!(
                "Object '{}' does not exist or not authorized.",
                Path::new(parts)
            ))),
        }
    }

    /// Returns the path a literal or identifier gives to an object in a schema.
    pub(super) fn schema_object(
        &self,
        session: &Session,
        name: &NameText,
        what: &str,
    ) -> Result<Path, SqlError> {
        let parts = match name {
            NameText::Identifier(parts) => parts.clone(),
            NameText::Literal(text) => dotted(text)?,
        };
        self.in_schema(session, parts, what)
    }

    /// Demands USAGE on the database and the schema an object lives in.
    pub(super) fn demand_reach(&self, session: &Session, path: &Path) -> Result<(), SqlError> {
        let schema = path.container();
        let database = Securable::named(Kind::Database, path.database());
        self.demand(session, &["USAGE"], &database)?;
        self.demand(session, &["USAGE"], &Securable::new(Kind::Schema, schema))
    }
}

fn no_database(what: &str) -> SqlError {
    NO_DATABASE.error(format!(
        "Cannot perform {what}. This session does not have a current database. \
         Call 'USE DATABASE', or use a qualified name."
    ))
}

fn no_schema(what: &str) -> SqlError {
    NO_SCHEMA.error(format!(
        "Cannot perform {what}. This session does not have a current schema. \
         Call 'USE SCHEMA', or use a qualified name."
    ))
}

#[cfg(test)]
mod tests {
    use super::{LONGEST_SHOW, ShowFilter, like};
    use crate::engine::answer::{ColumnType, ResultTable, text};

    #[test]
    fn no_show_has_more_than_ten_thousand_rows() {
        let mut table = ResultTable::new(&[("name", ColumnType::Text)]);
        (0..=LONGEST_SHOW).for_each(|number| table.push(vec![text(number.to_string())]));
        assert_eq!(ShowFilter::default().cut(table).rows.len(), 10_000);
    }

    #[test]
    fn like_knows_percent_and_underscore() {
        for (pattern, name, wanted) in [
            ("MIGUEL%", "miguel_cli", true),
            ("%cli", "MIGUEL_CLI", true),
            ("M_GUEL%", "MIGUEL", true),
            ("MIGUEL", "MIGUEL_CLI", false),
            ("", "X", false),
        ] {
            assert_eq!(like(pattern, name, true), wanted, "{pattern} {name}");
        }
        assert!(!like("a", "A", false));
    }
}
