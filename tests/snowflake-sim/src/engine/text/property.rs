//! `NAME = value` lists, the tail of nearly every CREATE and ALTER.

use super::cursor::Cursor;
use super::lexer::Lexeme;
use super::spell;
use crate::engine::errors::{SqlError, invalid_value};

/// The right side of a property.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::engine) enum Value {
    /// An identifier, dotted or not, resolved.
    Name(Vec<String>),
    /// A string literal.
    Text(String),
    /// A whole number.
    Number(i64),
    /// `( value, … )`.
    List(Vec<Value>),
    /// `( NAME = value … )`.
    Nested(Vec<Property>),
}

/// One property as written; the name is in upper case.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::engine) struct Property {
    pub(in crate::engine) name: String,
    pub(in crate::engine) value: Value,
}

impl Property {
    fn invalid(&self) -> SqlError {
        invalid_value(&self.value.printed(), &self.name)
    }

    /// Returns the string, or the name where Snowflake takes either.
    pub(in crate::engine) fn text(&self) -> Result<String, SqlError> {
        match &self.value {
            Value::Text(text) => Ok(text.clone()),
            Value::Name(parts) => Ok(parts.join(".")),
            Value::Number(_) | Value::List(_) | Value::Nested(_) => Err(self.invalid()),
        }
    }

    /// Returns a string literal only.
    pub(in crate::engine) fn literal(&self) -> Result<String, SqlError> {
        match &self.value {
            Value::Text(text) => Ok(text.clone()),
            Value::Name(_) | Value::Number(_) | Value::List(_) | Value::Nested(_) => {
                Err(self.invalid())
            }
        }
    }

    pub(in crate::engine) fn boolean(&self) -> Result<bool, SqlError> {
        match self.text().map_err(|_| self.invalid())?.to_uppercase().as_str() {
            "TRUE" => Ok(true),
            "FALSE" => Ok(false),
            _ => Err(self.invalid()),
        }
    }

    pub(in crate::engine) fn integer(&self) -> Result<i64, SqlError> {
        match &self.value {
            Value::Number(number) => Ok(*number),
            Value::Text(text) => text.trim().parse().map_err(|_| self.invalid()),
            Value::Name(_) | Value::List(_) | Value::Nested(_) => Err(self.invalid()),
        }
    }

    /// Returns the texts of a list; a single value is a list of one.
    pub(in crate::engine) fn texts(&self) -> Result<Vec<String>, SqlError> {
        match &self.value {
            Value::List(items) => items.iter().map(|item| self.item(item)).collect(),
            Value::Text(_) | Value::Name(_) => Ok(vec![self.text()?]),
            Value::Number(_) | Value::Nested(_) => Err(self.invalid()),
        }
    }

    fn item(&self, value: &Value) -> Result<String, SqlError> {
        match value {
            Value::Text(text) => Ok(text.clone()),
            Value::Name(parts) => Ok(parts.join(".")),
            Value::Number(_) | Value::List(_) | Value::Nested(_) => Err(self.invalid()),
        }
    }

    /// Returns the inner properties of `( NAME = value … )`; `()` has none.
    pub(in crate::engine) fn nested(&self) -> Result<&[Property], SqlError> {
        match &self.value {
            Value::Nested(inner) => Ok(inner),
            Value::List(items) if items.is_empty() => Ok(&[]),
            Value::List(_) | Value::Text(_) | Value::Name(_) | Value::Number(_) => {
                Err(self.invalid())
            }
        }
    }
}

impl Value {
    /// Returns the value as an error message shows it.
    pub(in crate::engine) fn printed(&self) -> String {
        let all = |items: &[Self]| items.iter().map(Self::printed).collect::<Vec<_>>().join(", ");
        match self {
            Self::Name(parts) => parts.iter().map(|p| spell(p)).collect::<Vec<_>>().join("."),
            Self::Text(text) => format!("'{text}'"),
            Self::Number(number) => number.to_string(),
            Self::List(items) => format!("({})", all(items)),
            Self::Nested(inner) => {
                inner.iter().map(|p| p.name.clone()).collect::<Vec<_>>().join(" ")
            }
        }
    }
}

/// Reads properties, parted by blanks or commas, up to the end or the first thing that is none.
pub(in crate::engine) fn properties(cursor: &mut Cursor) -> Result<Vec<Property>, SqlError> {
    let mut found = Vec::new();
    while cursor.sees_assignment() {
        found.push(property(cursor)?);
        if cursor.symbol(",") && !cursor.sees_assignment() {
            return Err(cursor.unexpected());
        }
    }
    Ok(found)
}

/// Reads one `NAME = value`.
pub(in crate::engine) fn property(cursor: &mut Cursor) -> Result<Property, SqlError> {
    let name = cursor.word()?;
    cursor.expect_symbol("=")?;
    Ok(Property { name, value: value(cursor)? })
}

fn value(cursor: &mut Cursor) -> Result<Value, SqlError> {
    match cursor.peek() {
        Some(Lexeme::Text(_)) => cursor.literal().map(Value::Text),
        Some(Lexeme::Number(_) | Lexeme::Symbol("-")) => cursor.integer().map(Value::Number),
        Some(Lexeme::Word(_) | Lexeme::Quoted(_)) => cursor.object_name().map(Value::Name),
        Some(Lexeme::Symbol("(")) => group(cursor),
        Some(Lexeme::Symbol(_)) | None => Err(cursor.unexpected()),
    }
}

fn group(cursor: &mut Cursor) -> Result<Value, SqlError> {
    cursor.expect_symbol("(")?;
    let group =
        if cursor.sees_assignment() { Value::Nested(properties(cursor)?) } else { list(cursor)? };
    cursor.expect_symbol(")")?;
    Ok(group)
}

fn list(cursor: &mut Cursor) -> Result<Value, SqlError> {
    let mut items = Vec::new();
    while !cursor.sees_symbol(")") {
        items.push(value(cursor)?);
        if !cursor.symbol(",") {
            break;
        }
    }
    Ok(Value::List(items))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(sql: &str) -> Vec<Property> {
        let mut cursor = Cursor::over(sql).unwrap();
        let read = properties(&mut cursor).unwrap();
        cursor.end().unwrap();
        read
    }

    #[test]
    fn properties_are_parted_by_blanks_commas_or_newlines() {
        let read = read("a = 1, B = 'x'\n c = (\"q\", 'r') d = ()");
        let names: Vec<_> = read.iter().map(|p| p.name.as_str()).collect();
        assert_eq!(names, ["A", "B", "C", "D"]);
        assert_eq!(read[2].texts().unwrap(), ["q", "r"]);
        assert!(read[3].texts().unwrap().is_empty());
    }

    #[test]
    fn a_property_list_may_hold_another() {
        let read = read("PAT_POLICY = (MAX_EXPIRY_IN_DAYS = 30 BLOCKED_ROLES_LIST = ('A'))");
        assert_eq!(read[0].nested().unwrap().len(), 2);
    }

    #[test]
    fn a_boolean_is_true_or_false_and_nothing_else() {
        assert!(read("x = TRUE")[0].boolean().unwrap());
        assert_eq!(read("x = maybe")[0].boolean().unwrap_err().code, "001008");
    }
}
