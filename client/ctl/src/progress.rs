//! What a verb is at, for whoever looks: on a terminal one line of standard error that goes away again. Answers are no
//! progress; they are printed elsewhere. indicatif draws: it knows a terminal's width, how often is often enough, and
//! how a line is taken back while others are printed above it.

use std::borrow::Cow;
use std::io::{self, IsTerminal, Write};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::cli::Cli;

/// Who looks at what a verb does while it does it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Eyes {
    /// A program, which waits for the one document.
    Nobodys,
    /// A log, or a terminal that another program writes to meanwhile: what is done is kept as lines.
    Log,
    /// A person.
    Persons,
}

impl Eyes {
    /// Returns who looks at this process.
    pub(crate) fn of(cli: &Cli) -> Self {
        let is_dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        match (cli.json, io::stderr().is_terminal() && !is_dumb) {
            (true, _) => Self::Nobodys,
            (false, true) => Self::Persons,
            (false, false) => Self::Log,
        }
    }

    /// Returns who looks where another program may write between.
    pub(crate) fn beside_another(self) -> Self {
        if self == Self::Persons { Self::Log } else { self }
    }
}

/// The line of one thing that takes its time. Dropped, it is gone.
pub(crate) struct Progress {
    eyes: Eyes,
    bar: ProgressBar,
}

impl Progress {
    /// Shows that something is waited for, and for how long already.
    pub(crate) fn waiting(eyes: Eyes, what: impl Into<Cow<'static, str>>) -> Self {
        let bar = ProgressBar::new_spinner().with_message(what);
        Self::begun(eyes, bar, WAITING)
    }

    /// Shows how far something is that has so many parts.
    pub(crate) fn through(eyes: Eyes, parts: usize) -> Self {
        let bar = ProgressBar::new(u64::try_from(parts).unwrap_or(u64::MAX));
        Self::begun(eyes, bar, THROUGH)
    }

    fn begun(eyes: Eyes, bar: ProgressBar, template: &str) -> Self {
        // A template of ours that indicatif cannot read shows in the tests, and costs the look and nothing else.
        let style = ProgressStyle::with_template(template);
        bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()).progress_chars("=> "));
        bar.set_draw_target(match eyes {
            Eyes::Persons => ProgressDrawTarget::stderr(),
            Eyes::Nobodys | Eyes::Log => ProgressDrawTarget::hidden(),
        });
        if eyes == Eyes::Persons {
            bar.enable_steady_tick(TICK);
        }
        Self { eyes, bar }
    }

    /// Says what it is at now. The text must be harmless for a terminal.
    pub(crate) fn at(&self, what: impl Into<Cow<'static, str>>) {
        self.bar.set_message(what);
    }

    /// One part more is done.
    fn one_done(&self) {
        self.bar.inc(1);
    }

    /// Begins a part, and its line in the record that is kept. The text must be harmless for a terminal.
    pub(crate) fn begins(&self, what: String) {
        if self.eyes == Eyes::Log {
            write(&format!("{}{what} … ", self.number()));
        }
        self.at(what);
    }

    /// Ends the part that was begun.
    pub(crate) fn ends(&self, how: &str) {
        match self.eyes {
            Eyes::Nobodys => {}
            Eyes::Log => write(&format!("{how}\n")),
            Eyes::Persons => {
                self.bar.println(format!("{}{} … {how}", self.number(), self.bar.message()));
            }
        }
        self.one_done();
    }

    fn number(&self) -> String {
        let all = self.bar.length().unwrap_or_default();
        format!("[{}/{all}] ", self.bar.position().saturating_add(1))
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}

/// Whoever closed standard error wants no progress.
fn write(text: &str) {
    let mut to = io::stderr();
    let _ = to.write_all(text.as_bytes()).and_then(|()| to.flush());
}

const WAITING: &str = "{spinner} {wide_msg} {elapsed}";
const THROUGH: &str = "[{bar:20}] {pos}/{len} {wide_msg} {elapsed}";
const TICK: Duration = Duration::from_millis(120);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_templates_are_ones_that_indicatif_reads() {
        for template in [WAITING, THROUGH] {
            assert!(ProgressStyle::with_template(template).is_ok(), "{template}");
        }
    }

    #[test]
    fn beside_another_program_nothing_is_drawn_over() {
        assert_eq!(Eyes::Persons.beside_another(), Eyes::Log);
        assert_eq!(Eyes::Nobodys.beside_another(), Eyes::Nobodys);
    }
}
