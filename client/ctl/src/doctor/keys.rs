//! Facts about the two keys: which file, its mode, or the first bytes of a sealed one. No key is read.

use std::fs::File;
use std::io::{self, ErrorKind, Read};
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use nix::unistd::geteuid;
use patd_checks::key::{Kept, kept, sealed_by};
use patd_checks::{Fact, Finding, Id, Needs};
use patd_config::{Config, KeySource, host};

use crate::cli::PACKAGED_STATE;
use crate::init::sealed_file;

/// Returns what is to be said of the keys.
pub(super) fn findings(dir: &Path, config: &Fact<Config>) -> Vec<Finding> {
    let config = match config {
        Ok(config) => config,
        Err(needs) => {
            let unseen = |(id, whose)| kept(id, whose, Err(needs.clone()));
            return [(Id::RootKey, "root key"), (Id::AdminKey, "admin key")].map(unseen).into();
        }
    };
    let daemon = daemon(dir);
    let admin = config.accounts.values().map(|account| {
        let whose = format!("admin key of {}", account.name);
        kept(Id::AdminKey, &whose, fact(dir, &account.admin.key, daemon))
    });
    let root = kept(Id::RootKey, "root key", fact(dir, &config.root_key, daemon));
    std::iter::once(root).chain(admin).collect()
}

/// Whom the daemon runs as: the packaged one as the owner of its state, another one as whoever asks. Root may ask about
/// anybody's.
fn daemon(dir: &Path) -> Option<u32> {
    if dir == Path::new(PACKAGED_CONFIG) {
        return std::fs::metadata(PACKAGED_STATE).ok().map(|state| state.uid());
    }
    let caller = geteuid();
    (!caller.is_root()).then_some(caller.as_raw())
}

fn fact(dir: &Path, source: &KeySource, daemon: Option<u32>) -> Fact<Kept> {
    match source {
        KeySource::Keyring(name) => Ok(Kept::Keyring(name.clone())),
        KeySource::File(path) => host::key_file(path, daemon),
        KeySource::SystemdCredential(name) => {
            let path = sealed_file(dir, source);
            let shown = path.display().to_string();
            seen(&path, beginning(&path), |text| {
                let (name, by) = (name.clone(), sealed_by(&text));
                Kept::Sealed { name, path: shown, by }
            })
        }
    }
}

fn seen<T>(path: &Path, found: io::Result<T>, to: impl FnOnce(T) -> Kept) -> Fact<Kept> {
    match found {
        Ok(found) => Ok(to(found)),
        Err(error) if error.kind() == ErrorKind::NotFound => {
            Ok(Kept::Missing(path.display().to_string()))
        }
        Err(error) if error.kind() == ErrorKind::PermissionDenied => Err(Needs::new("root")),
        Err(error) => Err(Needs::new(format!("to read {} ({error})", path.display()))),
    }
}

/// Enough to say by what it is sealed.
fn beginning(path: &Path) -> io::Result<String> {
    let mut text = Vec::new();
    File::open(path)?.take(64).read_to_end(&mut text)?;
    Ok(String::from_utf8_lossy(&text).into_owned())
}

const PACKAGED_CONFIG: &str = "/etc/patd";
