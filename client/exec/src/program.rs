//! Finding the program that the wrapper becomes, and becoming it.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};

use pat_wire::trust::Program;

use nix::errno::Errno;
use nix::unistd::{AccessFlags, access};

use crate::cli::Command;
use crate::failure::Failure;

/// What the wrapper becomes.
#[derive(Debug)]
pub(crate) enum Executable {
    /// What the caller's PATH led to.
    Found(PathBuf),
    /// One that the entry allows, held open.
    Allowed(Box<Program>),
}

/// Returns the file to execute, found as the shell finds it.
///
/// # Errors
/// 127 if there is none, 126 if there is one that may not be executed.
pub(crate) fn find(program: &OsStr, search: Option<&OsStr>) -> Result<PathBuf, Failure> {
    if program.as_bytes().contains(&b'/') {
        return check(Path::new(program)).map_err(|why| why.failure(program));
    }
    let search = search.unwrap_or(OsStr::new(DEFAULT_SEARCH));
    let mut verdict = Absent::Missing;
    for directory in std::env::split_paths(search) {
        // An empty element is the working directory.
        match check(&Path::new(".").join(directory).join(program)) {
            Ok(path) => return Ok(path),
            Err(Absent::NotExecutable(why)) => verdict = Absent::NotExecutable(why),
            Err(Absent::Missing) => {}
        }
    }
    Err(verdict.failure(program))
}

/// Becomes the program: returns only to say why not.
pub(crate) fn become_program(
    executable: &Executable,
    command: &Command,
    environment: Vec<(OsString, OsString)>,
) -> Failure {
    match executable {
        Executable::Found(file) => become_found(file, command, environment),
        Executable::Allowed(program) => {
            let file = program.executable();
            let mut process = process(&file, &command.program, &environment);
            cannot_run(program.path(), &process.args(&command.args).exec())
        }
    }
}

fn become_found(file: &Path, command: &Command, environment: Vec<(OsString, OsString)>) -> Failure {
    let error = process(file, &command.program, &environment).args(&command.args).exec();
    match error.raw_os_error().map(Errno::from_raw) {
        // A script without an interpreter line is the shell's, as in execvp(3).
        Some(Errno::ENOEXEC) => {
            let shell = Path::new("/bin/sh");
            let mut process = process(shell, shell.as_os_str(), &environment);
            cannot_run(file, &process.arg(file).args(&command.args).exec())
        }
        _ => cannot_run(file, &error),
    }
}

fn process(
    file: &Path,
    name: &OsStr,
    environment: &[(OsString, OsString)],
) -> std::process::Command {
    let mut process = std::process::Command::new(file);
    process.arg0(name).env_clear();
    process.envs(environment.iter().map(|(name, value)| (name, value)));
    process
}

fn cannot_run(file: &Path, error: &std::io::Error) -> Failure {
    Failure::not_executable(format!("cannot run {}: {error}", file.display()))
}

enum Absent {
    Missing,
    NotExecutable(&'static str),
}

impl Absent {
    fn failure(self, program: &OsStr) -> Failure {
        let program = program.display();
        match self {
            Self::Missing => Failure::not_found(format!("{program}: command not found")),
            Self::NotExecutable(why) => Failure::not_executable(format!("{program}: {why}")),
        }
    }
}

fn check(path: &Path) -> Result<PathBuf, Absent> {
    let metadata = match std::fs::metadata(path) {
        Err(error) if error.kind() == std::io::ErrorKind::PermissionDenied => {
            return Err(Absent::NotExecutable("permission denied"));
        }
        other => other.map_err(|_| Absent::Missing)?,
    };
    if metadata.is_dir() {
        return Err(Absent::NotExecutable("is a directory"));
    }
    match access(path, AccessFlags::X_OK) {
        Ok(()) => Ok(path.to_owned()),
        Err(_) => Err(Absent::NotExecutable("permission denied")),
    }
}

/// What execvp(3) uses when there is no PATH.
const DEFAULT_SEARCH: &str = "/usr/local/bin:/bin:/usr/bin";

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;

    #[test]
    fn the_first_executable_on_the_path_is_found() {
        let dir = tempfile::tempdir().unwrap();
        let [plain, good, later] = ["a", "b", "c"].map(|name| dir.path().join(name));
        for (place, mode) in [(&plain, 0o644), (&good, 0o755), (&later, 0o755)] {
            std::fs::create_dir(place).unwrap();
            std::fs::write(place.join("tool"), "").unwrap();
            std::fs::set_permissions(place.join("tool"), PermissionsExt::from_mode(mode)).unwrap();
        }
        let search = std::env::join_paths([&plain, &good, &later]).unwrap();

        assert_eq!(find(OsStr::new("tool"), Some(&search)).unwrap(), good.join("tool"));
        let only_plain = find(OsStr::new("tool"), Some(plain.as_os_str())).unwrap_err();
        assert_eq!(only_plain, Failure::not_executable("tool: permission denied"));
    }

    #[test]
    fn a_missing_program_and_a_directory_are_told_apart() {
        let missing = find(OsStr::new("no-such-tool"), None).unwrap_err();
        let directory = find(OsStr::new("/tmp"), None).unwrap_err();

        assert_eq!(missing, Failure::not_found("no-such-tool: command not found"));
        assert_eq!(directory, Failure::not_executable("/tmp: is a directory"));
    }
}
