//! The two keys: made once, kept where the configuration says, never overwritten. A public key is written
//! before its private half is kept: so wherever there is a private key, its public half is known.

use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use nix::unistd::{Uid, geteuid};
use pat_wire::secret::Secret;
use patd_config::{AccountConfig, Config, KeySource};
use patd_keys::{KeyFault, RootKey};
use patd_snowflake::key::SigningKey;

use crate::answer::{Exit, Failure};
use crate::files;
use crate::init::{Done, State};
use crate::public_key::{self, PublicKey};

/// Makes the key of the store, unless there is one.
pub(super) fn root_key(
    dir: &Path,
    config: &Config,
    state: &State,
    daemon: u32,
    done: &mut Done,
) -> Result<(), Failure> {
    let label = format!("root key: {}", patd_keys::label(&config.root_key));
    if is_there(dir, &config.root_key)? {
        readable(&config.root_key, daemon)?;
        done.kept.push(label);
        return Ok(());
    }
    if state.holds_store() {
        let what = format!(
            "there is a store, and its key is gone ({})",
            patd_keys::label(&config.root_key)
        );
        let next_step = "bring the key back, or give the store up: patctl rebuild";
        return Err(Failure::new(Exit::Failed, what, next_step));
    }
    keep(dir, &config.root_key, &RootKey::generate()?.to_text(), daemon)?;
    done.made.push(label);
    Ok(())
}

/// Makes the admin key of each account, unless there is one. Returns the public keys.
pub(super) fn admin_keys(
    dir: &Path,
    config: &Config,
    daemon: u32,
    done: &mut Done,
) -> Result<Vec<PublicKey>, Failure> {
    let only = config.accounts.len() == 1;
    let key = |account: &AccountConfig| {
        let public = public_key::path(dir, &account.name, only);
        admin_key(dir, account, &public, daemon, done)
    };
    config.accounts.values().map(key).collect()
}

fn admin_key(
    dir: &Path,
    account: &AccountConfig,
    public: &Path,
    daemon: u32,
    done: &mut Done,
) -> Result<PublicKey, Failure> {
    let label = format!("admin key of {}: {}", account.name, patd_keys::label(&account.admin.key));
    if is_there(dir, &account.admin.key)? {
        readable(&account.admin.key, daemon)?;
        let key = public_half(&account.admin.key, public)?;
        done.kept.push(label);
        return Ok(key);
    }
    let (key, private) = SigningKey::generate().map_err(not_made)?;
    let key = PublicKey::parse(&key.public_key_body()).ok_or_else(no_public_half)?;
    files::replace(public, &key.pem())?;
    keep(dir, &account.admin.key, &private, daemon)?;
    done.made.push(label);
    done.made.push(format!("{}: its public half", public.display()));
    Ok(key)
}

/// Returns the public half of a key that is there: from its file, else from the key itself.
fn public_half(source: &KeySource, public: &Path) -> Result<PublicKey, Failure> {
    if std::fs::symlink_metadata(public).is_ok() {
        return PublicKey::read(public);
    }
    let private = patd_keys::read(source, None).map_err(|error| {
        let what = format!(
            "{} is missing, and the private key cannot be read here: {}",
            public.display(),
            error.what
        );
        Failure::new(Exit::Failed, what, "bring the public key's file back")
    })?;
    let key = SigningKey::from_pem(private.expose().as_bytes(), None).map_err(not_made)?;
    let key = PublicKey::parse(&key.public_key_body()).ok_or_else(no_public_half)?;
    files::replace(public, &key.pem())?;
    Ok(key)
}

fn is_there(dir: &Path, source: &KeySource) -> Result<bool, Failure> {
    let path = match source {
        KeySource::File(path) => path.clone(),
        KeySource::SystemdCredential(name) => sealed(dir, name),
        KeySource::Keyring(_) => {
            return match patd_keys::read(source, None) {
                Ok(_) => Ok(true),
                Err(error) if error.fault == KeyFault::Absent => Ok(false),
                Err(error) => Err(error.into()),
            };
        }
    };
    path.try_exists().map_err(|error| Failure::io("look at", &path, &error))
}

fn keep(dir: &Path, source: &KeySource, key: &Secret, daemon: u32) -> Result<(), Failure> {
    match source {
        KeySource::SystemdCredential(name) => {
            let out = sealed(dir, name);
            files::directory(&dir.join(SEALED), 0o700)?;
            patd_keys::store(source, key, Some(&out))?;
        }
        KeySource::Keyring(_) => patd_keys::store(source, key, None)?,
        KeySource::File(path) => {
            patd_keys::store(source, key, None)?;
            give(path, daemon)?;
        }
    }
    Ok(())
}

/// A key in a file must be readable for whom the daemon runs as, and for nobody else.
fn give(path: &Path, daemon: u32) -> Result<(), Failure> {
    if geteuid().as_raw() == daemon {
        return Ok(());
    }
    nix::unistd::chown(path, Some(Uid::from_raw(daemon)), None)
        .map_err(|errno| Failure::io("give to the daemon's user", path, &errno.into()))
}

/// A key file that somebody else put there is left as it is, and said to be of no use.
fn readable(source: &KeySource, daemon: u32) -> Result<(), Failure> {
    let KeySource::File(path) = source else { return Ok(()) };
    let metadata = std::fs::metadata(path).map_err(|error| Failure::io("look at", path, &error))?;
    if metadata.uid() == daemon {
        return Ok(());
    }
    let shown = path.display();
    let what =
        format!("{shown} belongs to uid {}, and the daemon runs as uid {daemon}", metadata.uid());
    Err(Failure::new(
        Exit::Failed,
        what,
        format!("look at what it is, then: chown {daemon} {shown}"),
    ))
}

/// Where the sealed file of a source is; unused by all but systemd credentials.
pub(crate) fn sealed_file(dir: &Path, source: &KeySource) -> PathBuf {
    match source {
        KeySource::SystemdCredential(name) => sealed(dir, name),
        KeySource::File(_) | KeySource::Keyring(_) => PathBuf::new(),
    }
}

/// Where the unit's LoadCredentialEncrypted= looks.
fn sealed(dir: &Path, name: &str) -> PathBuf {
    dir.join(SEALED).join(format!("{name}.cred"))
}

fn not_made(error: patd_snowflake::key::KeyError) -> Failure {
    Failure::new(Exit::Failed, format!("admin key: {error}"), "")
}

fn no_public_half() -> Failure {
    Failure::new(Exit::Failed, "the crypto library gave no public key", "try again")
}

const SEALED: &str = "credentials";
