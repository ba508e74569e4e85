//! Checks of the pattern as a person reads them: one line each, by subject, the next step under what does not hold.

use patd_core::pattern::verify::{Check, Outcome};

use crate::answer::Exit;
use crate::text::{Colour, counted, plain};

/// Returns the checks as lines, by subject.
pub(crate) fn shown(checks: &[Check], in_colour: bool) -> String {
    lines(&checks.iter().map(line).collect::<Vec<_>>(), in_colour)
}

/// One check on its line. Its texts are shown plain.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Line<'a> {
    pub(crate) subject: &'a str,
    pub(crate) id: &'a str,
    pub(crate) word: Word<'a>,
    /// What was seen.
    pub(crate) said: &'a str,
    /// What to do, if anything.
    pub(crate) next_step: &'a str,
}

/// How a check came out.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Word<'a> {
    Holds,
    Warns,
    Fails,
    /// It cannot be seen without this.
    Unseen(&'a str),
}

/// Returns the lines, by subject, with the next step under what does not hold.
pub(crate) fn lines(lines: &[Line<'_>], in_colour: bool) -> String {
    let width = lines.iter().map(|line| line.id.chars().count()).max().unwrap_or_default();
    let mut text = String::new();
    let mut subject = None;
    for line in lines {
        if subject != Some(line.subject) {
            let gap = if subject.is_some() { "\n" } else { "" };
            text.push_str(&format!("{gap}{}\n", plain(line.subject)));
            subject = Some(line.subject);
        }
        text.push_str(&one(line, width, in_colour));
    }
    text
}

/// Returns how many hold, fail, and could not be made.
pub(crate) fn counts(checks: &[Check]) -> String {
    let [hold, fail, unseen] = count(checks);
    let fails = if fail == 1 { "fails" } else { "fail" };
    format!(
        "{}: {hold} hold, {fail} {fails}, {unseen} not checked\n",
        counted(checks.len(), "check")
    )
}

/// Returns how a verb ends that found these.
pub(crate) fn exit(checks: &[Check]) -> Exit {
    match count(checks) {
        [_, 0, 0] => Exit::Ok,
        [_, 0, _] => Exit::Alarms,
        [_, _, _] => Exit::Failed,
    }
}

fn count(checks: &[Check]) -> [usize; 3] {
    let of = |wanted: fn(&Outcome) -> bool| checks.iter().filter(|c| wanted(&c.outcome)).count();
    [
        of(|outcome| matches!(outcome, Outcome::Passed)),
        of(|outcome| matches!(outcome, Outcome::Failed)),
        of(|outcome| matches!(outcome, Outcome::NotChecked { .. })),
    ]
}

fn line(check: &Check) -> Line<'_> {
    let word = match &check.outcome {
        Outcome::Passed => Word::Holds,
        Outcome::Failed => Word::Fails,
        Outcome::NotChecked { needs } => Word::Unseen(needs),
    };
    let Check { id, subject, evidence, next_step, .. } = check;
    Line { subject, id, word, said: evidence, next_step }
}

fn one(line: &Line<'_>, width: usize, in_colour: bool) -> String {
    let said = plain(line.said);
    let (word, colour, said) = match line.word {
        Word::Holds => ("ok  ", Colour::Good, said),
        Word::Warns => ("warn", Colour::Moving, said),
        Word::Fails => ("FAIL", Colour::Bad, said),
        Word::Unseen(needs) => {
            ("?   ", Colour::Moving, format!("not checked (needs {})", plain(needs)))
        }
    };
    let word = colour.paint(word, in_colour);
    let id = plain(line.id);
    let room = " ".repeat(width.saturating_sub(id.chars().count()));
    let mut text = format!("  {word}  {id}{room}  {said}\n");
    if matches!(line.word, Word::Warns | Word::Fails) && !line.next_step.is_empty() {
        text.push_str(&format!("        next: {}\n", plain(line.next_step)));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(id: &str, subject: &str, outcome: Outcome) -> Check {
        let (id, subject) = (id.to_owned(), subject.to_owned());
        let (evidence, next_step) = ("seen".to_owned(), "mend it".to_owned());
        Check { id, subject, outcome, evidence, next_step }
    }

    fn all() -> Vec<Check> {
        let needs = "OWNERSHIP ON USER M".to_owned();
        vec![
            check("one-role", "user M", Outcome::Passed),
            check("minters", "user M", Outcome::NotChecked { needs }),
            check("persons-barred", "account", Outcome::Failed),
        ]
    }

    #[test]
    fn each_check_is_a_line_under_its_subject() {
        let wanted = "\
user M
  ok    one-role        seen
  ?     minters         not checked (needs OWNERSHIP ON USER M)

account
  FAIL  persons-barred  seen
        next: mend it
";
        assert_eq!(shown(&all(), false), wanted);
        assert!(shown(&all(), true).contains("\u{1b}[31mFAIL\u{1b}[0m  persons-barred"));
    }

    #[test]
    fn only_what_was_checked_and_holds_is_a_success() {
        let all = all();
        assert_eq!(counts(&all), "3 checks: 1 hold, 1 fails, 1 not checked\n");
        assert_eq!(exit(&all), Exit::Failed);
        assert_eq!(exit(&all[..2]), Exit::Alarms);
        assert_eq!(exit(&all[..1]), Exit::Ok);
        assert_eq!(exit(&[]), Exit::Ok);
    }
}
