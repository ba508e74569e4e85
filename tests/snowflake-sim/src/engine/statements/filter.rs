//! WHERE: comparisons joined by AND and OR.

use std::cmp::Ordering;

use super::common::like;
use super::expressions::{Context, Expression, expression};
use crate::engine::errors::SqlError;
use crate::engine::text::Cursor;

/// A condition as written.
pub(super) enum Condition {
    All(Vec<Condition>),
    Any(Vec<Condition>),
    Not(Box<Condition>),
    Compare(Expression, &'static str, Expression),
    IsNull(Expression),
    In(Expression, Vec<Expression>),
    Like { value: Expression, pattern: Expression, ignore_case: bool },
}

pub(super) fn condition(cursor: &mut Cursor) -> Result<Condition, SqlError> {
    let mut parts = vec![all(cursor)?];
    while cursor.take("OR") {
        parts.push(all(cursor)?);
    }
    Ok(Condition::Any(parts))
}

fn all(cursor: &mut Cursor) -> Result<Condition, SqlError> {
    let mut parts = vec![single(cursor)?];
    while cursor.take("AND") {
        parts.push(single(cursor)?);
    }
    Ok(Condition::All(parts))
}

fn single(cursor: &mut Cursor) -> Result<Condition, SqlError> {
    if cursor.take("NOT") {
        return Ok(Condition::Not(Box::new(single(cursor)?)));
    }
    if cursor.symbol("(") {
        let inner = condition(cursor)?;
        cursor.expect_symbol(")")?;
        return Ok(inner);
    }
    let left = expression(cursor)?;
    match cursor.take_any(&["IS NOT NULL", "IS NULL", "NOT", "IN", "LIKE", "ILIKE"]) {
        Some("IS NULL") => Ok(Condition::IsNull(left)),
        Some("IS NOT NULL") => Ok(Condition::Not(Box::new(Condition::IsNull(left)))),
        Some("NOT") => {
            let word = cursor.take_any(&["IN", "LIKE", "ILIKE"]);
            let word = word.ok_or_else(|| cursor.unexpected())?;
            Ok(Condition::Not(Box::new(by_word(cursor, left, word)?)))
        }
        Some(word) => by_word(cursor, left, word),
        None => comparison(cursor, left),
    }
}

fn by_word(cursor: &mut Cursor, value: Expression, word: &str) -> Result<Condition, SqlError> {
    if word != "IN" {
        let pattern = expression(cursor)?;
        return Ok(Condition::Like { value, pattern, ignore_case: word == "ILIKE" });
    }
    cursor.expect_symbol("(")?;
    let mut items = vec![expression(cursor)?];
    while cursor.symbol(",") {
        items.push(expression(cursor)?);
    }
    cursor.expect_symbol(")")?;
    Ok(Condition::In(value, items))
}

fn comparison(cursor: &mut Cursor, left: Expression) -> Result<Condition, SqlError> {
    const OPERATORS: [&str; 7] = ["=", "<>", "!=", ">=", "<=", ">", "<"];
    let operator = OPERATORS.into_iter().find(|operator| cursor.symbol(operator));
    let operator = operator.ok_or_else(|| cursor.unexpected())?;
    Ok(Condition::Compare(left, operator, expression(cursor)?))
}

impl Condition {
    /// Returns whether the row fulfils the condition; comparing with NULL never does.
    pub(super) fn holds(&self, context: &Context<'_>) -> Result<bool, SqlError> {
        match self {
            Self::All(parts) => every(parts, context),
            Self::Any(parts) => {
                for part in parts {
                    if part.holds(context)? {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
            Self::Not(inner) => inner.holds(context).map(|held| !held),
            Self::IsNull(value) => Ok(value.evaluate(context)?.value.is_none()),
            Self::Compare(left, operator, right) => {
                let order = left.evaluate(context)?.compare(&right.evaluate(context)?);
                Ok(order.is_some_and(|order| fits(order, operator)))
            }
            Self::In(value, items) => {
                let value = value.evaluate(context)?;
                for item in items {
                    if value.compare(&item.evaluate(context)?) == Some(Ordering::Equal) {
                        return Ok(true);
                    }
                }
                Ok(false)
            }
            Self::Like { value, pattern, ignore_case } => {
                let (value, pattern) = (value.evaluate(context)?, pattern.evaluate(context)?);
                let both = value.value.zip(pattern.value);
                Ok(both.is_some_and(|(value, pattern)| like(&pattern, &value, *ignore_case)))
            }
        }
    }
}

fn every(parts: &[Condition], context: &Context<'_>) -> Result<bool, SqlError> {
    for part in parts {
        if !part.holds(context)? {
            return Ok(false);
        }
    }
    Ok(true)
}

fn fits(order: Ordering, operator: &str) -> bool {
    match operator {
        "=" => order.is_eq(),
        "<>" | "!=" => order.is_ne(),
        ">=" => order.is_ge(),
        "<=" => order.is_le(),
        ">" => order.is_gt(),
        _ => order.is_lt(),
    }
}
