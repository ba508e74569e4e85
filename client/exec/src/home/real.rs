//! The user's real Snowflake directory, found as the clients find it, and only if it is the user's own: what
//! the child leaves behind is written there.

use std::ffi::{OsStr, OsString};
use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use pat_wire::trust::{self, Fault};

use crate::failure::Failure;
use crate::home::files;
use crate::home::record::Record;

/// Returns the real directory, which may not be there yet.
///
/// # Errors
/// HOME is not usable, or what it leads to belongs to somebody else.
pub(crate) fn find(
    variable: impl Fn(&str) -> Option<OsString>,
    uid: u32,
) -> Result<PathBuf, Failure> {
    let directory = locate(variable, uid)?;
    refuse_anothers(&directory, uid)?;
    Ok(directory)
}

/// Makes what is missing of it, and the `cortex/` and `logs/` that clients would otherwise make in the
/// private home.
///
/// # Errors
/// A directory cannot be made.
pub(crate) fn complete(directory: &Path) -> Result<(), Failure> {
    make(directory)?;
    ["cortex", "logs"].into_iter().try_for_each(|name| make(&directory.join(name)))
}

fn locate(variable: impl Fn(&str) -> Option<OsString>, uid: u32) -> Result<PathBuf, Failure> {
    let set = |name| variable(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    let home = set("HOME").filter(|home| home.is_absolute());
    if let Some(named) = set("SNOWFLAKE_HOME") {
        let named = expanded(&named, home.as_deref());
        return Ok(real_of_private(&named, uid).unwrap_or(named));
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
/// nothing may end up in one that is about to go. The record of somebody else's home is not believed.
fn real_of_private(named: &Path, uid: u32) -> Option<PathBuf> {
    let private = named.parent()?;
    let is_one = private.file_name()?.as_encoded_bytes().starts_with(super::PREFIX.as_bytes());
    let is_ours = private.symlink_metadata().is_ok_and(|metadata| metadata.uid() == uid);
    if !is_one || !is_ours || named.file_name() != Some(OsStr::new(super::HOME)) {
        return None;
    }
    Record::read(private).ok().map(|record| record.real)
}

/// Another user's directory is not written to (`su -p`, `sudo -E` keep HOME). Root is stricter with itself:
/// nobody else may be able to put a link in the place of anything on the way there.
fn refuse_anothers(directory: &Path, uid: u32) -> Result<(), Failure> {
    let is_there = directory.symlink_metadata().is_ok();
    let there = if is_there { directory } else { directory.parent().unwrap_or(directory) };
    if uid == ROOT {
        return trust::check_dir(there, &[]).map_err(|at| not_own(&at.path, at.fault));
    }
    match there.metadata() {
        Ok(found) if ![uid, ROOT].contains(&found.uid()) => {
            Err(not_own(there, Fault::Owner(found.uid())))
        }
        // What is missing is told by whoever makes it.
        _ => Ok(()),
    }
}

fn not_own(path: &Path, fault: Fault) -> Failure {
    Failure::own(format!(
        "{}: {fault}; next: set HOME or SNOWFLAKE_HOME to a directory of your own (sudo -H), \
         or run pat-exec as its user",
        path.display()
    ))
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

const ROOT: u32 = 0;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_real_directory_is_found_as_clients_find_it() {
        let dir = tempfile::tempdir().unwrap();
        let home = dir.path();
        let with = |pairs: &[(&str, PathBuf)]| {
            let variable = |name: &str| {
                let pair = pairs.iter().find(|(n, _)| *n == name);
                pair.map(|(_, path)| path.clone().into_os_string())
            };
            locate(variable, own_uid()).unwrap()
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

        let real = found(dir.path(), own_uid()).unwrap();
        complete(&real).unwrap();

        for path in [real.clone(), real.join("cortex"), real.join("logs")] {
            assert_eq!(path.metadata().unwrap().permissions().mode() & 0o7777, 0o700);
        }
    }

    #[test]
    fn without_a_home_there_is_nothing_to_guess() {
        for home in [None, Some(OsString::new()), Some("relative".into())] {
            let variable = |name: &str| home.clone().filter(|_| name == "HOME");

            assert!(locate(variable, own_uid()).unwrap_err().to_string().contains("HOME"));
        }
    }

    #[test]
    fn a_directory_of_somebody_else_is_refused_whether_it_is_there_or_would_be_made() {
        let dir = tempfile::tempdir().unwrap();
        let real = dir.path().join(".snowflake");
        let (user, owner) = give_away(dir.path());

        for _ in ["it is missing", "it is there"] {
            let failure = found(dir.path(), user).unwrap_err().to_string();

            assert!(failure.contains(&format!("belongs to uid {owner}")), "{failure}");
            assert!(failure.contains("next: set HOME"), "{failure}");
            let _ = std::fs::create_dir(&real);
            give_away(&real);
        }
    }

    #[test]
    fn a_directory_of_ones_own_or_of_roots_is_taken() {
        let dir = tempfile::tempdir().unwrap();

        assert_eq!(found(dir.path(), own_uid()), Ok(dir.path().join(".snowflake")));
        // /usr is root's.
        assert_eq!(found(Path::new("/usr"), 4242), Ok("/usr/.snowflake".into()));
    }

    #[test]
    fn root_takes_no_directory_that_others_may_exchange() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join(".snowflake")).unwrap();
        let open = std::os::unix::fs::PermissionsExt::from_mode(0o777);
        std::fs::set_permissions(dir.path(), open).unwrap();

        let failure = found(dir.path(), ROOT).unwrap_err().to_string();

        // For anybody but root the directory's owner is the fault.
        let named = if own_uid() == ROOT { "writable by others" } else { "belongs to uid" };
        assert!(failure.contains(named), "{failure}");
    }

    #[test]
    fn the_record_of_somebody_elses_home_is_not_believed() {
        let dir = tempfile::tempdir().unwrap();
        let private = dir.path().join("pat-exec-1-abc");
        let home = private.join(crate::home::HOME);
        std::fs::create_dir_all(&home).unwrap();
        let record = crate::home::record::tests::record();
        record.write(&private).unwrap();
        let variable = |name: &str| (name == "SNOWFLAKE_HOME").then(|| home.clone().into());

        assert_eq!(locate(variable, own_uid()), Ok(record.real));
        assert_eq!(locate(variable, own_uid() + 1), Ok(home.clone()));
    }

    fn found(home: &Path, uid: u32) -> Result<PathBuf, Failure> {
        find(|name| (name == "HOME").then(|| home.into()), uid)
    }

    fn own_uid() -> u32 {
        nix::unistd::getuid().as_raw()
    }

    /// Returns a user and the other one to whom the path belongs.
    fn give_away(path: &Path) -> (u32, u32) {
        if own_uid() != ROOT {
            return (own_uid() + 1, own_uid());
        }
        nix::unistd::chown(path, Some(4242.into()), None).unwrap();
        (ROOT, 4242)
    }
}
