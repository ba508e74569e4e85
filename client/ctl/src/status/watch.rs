//! `patctl status --watch`: the status again and again, until Ctrl-C. On a terminal it is drawn in place; elsewhere
//! each look is a block of lines with its time. A daemon that is away is waited for, and its return is said.

use std::io::{self, IsTerminal, Write};
use std::ops::Range;
use std::os::fd::AsFd as _;
use std::time::{Duration, Instant};

use console::{Term, truncate_str};
use nix::errno::Errno;
use nix::poll::{PollFd, PollFlags, PollTimeout, poll};
use nix::sys::signal::{SigSet, Signal};
use nix::sys::signalfd::{SfdFlags, SignalFd};
use pat_wire::admin::Status;
use serde_json::json;

use super::{exit, shown};
use crate::answer::{self, Answer, Exit, Failure};
use crate::cli::Cli;
use crate::text::{Colour, plain};
use crate::{daemon, time};

/// Shows the status every so many seconds. Ends at Ctrl-C, as the last look did.
///
/// # Errors
/// If there is no daemon to begin with, or nowhere to show it.
pub(super) fn run(cli: &Cli, seconds: u32) -> Result<Answer, Failure> {
    if cli.json {
        let next_step = "ask for one document at a time: patctl status --json";
        return Err(Failure::new(Exit::Usage, "--watch draws for people, and no JSON", next_step));
    }
    let signals = Signals::listen().map_err(|error| cannot("hear of Ctrl-C", error))?;
    let mut screen = Screen::of_this_process();
    let mut seen = Seen::default();
    let first: Status = daemon::ask_within(cli, "/v1/status", PATIENCE)?;
    let mut look = seen.took(Ok(first), time::now());
    loop {
        match screen.draw(&look, seconds) {
            // Whoever reads no further (a pager, head) has what it wanted.
            Err(error) if error.kind() == io::ErrorKind::BrokenPipe => break,
            drawn => drawn.map_err(|error| cannot("show it", error))?,
        }
        match signals.within(Duration::from_secs(seconds.into())) {
            Heard::End => break,
            Heard::Resized => screen.forget(),
            Heard::Nothing => {}
        }
        look = seen.took(daemon::ask_within(cli, "/v1/status", PATIENCE), time::now());
    }
    Ok(Answer { text: String::new(), json: json!(null), exit: look.exit })
}

fn cannot(what: &str, error: impl std::fmt::Display) -> Failure {
    Failure::new(Exit::Failed, format!("cannot {what} ({error})"), "try: patctl status")
}

/// One look, ready to be shown.
struct Look {
    at: i64,
    exit: Exit,
    /// What became of the daemon since the watch began, if anything.
    news: Option<String>,
    text: String,
    /// Which lines of the text are rows of slots.
    rows: Range<usize>,
}

/// What is kept from look to look.
#[derive(Default)]
struct Seen {
    daemon: Option<(i32, i64)>,
    away_since: Option<i64>,
    news: Option<String>,
}

impl Seen {
    fn took(&mut self, asked: Result<Status, Failure>, now: i64) -> Look {
        let (exit, text, rows) = match asked {
            Ok(status) => {
                self.is_there(&status, now);
                let text = shown::text(&status, now, answer::in_colour());
                (exit(&status), text, shown::rows(&status, now))
            }
            Err(failure) => {
                let since = *self.away_since.get_or_insert(now);
                let line = format!("no status since {}; still asking\n", time::utc(since));
                (failure.exit(), format!("{}\n{line}", failure.lines().join("\n")), 0..0)
            }
        };
        Look { at: now, exit, news: self.news.clone(), text, rows }
    }

    /// Says once and for the rest of the watch that it is another daemon, or the same one again.
    fn is_there(&mut self, status: &Status, now: i64) {
        let daemon = (status.daemon.pid, status.daemon.started_at);
        let was_away = self.away_since.take();
        match self.daemon.replace(daemon) {
            Some(before) if before != daemon => {
                let (pid, at) = (before.0, time::utc(status.daemon.started_at));
                self.news =
                    Some(format!("the daemon was started anew at {at} (before: pid {pid})"));
            }
            Some(_) if was_away.is_some() => {
                self.news = Some(format!("the daemon answers again since {}", time::utc(now)));
            }
            Some(_) | None => {}
        }
    }
}

/// Where the looks are shown.
struct Screen {
    terminal: Option<Term>,
    /// Lines that the look before takes on the terminal; none if it is not known.
    drawn: Option<usize>,
}

