//! SELECT: expressions over nothing, over an ACCOUNT_USAGE view or over POLICY_REFERENCES.

use super::Outcome;
use super::account_usage;
use super::expressions::{Cell, Context, Expression, expression};
use super::filter::{Condition, condition};
use super::policy_references::{self, Arguments};
use crate::engine::Engine;
use crate::engine::answer::{Column, ResultTable};
use crate::engine::api::Session;
use crate::engine::clock::Millis;
use crate::engine::errors::{SqlError, UNKNOWN_COLUMN};
use crate::engine::text::{Cursor, Lexeme};

/// A SELECT as written.
pub(super) struct Select {
    items: Vec<Item>,
    source: Option<Source>,
    condition: Option<Condition>,
    order: Vec<(Expression, bool)>,
    limit: Option<usize>,
}

enum Item {
    Everything,
    One { expression: Expression, name: String },
}

enum Source {
    View(Vec<String>),
    PolicyReferences(Arguments),
}

pub(super) fn select(cursor: &mut Cursor) -> Result<Select, SqlError> {
    let mut items = vec![item(cursor)?];
    while cursor.symbol(",") {
        items.push(item(cursor)?);
    }
    let source = if cursor.take("FROM") { Some(source(cursor)?) } else { None };
    let condition = if cursor.take("WHERE") { Some(condition(cursor)?) } else { None };
    let order = if cursor.take("ORDER BY") { order(cursor)? } else { Vec::new() };
    let mut limit = None;
    if cursor.take("LIMIT") {
        limit = Some(usize::try_from(cursor.integer()?).map_err(|_| cursor.unexpected())?);
    }
    Ok(Select { items, source, condition, order, limit })
}

fn item(cursor: &mut Cursor) -> Result<Item, SqlError> {
    if cursor.symbol("*") {
        return Ok(Item::Everything);
    }
    let start = cursor.offset();
    let expression = expression(cursor)?;
    let source = cursor.source_since(start).to_owned();
    let name = match alias(cursor)? {
        Some(alias) => alias,
        None => expression.heading(&source),
    };
    Ok(Item::One { expression, name })
}

fn alias(cursor: &mut Cursor) -> Result<Option<String>, SqlError> {
    const CLAUSES: [&str; 4] = ["FROM", "WHERE", "ORDER", "LIMIT"];
    if cursor.take("AS") {
        return cursor.identifier().map(Some);
    }
    let clause = CLAUSES.iter().any(|word| cursor.sees(word));
    match cursor.peek() {
        Some(Lexeme::Word(_) | Lexeme::Quoted(_)) if !clause => cursor.identifier().map(Some),
        Some(_) | None => Ok(None),
    }
}

fn source(cursor: &mut Cursor) -> Result<Source, SqlError> {
    let source = if cursor.sees_word_then("(") && cursor.take("TABLE") {
        cursor.expect_symbol("(")?;
        let arguments = policy_references::call(cursor)?;
        cursor.expect_symbol(")")?;
        Source::PolicyReferences(arguments)
    } else {
        Source::View(cursor.object_name()?)
    };
    Ok(source)
}

fn order(cursor: &mut Cursor) -> Result<Vec<(Expression, bool)>, SqlError> {
    let mut keys = Vec::new();
    loop {
        let key = expression(cursor)?;
        keys.push((key, cursor.take_any(&["DESC", "ASC"]) == Some("DESC")));
        if !cursor.symbol(",") {
            return Ok(keys);
        }
    }
}

pub(super) fn run(engine: &Engine, session: &Session, select: &Select, now: Millis) -> Outcome {
    let source = match &select.source {
        None => nothing(),
        Some(Source::View(name)) => account_usage::view(engine, session, name, now)?,
        Some(Source::PolicyReferences(arguments)) => {
            policy_references::rows(engine, session, arguments)?
        }
    };
    let context = |row| Context { engine, session, now, source: &source, row };
    let mut rows = Vec::new();
    for (index, _) in source.rows.iter().enumerate() {
        let wanted = match &select.condition {
            Some(condition) => condition.holds(&context(index))?,
            None => true,
        };
        if wanted {
            rows.push(index);
        }
    }
    sort(&mut rows, &select.order, &context)?;
    rows.truncate(select.limit.unwrap_or(usize::MAX));
    project(select, &source, &rows, &context)
}

/// What SELECT without FROM reads: one row without columns.
fn nothing() -> ResultTable {
    let mut table = ResultTable::new(&[]);
    table.push(Vec::new());
    table
}

fn sort<'c>(
    rows: &mut [usize],
    order: &[(Expression, bool)],
    context: &impl Fn(usize) -> Context<'c>,
) -> Result<(), SqlError> {
    for (key, descending) in order.iter().rev() {
        let mut cells = Vec::new();
        for row in rows.iter() {
            cells.push((key.evaluate(&context(*row))?, *row));
        }
        cells.sort_by(|(left, _), (right, _)| {
            let ascending = left.sort_order(right);
            if *descending { ascending.reverse() } else { ascending }
        });
        rows.iter_mut().zip(cells).for_each(|(place, (_, row))| *place = row);
    }
    Ok(())
}

fn project<'c>(
    select: &Select,
    source: &ResultTable,
    rows: &[usize],
    context: &impl Fn(usize) -> Context<'c>,
) -> Outcome {
    let mut table = ResultTable::new(&[]);
    for item in &select.items {
        match item {
            Item::Everything if select.source.is_none() => {
                return Err(UNKNOWN_COLUMN.compilation("SELECT with no columns"));
            }
            Item::Everything => table.columns.extend(source.columns.iter().cloned()),
            Item::One { expression, name } => {
                let kind = expression.kind(&context(0))?;
                table.columns.push(Column { name: name.clone(), kind });
            }
        }
    }
    for row in rows {
        let mut cells = Vec::new();
        for item in &select.items {
            match item {
                Item::Everything => cells.extend(source.rows[*row].iter().cloned()),
                Item::One { expression, .. } => {
                    let Cell { value, .. } = expression.evaluate(&context(*row))?;
                    cells.push(value);
                }
            }
        }
        table.push(cells);
    }
    Ok(table)
}
