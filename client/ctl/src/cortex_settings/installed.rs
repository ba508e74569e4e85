//! Puts the managed settings where Cortex reads them: whole or not at all, and nowhere that others may write.

use std::path::{Path, PathBuf};

use pat_wire::trust::{self, Fault, Untrusted};

use crate::answer::{Exit, Failure};
use crate::files;

/// Makes the folder if there is none, and the file, in the place of what is there. Returns where that is.
///
/// # Errors
/// When somebody but root and this user could write the file, its folder or one above; then nothing is changed.
pub(super) fn install(path: &Path, text: &str) -> Result<PathBuf, Failure> {
    let path = std::path::absolute(path).map_err(|error| Failure::io("find", path, &error))?;
    let own = [nix::unistd::geteuid().as_raw()];
    let folder = path.parent().unwrap_or(Path::new("/"));
    match trust::check_dir(folder, &own) {
        Err(fault) if fault.fault == Fault::Missing && fault.path == folder => {
            let above = folder.parent().unwrap_or(Path::new("/"));
            trust::check_dir(above, &own).map_err(untrusted)?;
            files::directory(folder, 0o755)?;
        }
        checked => checked.map_err(untrusted)?,
    }
    match trust::open_file(&path, &own) {
        Err(fault) if fault.fault != Fault::Missing => return Err(untrusted(fault)),
        Ok(_) | Err(_) => {}
    }
    files::replace(&path, text)?;
    Ok(path)
}

fn untrusted(fault: Untrusted) -> Failure {
    let what = format!("nothing was written: {}: {}", fault.path.display(), fault.fault);
    Failure::new(Exit::Failed, what, fault.next_step)
}
