//! The table that is printed: one line an attack, with what it got and what its control got.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;

use crate::attempt::Attempt;

/// The rows so far.
#[derive(Default)]
pub struct Table {
    rows: usize,
    failed: Vec<String>,
}

impl Table {
    /// Adds an attack that must get nothing, and its control: the same made so that it must succeed.
    pub fn defended(&mut self, attack: &str, seen: Attempt, control: Attempt) {
        let holds = !seen.has_succeeded && control.has_succeeded;
        self.row(holds, attack, &seen, &control);
    }

    /// Adds an attack that SECURITY.md says is not stopped, and its control: who must not succeed all the same.
    pub fn not_defended(&mut self, attack: &str, seen: Attempt, control: Attempt) {
        let holds = seen.has_succeeded && !control.has_succeeded;
        self.row(holds, &format!("not defended: {attack}"), &seen, &control);
    }

    /// Adds all rows of a chapter; one that breaks off is a failure by itself.
    pub fn chapter(&mut self, title: &str, rows: impl FnOnce(&mut Self)) {
        println!("\n{title}");
        if catch_unwind(AssertUnwindSafe(|| rows(self))).is_err() {
            self.rows += 1;
            self.failed.push(format!("{title}: broke off"));
            println!("  FAILED  broke off; the reason is above");
        }
    }

    /// Prints how it went, as other tests do.
    pub fn end(self) -> ExitCode {
        for failed in &self.failed {
            println!("FAILED  {failed}");
        }
        let (failed, passed) = (self.failed.len(), self.rows - self.failed.len());
        let word = if failed == 0 { "ok" } else { "FAILED" };
        println!("\ntest result: {word}. {passed} passed; {failed} failed; 0 ignored");
        if failed == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
    }

    fn row(&mut self, holds: bool, attack: &str, seen: &Attempt, control: &Attempt) {
        let mark = if holds { "ok    " } else { "FAILED" };
        println!("  {mark}  {attack} | got: {} | control: {}", seen.got, control.got);
        self.rows += 1;
        if !holds {
            self.failed.push(attack.to_owned());
        }
    }
}
