//! Expressions of a SELECT: literals, columns, casts, and the functions a session asks about itself with.

use std::cmp::Ordering;

use crate::engine::Engine;
use crate::engine::answer::{ColumnType, ResultTable};
use crate::engine::api::{SecondaryRoles, Session};
use crate::engine::clock::Millis;
use crate::engine::errors::{SqlError, UNKNOWN_COLUMN, UNKNOWN_FUNCTION};
use crate::engine::state::{Grantee, RoleRef, fingerprint};
use crate::engine::text::{Cursor, Lexeme};

/// An expression as written.
#[derive(Clone, Debug)]
pub(super) enum Expression {
    Constant(Cell),
    Column(String),
    Call { function: String, arguments: Vec<Expression> },
    Cast(Box<Expression>, ColumnType),
}

/// A value and its type.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Cell {
    pub(super) value: Option<String>,
    pub(super) kind: ColumnType,
}

/// What an expression is evaluated over.
pub(super) struct Context<'c> {
    pub(super) engine: &'c Engine,
    pub(super) session: &'c Session,
    pub(super) now: Millis,
    pub(super) source: &'c ResultTable,
    pub(super) row: usize,
}

impl Cell {
    fn text(value: impl Into<String>) -> Self {
        Self { value: Some(value.into()), kind: ColumnType::Text }
    }

    fn optional(value: Option<String>) -> Self {
        Self { value, kind: ColumnType::Text }
    }

    fn boolean(value: bool) -> Self {
        Self { value: Some(value.to_string()), kind: ColumnType::Boolean }
    }

    /// Compares two values; none when one is NULL.
    pub(super) fn compare(&self, other: &Self) -> Option<Ordering> {
        let (left, right) = (self.value.as_ref()?, other.value.as_ref()?);
        let numeric = [self.kind, other.kind]
            .iter()
            .any(|kind| matches!(kind, ColumnType::Fixed | ColumnType::TimestampLtz));
        if !numeric {
            return Some(left.cmp(right));
        }
        let (left, right): (f64, f64) = (left.parse().ok()?, right.parse().ok()?);
        left.partial_cmp(&right)
    }

    /// Orders two values for ORDER BY; NULL comes last.
    pub(super) fn sort_order(&self, other: &Self) -> Ordering {
        let missing = (self.value.is_none(), other.value.is_none());
        self.compare(other).unwrap_or_else(|| missing.0.cmp(&missing.1))
    }
}

/// Reads one expression.
pub(super) fn expression(cursor: &mut Cursor) -> Result<Expression, SqlError> {
    let mut found = primary(cursor)?;
    while cursor.symbol("::") {
        found = Expression::Cast(Box::new(found), cast_type(cursor)?);
    }
    Ok(found)
}

fn primary(cursor: &mut Cursor) -> Result<Expression, SqlError> {
    match cursor.peek() {
        Some(Lexeme::Text(_)) => Ok(Expression::Constant(Cell::text(cursor.literal()?))),
        Some(Lexeme::Number(_) | Lexeme::Symbol("-")) => {
            let value = Some(cursor.integer()?.to_string());
            Ok(Expression::Constant(Cell { value, kind: ColumnType::Fixed }))
        }
        Some(Lexeme::Word(_)) if cursor.sees_word_then("(") => call(cursor),
        Some(Lexeme::Word(_) | Lexeme::Quoted(_)) => name(cursor),
        Some(Lexeme::Symbol(_)) | None => Err(cursor.unexpected()),
    }
}

fn call(cursor: &mut Cursor) -> Result<Expression, SqlError> {
    let function = cursor.word()?;
    cursor.expect_symbol("(")?;
    let mut arguments = Vec::new();
    while !cursor.sees_symbol(")") {
        arguments.push(expression(cursor)?);
        if !cursor.symbol(",") {
            break;
        }
    }
    cursor.expect_symbol(")")?;
    Ok(Expression::Call { function, arguments })
}