impl Screen {
    /// A terminal that cannot move its cursor gets blocks, as a file does.
    fn of_this_process() -> Self {
        let is_dumb = std::env::var_os("TERM").is_some_and(|term| term == "dumb");
        let moves = io::stdout().is_terminal() && !is_dumb;
        Self { terminal: moves.then(Term::stdout), drawn: Some(0) }
    }

    /// The terminal has another size: where the look before ends on it is not known any more.
    fn forget(&mut self) {
        self.drawn = None;
    }

    fn draw(&mut self, look: &Look, seconds: u32) -> io::Result<()> {
        let text = match &self.terminal {
            None => block(look),
            Some(terminal) => {
                let (height, width) = terminal.size();
                let (frame, drawn) = frame(look, seconds, (height.into(), width.into()));
                let text = format!("{}{frame}", begin(self.drawn));
                self.drawn = Some(drawn);
                text
            }
        };
        let mut out = io::stdout().lock();
        out.write_all(text.as_bytes()).and_then(|()| out.flush())
    }
}

/// Leaves out what does not fit: rows of slots first, from the last one up, and then what stands above what is wrong,
/// which is said last. The title stays.
fn shorten(lines: &mut Vec<String>, rows: &Range<usize>, room: usize) {
    let more = |count: usize, what: &str| format!("… {count} more {what}; all: patctl status");
    // The line that says so takes one, too.
    let over = |lines: &[String]| lines.len().saturating_add(1).saturating_sub(room);
    if lines.len() > room && !rows.is_empty() {
        let hidden = over(lines).min(rows.len());
        lines.splice(rows.end.saturating_sub(hidden)..rows.end, [more(hidden, "slots")]);
    }
    if lines.len() > room {
        let hidden = over(lines).min(lines.len().saturating_sub(1));
        lines.splice(1..=hidden, [more(hidden, "lines")]);
    }
}

/// One look in a file or a pipe.
fn block(look: &Look) -> String {
    let news = look.news.iter().map(|news| format!("{}\n", plain(news))).collect::<String>();
    format!("--- {}\n{news}{}\n", time::utc(look.at), look.text)
}

/// Goes to where the look before began, or to the top of an emptied screen.
fn begin(drawn: Option<usize>) -> String {
    match drawn {
        None => "\u{1b}[H\u{1b}[2J".to_owned(),
        Some(0) => String::new(),
        Some(lines) => format!("\r\u{1b}[{lines}A"),
    }
}

/// Returns one look as it fits the terminal, and how many lines it has: a line that went on in the next one, or a
/// screen that scrolled, could not be drawn over.
fn frame(look: &Look, seconds: u32, (height, width): (usize, usize)) -> (String, usize) {
    let title = format!("{}, every {seconds} s; Ctrl-C ends", time::utc(look.at));
    let mut lines = vec![Colour::Faint.paint(&title, answer::in_colour())];
    let news = look.news.as_deref().map(plain);
    lines.extend(news.map(|news| Colour::Moving.paint(&news, answer::in_colour())));
    let [first, last] = [look.rows.start, look.rows.end].map(|at| at.saturating_add(lines.len()));
    lines.extend(look.text.lines().map(str::to_owned));
    shorten(&mut lines, &(first..last), height.saturating_sub(1).max(2));
    let line =
        |line: &String| format!("{}{RESET}{TO_LINE_END}\n", truncate_str(line, width.max(1), "…"));
    let frame = lines.iter().map(line).collect::<String>() + TO_SCREEN_END;
    (frame, lines.len())
}

/// Signals that are heard of while waiting, and not before: a look is drawn whole.
struct Signals(SignalFd);

enum Heard {
    Nothing,
    Resized,
    End,
}

impl Signals {
    fn listen() -> nix::Result<Self> {
        let mut heard = SigSet::empty();
        for signal in [Signal::SIGINT, Signal::SIGTERM, Signal::SIGHUP, Signal::SIGWINCH] {
            heard.add(signal);
        }
        heard.thread_block()?;
        SignalFd::with_flags(&heard, SfdFlags::SFD_NONBLOCK | SfdFlags::SFD_CLOEXEC).map(Self)
    }

