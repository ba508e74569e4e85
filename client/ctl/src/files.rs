//! Files that `patctl` makes: whole or absent, and of a fixed mode. `create` is never over an existing one; `replace` is,
//! for files that are known to be ours.

use std::fs::{DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

use nix::fcntl::OFlag;
use patd_keys::durable;

use crate::answer::{Exit, Failure};

/// Makes a file of mode 0644, durably. Nobody ever sees a part of it, and what is there already stays.
pub(crate) fn create(path: &Path, text: &str) -> Result<(), Failure> {
    let aside = aside(path);
    let made = write_aside(&aside, text, 0o644).and_then(|()| std::fs::hard_link(&aside, path));
    let removed = std::fs::remove_file(&aside);
    match made.and(removed).and_then(|()| durable::sync_dir(parent(path))) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {
            let what = format!("{} exists already, and is never overwritten", path.display());
            Err(Failure::new(Exit::Failed, what, "change it with an editor, or remove it first"))
        }
        made => made.map_err(|error| Failure::io("write", path, &error)),
    }
}

/// Puts a file of mode 0644 in the place of what may be there, durably.
pub(crate) fn replace(path: &Path, text: &str) -> Result<(), Failure> {
    replace_by(path, text, 0o644)
}

/// Puts a file of mode 0600 in the place of what may be there, durably.
pub(crate) fn replace_private(path: &Path, text: &str) -> Result<(), Failure> {
    replace_by(path, text, 0o600)
}

/// Refuses a path that a person named for a file to be written, where there is something else than what `is_one` knows
/// by its beginning: a wrong name must not cost that file. An empty one is nothing yet.
pub(crate) fn refuse_another(
    path: &Path,
    what: &str,
    is_one: impl Fn(&str) -> bool,
) -> Result<(), Failure> {
    let failed = |error: io::Error| Failure::io("look at", path, &error);
    let is_file = match std::fs::metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        found => found.map_err(failed)?.is_file(),
    };
    let mut start = Vec::new();
    if is_file {
        let file = File::open(path).map_err(failed)?;
        file.take(BEGINNING).read_to_end(&mut start).map_err(failed)?;
        if start.is_empty() || is_one(&String::from_utf8_lossy(&start)) {
            return Ok(());
        }
    }
    let what = format!("{} is there already and is no {what}", path.display());
    Err(Failure::new(Exit::Failed, what, "name another file, or remove this one first"))
}

fn replace_by(path: &Path, text: &str, mode: u32) -> Result<(), Failure> {
    let aside = aside(path);
    let made = write_aside(&aside, text, mode).and_then(|()| std::fs::rename(&aside, path));
    let made = made.and_then(|()| durable::sync_dir(parent(path)));
    made.map_err(|error| Failure::io("write", path, &error))
}

/// Makes a directory of this mode, whatever the umask says, if there is none.
pub(crate) fn directory(path: &Path, mode: u32) -> Result<(), Failure> {
    let made = match DirBuilder::new().mode(0o700).create(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => return Ok(()),
        Ok(()) => std::fs::set_permissions(path, Permissions::from_mode(mode)),
        Err(error) => Err(error),
    };
    made.and_then(|()| durable::sync_dir(parent(path)))
        .map_err(|error| Failure::io("make the directory", path, &error))
}

/// Opens a file to lock, made for its owner only. It stays: one that is removed could be locked twice.
pub(crate) fn open_lock(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false).mode(0o600);
    let file = options.custom_flags(OFlag::O_NOFOLLOW.bits()).open(path)?;
    file.set_permissions(Permissions::from_mode(0o600))?;
    Ok(file)
}

/// Removes a file, durably.
pub(crate) fn remove(path: &Path) -> Result<(), Failure> {
    let removed = std::fs::remove_file(path).and_then(|()| durable::sync_dir(parent(path)));
    removed.map_err(|error| Failure::io("remove", path, &error))
}

fn write_aside(path: &Path, text: &str, mode: u32) -> io::Result<()> {
    // Left by a run that was killed; the name has our process id, so nobody else is writing it.
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        Ok(()) | Err(_) => {}
    }
    let mut file: File = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
    file.write_all(text.as_bytes())?;
    file.set_permissions(Permissions::from_mode(mode))?;
    file.sync_all()
}

/// Begins with a dot: a configuration that is read meanwhile leaves it out.
fn aside(path: &Path) -> std::path::PathBuf {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    parent(path).join(format!(".{name}.{}", std::process::id()))
}

fn parent(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

const BEGINNING: u64 = 1024;