/// Reads a constant word, a function that needs no parentheses, or a column.
fn name(cursor: &mut Cursor) -> Result<Expression, SqlError> {
    let constant = |value: Option<&str>, kind| {
        Expression::Constant(Cell { value: value.map(str::to_owned), kind })
    };
    match cursor.take_any(&["NULL", "TRUE", "FALSE", "CURRENT_TIMESTAMP", "CURRENT_USER"]) {
        Some("NULL") => Ok(constant(None, ColumnType::Text)),
        Some("TRUE") => Ok(constant(Some("true"), ColumnType::Boolean)),
        Some("FALSE") => Ok(constant(Some("false"), ColumnType::Boolean)),
        Some(function) => {
            Ok(Expression::Call { function: function.to_owned(), arguments: Vec::new() })
        }
        None => {
            const RESERVED: [&str; 6] = ["FROM", "WHERE", "ORDER", "LIMIT", "AS", "SELECT"];
            if RESERVED.iter().any(|word| cursor.sees(word)) {
                return Err(cursor.unexpected());
            }
            let parts = cursor.object_name()?;
            Ok(Expression::Column(parts.last().cloned().unwrap_or_default()))
        }
    }
}

fn cast_type(cursor: &mut Cursor) -> Result<ColumnType, SqlError> {
    match cursor.take_any(&["VARCHAR", "STRING", "TEXT", "NUMBER", "INTEGER", "INT", "BOOLEAN"]) {
        Some("VARCHAR" | "STRING" | "TEXT") => Ok(ColumnType::Text),
        Some("BOOLEAN") => Ok(ColumnType::Boolean),
        Some(_) => Ok(ColumnType::Fixed),
        None => Err(cursor.unexpected()),
    }
}

impl Expression {
    /// Returns the column heading: the text in upper case; a token secret never shows in it.
    /// Source: snowflake docs, sql-reference/functions/system_decode_pat.
    pub(super) fn heading(&self, source: &str) -> String {
        match self {
            Self::Column(name) => name.clone(),
            Self::Call { function, .. } if function == "SYSTEM$DECODE_PAT" => {
                "SYSTEM$DECODE_PAT('☺☺☺')".into()
            }
            Self::Cast(inner, _) => inner.heading(source),
            Self::Constant(_) | Self::Call { .. } => source.to_uppercase(),
        }
    }

    /// Returns the type the expression has in this context.
    pub(super) fn kind(&self, context: &Context<'_>) -> Result<ColumnType, SqlError> {
        match self {
            Self::Column(name) => column(context, name).map(|(_, kind)| kind),
            Self::Constant(cell) => Ok(cell.kind),
            Self::Cast(_, kind) => Ok(*kind),
            Self::Call { .. } => self.evaluate(context).map(|cell| cell.kind),
        }
    }

    pub(super) fn evaluate(&self, context: &Context<'_>) -> Result<Cell, SqlError> {
        match self {
            Self::Constant(cell) => Ok(cell.clone()),
            Self::Column(name) => {
                let (at, kind) = column(context, name)?;
                let row = context.source.rows.get(context.row);
                Ok(Cell { value: row.and_then(|row| row[at].clone()), kind })
            }
            Self::Cast(inner, kind) => Ok(Cell { kind: *kind, ..inner.evaluate(context)? }),
            Self::Call { function, arguments } => {
                let arguments: Result<Vec<Cell>, SqlError> =
                    arguments.iter().map(|argument| argument.evaluate(context)).collect();
                evaluate(context, function, &arguments?)
            }
        }
    }
}

fn column(context: &Context<'_>, name: &str) -> Result<(usize, ColumnType), SqlError> {
    let columns = &context.source.columns;
    let at = columns.iter().position(|column| column.name == name);
    let at =
        at.ok_or_else(|| UNKNOWN_COLUMN.compilation(format!("invalid identifier '{name}'")))?;
    Ok((at, columns[at].kind))
}

