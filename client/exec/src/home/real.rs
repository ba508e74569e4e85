//! The user's real Snowflake directory, found as the clients find it.

use std::ffi::{OsStr, OsString};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use crate::failure::Failure;
use crate::home::files;
use crate::home::record::Record;

/// Returns the real directory, made if there is none, with the `cortex/` and `logs/` that clients would
/// otherwise make in the private home.
///
/// # Errors
/// HOME is not usable, or a directory cannot be made.
pub(crate) fn directory(variable: impl Fn(&str) -> Option<OsString>) -> Result<PathBuf, Failure> {
    let directory = locate(variable)?;
    make(&directory)?;
    for name in ["cortex", "logs"] {
        make(&directory.join(name))?;
    }
    Ok(directory)
}

fn locate(variable: impl Fn(&str) -> Option<OsString>) -> Result<PathBuf, Failure> {
    let set = |name| variable(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let home = set("HOME").filter(|home| home.is_absolute());
    if let Some(named) = set("SNOWFLAKE_HOME") {
        let named = expanded(&named, home.as_deref());
        return Ok(real_of_private(&named).unwrap_or(named));
    }
    let home = home.ok_or_else(|| {
        Failure::own("HOME is not set to an absolute path; next: set HOME, or SNOWFLAKE_HOME")
    })?;
    let default = home.join(".snowflake");
    let config = set("XDG_CONFIG_HOME").filter(|dir| dir.is_absolute());
    let other = config.unwrap_or_else(|| home.join(".config")).join("snowflake");
    Ok(if !default.exists() && other.is_dir() { other } else { default })
}

/// `~/` as Python's expanduser() reads it; a relative path would change its meaning with the directory.
fn expanded(named: &Path, home: Option<&Path>) -> PathBuf {
    match (named.strip_prefix("~"), home) {
        (Ok(below), Some(home)) => home.join(below),
        _ => std::path::absolute(named).unwrap_or_else(|_| named.to_owned()),
    }
}

/// Inside of a command that already runs under pat-exec, the real directory is that of the outer home:
/// nothing may end up in one that is about to go.
fn real_of_private(named: &Path) -> Option<PathBuf> {
    let private = named.parent()?;
    let is_ours = private.file_name()?.as_encoded_bytes().starts_with(super::PREFIX.as_bytes());
    if !is_ours || named.file_name() != Some(OsStr::new(super::HOME)) {
        return None;
    }
    Record::read(private).ok().map(|record| record.real)
}

fn make(directory: &Path) -> Result<(), Failure> {
    match files::make_directory(directory, 0o700) {
        Ok(()) => Ok(()),
        Err(error) if error.kind() == ErrorKind::AlreadyExists => Ok(()),
        Err(error) => {
            Err(Failure::system(format_args!("cannot make {}", directory.display()), error))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_real_directory_is_found_as_clients_find_it() {
        let dir = tempfile::tempdir().unwrap();
        let home = dir.path();
        let with = |pairs: &[(&str, PathBuf)]| {
            locate(|name| {
                pairs
                    .iter()
                    .find(|(n, _)| *n == name)
                    .map(|(_, path)| path.clone().into_os_string())
            })
            .unwrap()
        };
        let only_home = [("HOME", home.to_owned())];

        assert_eq!(with(&only_home), home.join(".snowflake"));
        std::fs::create_dir_all(home.join(".config/snowflake")).unwrap();
        assert_eq!(with(&only_home), home.join(".config/snowflake"));
        std::fs::create_dir_all(home.join(".snowflake")).unwrap();
        assert_eq!(with(&only_home), home.join(".snowflake"));
        let named = |path: &str| [("HOME", home.to_owned()), ("SNOWFLAKE_HOME", path.into())];
        assert_eq!(with(&named("/elsewhere")), Path::new("/elsewhere"));
        assert_eq!(with(&named("~/mine")), home.join("mine"));
    }

    #[test]
    fn an_empty_home_gets_private_directories() {
        use std::os::unix::fs::PermissionsExt;
        let dir = tempfile::tempdir().unwrap();

        let real = directory(|name| (name == "HOME").then(|| dir.path().into())).unwrap();

        for path in [real.clone(), real.join("cortex"), real.join("logs")] {
            assert_eq!(path.metadata().unwrap().permissions().mode() & 0o7777, 0o700);
        }
    }

    #[test]
    fn without_a_home_there_is_nothing_to_guess() {
        for home in [None, Some(OsString::new()), Some("relative".into())] {
            let variable = |name: &str| home.clone().filter(|_| name == "HOME");

            assert!(locate(variable).unwrap_err().to_string().contains("HOME"));
        }
    }
}
