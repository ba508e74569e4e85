//! The programs that an entry allows, where it names any: only these run, as root put them there, whatever the caller's
//! PATH, links and variables say. Which they are is told by the broker, to the gated wrapper alone.

use std::ffi::OsStr;
use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use pat_wire::trust::{Fault, Program, Untrusted};

use crate::cli::Command;
use crate::failure::Failure;
use crate::program;

/// Returns the allowed program that the command means: by its file name alone, or by any path that leads to it.
///
/// # Errors
/// It means none of them, or that one is not as root must have put it: nothing is run.
pub(crate) fn chosen(
    targets: &[String],
    command: &Command,
    search: Option<&OsStr>,
) -> Result<Program, Failure> {
    let target = match by_name(targets, &command.program) {
        Some(opened) => opened.map_err(|untrusted| not_trusted(&untrusted))?,
        None => by_file(targets, command, search)?.ok_or_else(|| none_of(targets, command))?,
    };
    if target.is_script() {
        return Err(Failure::not_executable(format!(
            "{}: is a script, and what its interpreter runs is not its file alone; \
             next: ask root to name a program in targets of the connection",
            target.path().display()
        )));
    }
    Ok(target)
}

/// A command without a directory is the first allowed program of that name that is there; PATH is not asked.
fn by_name(targets: &[String], program: &OsStr) -> Option<Result<Program, Untrusted>> {
    let is_meant = |target: &&Path| target.file_name() == Some(program);
    let mut opened = targets.iter().map(Path::new).filter(is_meant).map(Program::open).peekable();
    loop {
        let this = opened.next()?;
        let is_missing = matches!(&this, Err(untrusted) if untrusted.fault == Fault::Missing);
        if !is_missing || opened.peek().is_none() {
            return Some(this);
        }
    }
}

/// Any other command must be found where it says, and be one of these files.
fn by_file(
    targets: &[String],
    command: &Command,
    search: Option<&OsStr>,
) -> Result<Option<Program>, Failure> {
    let found = program::find(&command.program, search)?;
    let Ok(metadata) = std::fs::metadata(&found) else { return Ok(None) };
    for target in targets.iter().map(Path::new) {
        match Program::open(target) {
            Ok(program) if program.is(&metadata) => return Ok(Some(program)),
            // One that is not trusted is no reason to refuse another.
            Err(untrusted) if is_same(target, &metadata) => return Err(not_trusted(&untrusted)),
            Ok(_) | Err(_) => {}
        }
    }
    Ok(None)
}

fn is_same(target: &Path, found: &Metadata) -> bool {
    let target = std::fs::metadata(target);
    target.is_ok_and(|target| (target.dev(), target.ino()) == (found.dev(), found.ino()))
}

fn not_trusted(untrusted: &Untrusted) -> Failure {
    Failure::not_executable(format!("cannot be run with a token: {untrusted}"))
}

fn none_of(targets: &[String], command: &Command) -> Failure {
    Failure::not_executable(format!(
        "{}: this connection runs only {}; next: start one of these",
        command.program.display(),
        targets.join(", ")
    ))
}

/// Returns whether a variable has an allowed program run other code than its own: the loader's, and those of common
/// interpreters (sudoers(5) removes the same).
pub(crate) fn brings_code(name: &OsStr) -> bool {
    let Some(name) = name.to_str() else { return false };
    STARTS.iter().any(|start| name.starts_with(start)) || NAMES.contains(&name)
}

const STARTS: [&str; 6] = ["LD_", "_RLD", "DYLD_", "PYTHON", "PERL", "RUBY"];
/// Of Node and Bun not all: where their roots of trust are (`NODE_EXTRA_CA_CERTS`) is no code.
const NAMES: [&str; 17] = [
    "BASHOPTS",
    "BASH_ENV",
    "BUN_BE_BUN",
    "BUN_OPTIONS",
    "ELECTRON_RUN_AS_NODE",
    "ENV",
    "GCONV_PATH",
    "GLIBC_TUNABLES",
    "GLOBIGNORE",
    "IFS",
    "JAVA_TOOL_OPTIONS",
    "PS4",
    "SHELLOPTS",
    "ZDOTDIR",
    "MALLOC_TRACE",
    "NODE_OPTIONS",
    "NODE_PATH",
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bare_name_is_the_allowed_program_of_that_name_and_nothing_on_the_path() {
        let targets = ["/no/a/cortex", "/no/b/cortex", "/bin/x/snow"].map(str::to_owned);

        let missing = by_name(&targets, OsStr::new("cortex")).unwrap().unwrap_err();
        assert_eq!(missing.fault, Fault::Missing);
        for other in ["./cortex", "/usr/bin/cortex", "cortex2", ""] {
            assert!(by_name(&targets, OsStr::new(other)).is_none(), "{other}");
        }
    }

    #[test]
    fn variables_that_bring_code_are_told_from_those_that_do_not() {
        for name in ["LD_PRELOAD", "LD_AUDIT", "PYTHONPATH", "NODE_OPTIONS", "BUN_BE_BUN", "ENV"] {
            assert!(brings_code(OsStr::new(name)), "{name}");
        }
        for name in ["PATH", "HOME", "OLD_LD", "ENVIRONMENT", "NODE_EXTRA_CA_CERTS", "LANG"] {
            assert!(!brings_code(OsStr::new(name)), "{name}");
        }
    }

    #[test]
    fn a_command_that_is_none_of_them_is_told_what_there_is() {
        let command = Command { program: "/bin/sh".into(), args: Vec::new() };

        let failure = chosen(&["/opt/a/cortex".to_owned()], &command, None).unwrap_err();

        let expected = "/bin/sh: this connection runs only /opt/a/cortex; next: start one of these";
        assert_eq!(failure, Failure::not_executable(expected));
    }
}