fn evaluate(context: &Context<'_>, function: &str, arguments: &[Cell]) -> Result<Cell, SqlError> {
    let session = context.session;
    let account = &context.engine.state.account;
    Ok(match (function, arguments) {
        ("CURRENT_USER", []) => Cell::text(&session.user),
        ("CURRENT_ROLE", []) => Cell::optional(session.role.clone()),
        ("CURRENT_ROLE_TYPE", []) => Cell::text("ROLE"),
        ("CURRENT_SECONDARY_ROLES", []) => Cell::text(secondary_roles(context)),
        ("CURRENT_AVAILABLE_ROLES", []) => Cell::text(available_roles(context)),
        ("CURRENT_ACCOUNT", []) => Cell::text(&account.locator),
        ("CURRENT_ACCOUNT_NAME", []) => Cell::text(&account.name),
        ("CURRENT_ORGANIZATION_NAME", []) => Cell::text(&account.organization),
        ("CURRENT_REGION", []) => Cell::text(&account.region),
        ("CURRENT_IP_ADDRESS", []) => Cell::text(session.client_ip.to_string()),
        ("CURRENT_WAREHOUSE", []) => Cell::optional(session.warehouse.clone()),
        ("CURRENT_DATABASE", []) => Cell::optional(session.database.clone()),
        ("CURRENT_SCHEMA", []) => Cell::optional(session.schema.clone()),
        ("CURRENT_SESSION", []) => Cell::text(session.id.to_string()),
        ("CURRENT_VERSION", []) => Cell::text(VERSION),
        ("CURRENT_TIMESTAMP", []) => {
            Cell { value: Some(context.now.wire()), kind: ColumnType::TimestampLtz }
        }
        ("IS_ROLE_IN_SESSION", [Cell { value: Some(role), .. }]) => {
            let acting = context.engine.state.acting(session);
            Cell::boolean(acting.contains(&Grantee::role(role)))
        }
        ("SYSTEM$DECODE_PAT", [Cell { value: Some(secret), .. }]) => decode(context, secret)?,
        _ => return Err(UNKNOWN_FUNCTION.compilation(format!("Unknown function {function}"))),
    })
}

/// What CURRENT_VERSION() returns.
const VERSION: &str = "10.30.1";

fn secondary_roles(context: &Context<'_>) -> String {
    let session = context.session;
    let all = session.secondary_roles == SecondaryRoles::All;
    let user = context.engine.state.users.get(&session.user).filter(|_| all);
    let held = user.map(|user| context.engine.state.available_roles(user)).unwrap_or_default();
    let others: Vec<String> =
        held.into_iter().filter(|role| session.role.as_ref() != Some(role)).collect();
    let value = if all { "ALL" } else { "" };
    serde_json::json!({ "roles": others.join(","), "value": value }).to_string()
}

/// A session bound to one role has that role and what it inherits; others have all the user's roles.
fn available_roles(context: &Context<'_>) -> String {
    let state = &context.engine.state;
    let roles = match context.session.credential.role_restriction() {
        Some(role) => {
            let reached = state.grants.closure([Grantee::role(role)].into());
            reached
                .into_iter()
                .filter_map(|grantee| match grantee {
                    Grantee::Role(RoleRef::Account(name)) => Some(name),
                    Grantee::Role(RoleRef::Database(_)) | Grantee::User(_) => None,
                })
                .collect()
        }
        None => {
            let user = state.users.get(&context.session.user);
            user.map(|user| state.available_roles(user)).unwrap_or_default()
        }
    };
    serde_json::json!(roles).to_string()
}

fn decode(context: &Context<'_>, secret: &str) -> Result<Cell, SqlError> {
    let engine = context.engine;
    let found = engine.state.token_by_fingerprint(&fingerprint(secret));
    let (user, token) = found.ok_or_else(|| super::pats::not_found("of this secret"))?;
    let status = token.status(context.now, engine.switches.status_when_both);
    let decoded = serde_json::json!({
        "STATE": status.name(),
        "PAT_NAME": token.name,
        "USER_NAME": user.name,
    });
    Ok(Cell::text(decoded.to_string()))
}
