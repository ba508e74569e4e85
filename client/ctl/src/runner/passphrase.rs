//! Asks a person for a passphrase, on the terminal itself and without echo. The terminal is as before in the
//! end, also after Ctrl-C: that key arrives here as a letter like any other.

use std::fs::{File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::Path;

use nix::sys::termios::{LocalFlags, SetArg, Termios, tcgetattr, tcsetattr};
use pat_wire::secret::{Secret, Zeroizing};

use crate::answer::{Exit, Failure};

/// Returns what is typed for the key in this file.
pub(super) fn asked(key: &Path) -> Result<Secret, Failure> {
    let shown = key.display();
    let terminal = OpenOptions::new().read(true).write(true).open("/dev/tty");
    let terminal = terminal.map_err(|_| {
        let what =
            format!("{shown} is encrypted, and there is no terminal to ask for a passphrase");
        Failure::new(Exit::Failed, what, format!("keep it as {shown}.passphrase (mode 0400)"))
    })?;
    let typed =
        Quiet::begin(terminal).and_then(|mut quiet| quiet.ask(&format!("Passphrase of {shown}: ")));
    match typed {
        Ok(Some(typed)) => Ok(typed),
        Ok(None) => Err(Failure::new(Exit::Failed, "no passphrase was given", "try again")),
        Err(error) => Err(Failure::io("ask on", Path::new("/dev/tty"), &error)),
    }
}

/// A terminal that shows and interprets nothing, until it is dropped.
struct Quiet {
    terminal: File,
    before: Termios,
}

impl Quiet {
    fn begin(terminal: File) -> io::Result<Self> {
        let before = tcgetattr(&terminal)?;
        let mut quiet = before.clone();
        quiet.local_flags.remove(LocalFlags::ECHO | LocalFlags::ICANON | LocalFlags::ISIG);
        tcsetattr(&terminal, SetArg::TCSAFLUSH, &quiet)?;
        Ok(Self { terminal, before })
    }

    /// Returns the line; none if the person gave up.
    fn ask(&mut self, question: &str) -> io::Result<Option<Secret>> {
        self.terminal.write_all(question.as_bytes())?;
        let line = line(&mut self.terminal);
        self.terminal.write_all(b"\n")?;
        line
    }
}

impl Drop for Quiet {
    fn drop(&mut self) {
        // Nobody is left to tell if the terminal is gone.
        let _ = tcsetattr(&self.terminal, SetArg::TCSAFLUSH, &self.before);
    }
}

fn line(from: &mut impl Read) -> io::Result<Option<Secret>> {
    let mut line = Zeroizing::new(Vec::with_capacity(LONGEST));
    let mut letter = Zeroizing::new([0_u8]);
    loop {
        if from.read(&mut *letter)? == 0 {
            return Ok(None);
        }
        match *letter {
            [CTRL_C] => return Ok(None),
            [CTRL_D] if line.is_empty() => return Ok(None),
            [b'\r' | b'\n'] => break,
            [BACKSPACE | DELETE] => take_back(&mut line),
            [CTRL_U] => line.clear(),
            // No room to grow into: a larger copy would leave this one behind, unwiped.
            [byte] if line.len() < LONGEST => line.push(byte),
            [_] => {}
        }
    }
    let text = std::str::from_utf8(&line).map_err(|_| io::ErrorKind::InvalidData)?;
    Ok((!text.is_empty()).then(|| Secret::new(text.to_owned())))
}

/// A letter may have several bytes; those after the first begin with the bits 10.
fn take_back(line: &mut Vec<u8>) {
    while line.pop().is_some_and(|byte| byte & 0b1100_0000 == 0b1000_0000) {}
}

const LONGEST: usize = 1024;
const CTRL_C: u8 = 3;
const CTRL_D: u8 = 4;
const BACKSPACE: u8 = 8;
const CTRL_U: u8 = 21;
const DELETE: u8 = 127;

#[cfg(test)]
mod tests {
    use super::line;

    fn typed(bytes: &[u8]) -> Option<String> {
        line(&mut &*bytes).unwrap().map(|secret| secret.expose().to_owned())
    }

    #[test]
    fn keys_that_correct_a_line_are_no_part_of_it() {
        assert_eq!(typed(b"secret\r").as_deref(), Some("secret"));
        assert_eq!(typed(b"sx\x7fecret\nmore").as_deref(), Some("secret"));
        assert_eq!(typed("s\u{e4}\u{7f}ecret\n".as_bytes()).as_deref(), Some("secret"));
        assert_eq!(typed(b"wrong\x15secret\n").as_deref(), Some("secret"));
        assert_eq!(typed(b"\x7f\x7fa\n").as_deref(), Some("a"));
    }

    #[test]
    fn whoever_gives_up_gives_no_passphrase() {
        for bytes in [&b"secr\x03et\n"[..], b"\x04", b"\n", b"unfinished", b"x\x7f\n"] {
            assert_eq!(typed(bytes), None, "{bytes:?}");
        }
    }
}