    fn within(&self, pause: Duration) -> Heard {
        let until = Instant::now().checked_add(pause);
        loop {
            if let Ok(Some(signal)) = self.0.read_signal() {
                let is_resize = i32::try_from(signal.ssi_signo) == Ok(Signal::SIGWINCH as i32);
                return if is_resize { Heard::Resized } else { Heard::End };
            }
            let left = until.map(|until| until.saturating_duration_since(Instant::now()));
            let left = left.unwrap_or_default();
            if left.is_zero() {
                return Heard::Nothing;
            }
            let mut waiting = [PollFd::new(self.0.as_fd(), PollFlags::POLLIN)];
            let patience = PollTimeout::try_from(left).unwrap_or(PollTimeout::MAX);
            match poll(&mut waiting, patience) {
                Ok(_) | Err(Errno::EINTR) => {}
                Err(_) => return Heard::End,
            }
        }
    }
}

/// Shorter than that of one look by itself: who presses Ctrl-C does not want to wait for a daemon that hangs.
const PATIENCE: Duration = Duration::from_secs(3);
const RESET: &str = "\u{1b}[0m";
const TO_LINE_END: &str = "\u{1b}[K";
const TO_SCREEN_END: &str = "\u{1b}[J";

#[cfg(test)]
mod tests {
    use super::*;

    fn look(text: &str) -> Look {
        Look { at: 0, exit: Exit::Ok, news: None, text: text.to_owned(), rows: 0..0 }
    }

    #[test]
    fn a_look_fits_the_terminal_it_is_drawn_on() {
        let (frame, lines) = frame(&look(&"a long line\n".repeat(50)), 2, (10, 5));

        assert_eq!((lines, frame.matches('\n').count()), (9, 9), "one line stays free");
        for line in frame.lines() {
            assert!(console::measure_text_width(line) <= 5, "{line:?}");
        }
        assert!(frame.ends_with(TO_SCREEN_END), "what was longer before is gone");
    }

    #[test]
    fn what_does_not_fit_is_rows_of_slots_and_never_what_is_wrong() {
        let rows: String = (0..30).map(|n| format!("row {n}\n")).collect();
        let text =
            format!("patd\n\nCONNECTION\n{rows}\nAlarms\n  config-refused\n  next: mend it\n");
        let look = Look { rows: 3..33, ..look(&text) };

        let (tall, _) = frame(&look, 2, (24, 80));
        let (small, _) = frame(&look, 2, (6, 80));

        for part in ["patd", "CONNECTION", "row 0", "row 13", "… 16 more slots; all: patctl status"]
        {
            assert!(tall.contains(part), "{part}: {tall}");
        }
        assert!(!tall.contains("row 14"), "{tall}");
        for shown in [&tall, &small] {
            assert!(shown.contains("every 2 s"), "{shown}");
            assert!(shown.contains("config-refused") && shown.contains("next: mend it"), "{shown}");
        }
        assert_eq!(tall.lines().count(), 24, "23 lines, and one stays free: {tall}");
        assert!(small.contains("more lines") && !small.contains("row"), "{small}");
    }

    #[test]
    fn the_next_look_begins_where_the_one_before_began() {
        assert_eq!(begin(Some(0)), "");
        assert_eq!(begin(Some(9)), "\r\u{1b}[9A");
        assert_eq!(begin(None), "\u{1b}[H\u{1b}[2J", "the terminal has another size");
    }

    #[test]
    fn a_daemon_that_went_and_came_is_told_of() {
        let status = |pid: i32| -> Status {
            let daemon = json!({
                "version": "0", "pid": pid, "started_at": pid, "host_id": "", "peer_tier": "",
                "root_key": "", "config_owner": "root",
            });
            let status = json!({ "daemon": daemon, "slots": [], "inert": [], "alarms": [] });
            serde_json::from_value(status).unwrap()
        };
        let gone = || Err(Failure::new(Exit::NoDaemon, "no broker", "start it"));
        let mut seen = Seen::default();

        assert_eq!(seen.took(Ok(status(1)), 100).news, None);
        let away = seen.took(gone(), 102);
        assert_eq!(away.exit, Exit::NoDaemon);
        assert!(away.text.contains("patctl: no broker; start it"), "{}", away.text);
        assert!(seen.took(gone(), 104).text.contains("since 1970-01-01T00:01:42Z"));
        let same = seen.took(Ok(status(1)), 106).news.unwrap();
        assert!(same.contains("answers again since 1970-01-01T00:01:46Z"), "{same}");
        let other = seen.took(Ok(status(2)), 108).news.unwrap();
        assert!(other.contains("started anew") && other.contains("before: pid 1"), "{other}");
        assert_eq!(seen.took(Ok(status(2)), 110).news, Some(other), "for the rest of the watch");
    }
}
