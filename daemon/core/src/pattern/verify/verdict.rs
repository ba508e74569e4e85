//! One check's verdict, and the page of checks about one subject it is written on.

use super::id::Id;
use super::{Check, Outcome};
use crate::pattern::observed::Seen;

/// What one check came to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It holds: what was seen.
    Holds(String),
    /// It does not: what was seen, and what to do.
    Broken { evidence: String, next_step: String },
    /// It cannot be seen without this.
    Unseen { needs: String },
}

impl Verdict {
    /// Returns that it holds, or that it does not with the next step.
    pub(super) fn when(
        holds: bool,
        evidence: impl Into<String>,
        next_step: impl Into<String>,
    ) -> Self {
        let evidence = evidence.into();
        match holds {
            true => Self::Holds(evidence),
            false => Self::Broken { evidence, next_step: next_step.into() },
        }
    }

    /// Returns that nothing was found, or what was found with the next step.
    pub(super) fn none_of(found: &[String], nothing: &str, next_step: impl Into<String>) -> Self {
        match found {
            [] => Self::Holds(nothing.to_owned()),
            found => Self::when(false, found.join(", "), next_step),
        }
    }

    /// Returns the worse of two: what is broken hides nothing, what is unseen is never made up for.
    pub(super) fn and(self, other: Self) -> Self {
        match (self, other) {
            (Self::Holds(one), Self::Holds(other)) => Self::Holds(format!("{one}; {other}")),
            (
                Self::Broken { evidence, next_step },
                Self::Broken { evidence: more, next_step: then },
            ) => Self::Broken {
                evidence: format!("{evidence}; {more}"),
                next_step: format!("{next_step}; {then}"),
            },
            (broken @ Self::Broken { .. }, _) | (_, broken @ Self::Broken { .. }) => broken,
            (unseen @ Self::Unseen { .. }, _) | (_, unseen @ Self::Unseen { .. }) => unseen,
        }
    }
}

/// Returns the fact, or what would show it.
pub(super) fn seen<T>(fact: &Seen<T>) -> Result<&T, &str> {
    match fact {
        Seen::Known(fact) => Ok(fact),
        Seen::Hidden { needs } => Err(needs),
    }
}

/// Returns the verdict on a fact; one that cannot be seen is not judged.
pub(super) fn judged<T>(fact: Result<T, &str>, judge: impl FnOnce(T) -> Verdict) -> Verdict {
    match fact {
        Ok(fact) => judge(fact),
        Err(needs) => Verdict::Unseen { needs: needs.to_owned() },
    }
}

/// Returns the next step where a plan mends it. The daemon's own credential can usually manage tokens and nothing
/// else, so that step is one for an admin's session.
pub(super) fn by_plan(what: &str) -> String {
    format!(
        "{what}: patctl plan, then patctl apply, each with --as USER --key-file FILE or --via snow"
    )
}

/// The checks about one subject.
pub(super) struct Page<'a> {
    subject: String,
    checks: &'a mut Vec<Check>,
}

impl<'a> Page<'a> {
    /// Returns an empty page.
    pub(super) fn new(subject: impl Into<String>, checks: &'a mut Vec<Check>) -> Self {
        Self { subject: plain(&subject.into()), checks }
    }

    /// Writes a check.
    pub(super) fn note(&mut self, id: Id, verdict: Verdict) {
        let (outcome, evidence, next_step) = match verdict {
            Verdict::Holds(evidence) => (Outcome::Passed, evidence, String::new()),
            Verdict::Broken { evidence, next_step } => (Outcome::Failed, evidence, next_step),
            Verdict::Unseen { needs } => {
                let next_step = format!("look again with {needs}");
                (Outcome::NotChecked { needs: plain(&needs) }, String::new(), next_step)
            }
        };
        self.checks.push(Check {
            id: id.as_str().to_owned(),
            subject: self.subject.clone(),
            outcome,
            evidence: plain(&evidence),
            next_step: plain(&next_step),
        });
    }
}

/// Returns the text on one line and without characters that command a terminal or turn the reading direction:
/// names at Snowflake are anybody's.
fn plain(text: &str) -> String {
    let tame = |c: char| match c {
        c if c.is_control() => '\u{fffd}',
        '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => '\u{fffd}',
        c => c,
    };
    text.chars().map(tame).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn broken(evidence: &str) -> Verdict {
        Verdict::Broken { evidence: evidence.into(), next_step: "mend".into() }
    }

    fn unseen() -> Verdict {
        Verdict::Unseen { needs: "MONITOR".into() }
    }

    #[test]
    fn the_worse_of_two_verdicts_stands() {
        let holds = || Verdict::Holds("fine".into());
        assert_eq!(holds().and(holds()), Verdict::Holds("fine; fine".into()));
        for (one, other) in [(holds(), broken("a")), (unseen(), broken("a"))] {
            assert_eq!(one.clone().and(other.clone()), broken("a"));
            assert_eq!(other.and(one), broken("a"));
        }
        assert_eq!(holds().and(unseen()), unseen());
        assert_eq!(unseen().and(holds()), unseen());
        let Verdict::Broken { evidence, .. } = broken("a").and(broken("b")) else {
            panic!("mended")
        };
        assert_eq!(evidence, "a; b");
    }

    #[test]
    fn a_name_commands_no_terminal() {
        let mut checks = Vec::new();
        let mut page = Page::new("user A\u{1b}[2J", &mut checks);
        page.note(Id::OneRole, broken("role \u{202e}TOOR\nX"));
        let [check] = checks.as_slice() else { panic!("not one check") };
        assert_eq!(check.subject, "user A\u{fffd}[2J");
        assert_eq!(check.evidence, "role \u{fffd}TOOR\u{fffd}X");
    }
}
