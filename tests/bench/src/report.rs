//! The table of results: what was measured, against what, and the bound.

use std::process::ExitCode;

/// Rows, in the order they were measured.
#[derive(Default)]
pub struct Report {
    rows: Vec<Row>,
}

struct Row {
    what: String,
    measured: f64,
    bound: f64,
    unit: &'static str,
    detail: String,
}

impl Report {
    /// Adds a row: a value that must not be above its bound.
    pub fn at_most(
        &mut self,
        what: &str,
        measured: f64,
        bound: f64,
        unit: &'static str,
        detail: String,
    ) {
        println!("measured {what}: {measured:.2} {unit}");
        self.rows.push(Row { what: what.into(), measured, bound, unit, detail });
    }

    /// Prints the table. Fails if a bound is broken.
    pub fn print(&self) -> ExitCode {
        println!("\n{:<44} {:>10} {:>10}", "", "measured", "at most");
        for row in &self.rows {
            let mark = if row.kept() { "ok" } else { "OVER" };
            println!(
                "{:<44} {:>10.2} {:>10.2}  {:<6} {:<5} {}",
                row.what, row.measured, row.bound, row.unit, mark, row.detail
            );
        }
        let broken = self.rows.iter().filter(|row| !row.kept()).count();
        println!("\n{} passed, {broken} failed", self.rows.len() - broken);
        if broken == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }
}

impl Row {
    fn kept(&self) -> bool {
        self.measured <= self.bound
    }
}
