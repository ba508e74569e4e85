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

/// Returns whether a variable is known to have a program run other code than its own, or hand its connections to
/// others: those of the loader and the C library that a setuid program loses too (ld.so(8)), what sudo takes away
/// (`initial_badenv_table` of sudo's env.c) but for what describes terminals and places, and those of common
/// interpreters and libraries. A list of what is known: a program may have others of its own.
pub(crate) fn brings_code(name: &OsStr) -> bool {
    // A shell's function has a name that need not be text.
    let begins = |start: &&str| name.as_encoded_bytes().starts_with(start.as_bytes());
    STARTS.iter().any(begins) || NAMES.iter().any(|known| name == *known)
}

const STARTS: [&str; 8] =
    ["LD_", "_RLD", "DYLD_", "PYTHON", "PERL", "RUBY", "OPENSSL_", "BASH_FUNC_"];
/// Of Node and Bun not all: where their roots of trust are (`NODE_EXTRA_CA_CERTS`) is no code.
const NAMES: [&str; 34] = [
    "BASHOPTS",
    "BASH_ENV",
    "BUN_BE_BUN",
    "BUN_OPTIONS",
    "CDPATH",
    "ELECTRON_RUN_AS_NODE",
    "ENV",
    "FPATH",
    "GCONV_PATH",
    "GETCONF_DIR",
    "GLIBC_TUNABLES",
    "GLOBIGNORE",
    "HOSTALIASES",
    "IFS",
    "JAVA_TOOL_OPTIONS",
    "JDK_JAVA_OPTIONS",
    "LOCALDOMAIN",
    "LOCPATH",
    "MALLOC_TRACE",
    "NIS_PATH",
    "NLSPATH",
    "NODE_OPTIONS",
    "NODE_PATH",
    "NULLCMD",
    "PATH_LOCALE",
    "PS4",
    "READNULLCMD",
    "RESOLV_HOST_CONF",
    "RES_OPTIONS",
    "SHELLOPTS",
    "SSLKEYLOGFILE",
    "TERMPATH",
    "ZDOTDIR",
    "_JAVA_OPTIONS",
];

#[cfg(test)]
mod tests {
    use std::os::unix::ffi::OsStrExt;

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
        let code = "LD_PRELOAD LD_AUDIT PYTHONPATH NODE_OPTIONS BUN_BE_BUN ENV OPENSSL_CONF \
                    OPENSSL_MODULES OPENSSL_ENGINES _JAVA_OPTIONS JDK_JAVA_OPTIONS SSLKEYLOGFILE \
                    BASH_FUNC_x%% RES_OPTIONS NLSPATH TERMPATH";
        for name in code.split_whitespace() {
            assert!(brings_code(OsStr::new(name)), "{name}");
        }
        assert!(brings_code(OsStr::from_bytes(b"BASH_FUNC_\xff%%")));
        let own = "PATH HOME OLD_LD ENVIRONMENT NODE_EXTRA_CA_CERTS SSL_CERT_FILE LANG TERM TZ";
        for name in own.split_whitespace() {
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
