//! `systemd-credential:NAME`: what systemd unsealed for this service (LoadCredentialEncrypted=), and how
//! `patctl` seals and opens one.

use std::fs::File;
use std::io::{self, Write as _};
use std::os::fd::OwnedFd;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use pat_wire::secret::Secret;
use pat_wire::trust;

use crate::error::{KeyError, KeyFault};
use crate::{durable, file};

/// Returns the credential's text. Owner and mode are systemd's business: since version 255 the file is root's
/// with mode 0440 and an ACL for the service, and demanding 0400 would refuse it.
pub(crate) fn read(name: &str, credentials: Option<&Path>) -> Result<Secret, KeyError> {
    let folder = credentials.ok_or_else(|| no_folder(name))?;
    let path = folder.join(checked(name)?);
    let opened = trust::open_no_follow(&path).and_then(|file| Ok((file.metadata()?, file)));
    match opened {
        Ok((meta, file)) if meta.is_file() => {
            let text = file::text_of(file, &path)?;
            if text.expose() == ABSENT { Err(absent(name, folder)) } else { Ok(text) }
        }
        Ok(_) => Err(absent(name, folder)),
        Err(why) => Err(absent(name, folder).caused_by(why)),
    }
}

/// Seals the key with this machine's TPM and host key, or with the host key where there is no TPM, as systemd
/// chooses, into a new file. What is written there was opened again first.
pub(crate) fn seal(name: &str, key: &Secret, out: &Path) -> Result<(), KeyError> {
    seal_with(|| Command::new("systemd-creds"), name, key, out)
}

fn seal_with(
    creds: impl Fn() -> Command,
    name: &str,
    key: &Secret,
    out: &Path,
) -> Result<(), KeyError> {
    let name = checked(name)?;
    let mut refusal = None;
    for pcrs in [NO_PCR, DEBUG_PCR] {
        let sealed = sealed_to(creds(), pcrs, name, key)?;
        match opened_again(creds(), name, &sealed) {
            Ok(opened) if opened.expose() == key.expose() => {
                return durable::create(out, &sealed, 0o600)
                    .map(drop)
                    .map_err(|why| file::unwritten(out, why));
            }
            Ok(_) => refusal = Some(unsealed(name, "it opens as something else")),
            Err(why) => refusal = Some(why),
        }
    }
    Err(refusal.unwrap_or_else(|| unsealed(name, "")))
}

fn sealed_to(
    mut creds: Command,
    pcrs: &str,
    name: &str,
    key: &Secret,
) -> Result<Vec<u8>, KeyError> {
    creds.args(["encrypt", pcrs]).arg(format!("--name={name}")).args(["-", "-"]);
    let mut child = started(&mut creds).map_err(|why| unsealed(name, "").caused_by(why))?;
    // On standard input: argv and environment are visible to others.
    let fed = feed(&mut child, key.expose().as_bytes());
    let sealed = child.wait_with_output().and_then(|output| fed.map(|()| output));
    let sealed = sealed.map_err(|why| unsealed(name, "").caused_by(why))?;
    if sealed.status.success() && !sealed.stdout.is_empty() {
        return Ok(sealed.stdout);
    }
    Err(unsealed(name, String::from_utf8_lossy(&sealed.stderr).trim()))
}

fn opened_again(mut creds: Command, name: &str, sealed: &[u8]) -> Result<Secret, KeyError> {
    let said = |said: &str| unsealed(name, &format!("what it sealed it cannot open: {said}"));
    creds.arg("decrypt").arg(format!("--name={name}")).args(["-", "-"]);
    let mut child = started(&mut creds).map_err(|why| said("").caused_by(why))?;
    feed(&mut child, sealed).map_err(|why| said("").caused_by(why))?;
    key_of(child, Path::new("-"), said)
}

/// Opens a sealed file: what root does, without the service.
pub(crate) fn unseal(name: &str, sealed: &Path) -> Result<Secret, KeyError> {
    unseal_with(Command::new("systemd-creds"), name, sealed)
}

fn unseal_with(mut creds: Command, name: &str, sealed: &Path) -> Result<Secret, KeyError> {
    let name = checked(name)?;
    if !sealed.try_exists().map_err(|why| not_opened(sealed, "").caused_by(why))? {
        let what = format!("no sealed key {}", sealed.display());
        return Err(KeyError::new(KeyFault::Absent, what, "make one with: patctl init"));
    }
    creds.arg("decrypt").arg(format!("--name={name}")).arg(sealed).arg("-");
    let child = started(&mut creds).map_err(|why| not_opened(sealed, "").caused_by(why))?;
    key_of(child, sealed, |said| not_opened(sealed, said))
}

fn started(command: &mut Command) -> io::Result<Child> {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn()
}

/// Gives a child all of its standard input. One that ends without reading it says why by its end.
fn feed(child: &mut Child, bytes: &[u8]) -> io::Result<()> {
    match child.stdin.take().map_or(Ok(()), |mut stdin| stdin.write_all(bytes)) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        fed => fed,
    }
}

/// Returns the key that a child prints, from memory that is wiped.
fn key_of(
    mut child: Child,
    path: &Path,
    refusal: impl Fn(&str) -> KeyError,
) -> Result<Secret, KeyError> {
    drop(child.stdin.take());
    let key = child.stdout.take().map(|out| file::text_of(File::from(OwnedFd::from(out)), path));
    let ended = child.wait_with_output().map_err(|why| refusal("").caused_by(why))?;
    match key {
        Some(key) if ended.status.success() => key,
        Some(_) | None => Err(refusal(String::from_utf8_lossy(&ended.stderr).trim())),
    }
}

/// Returns the name if it is one systemd accepts, and so cannot leave the folder.
fn checked(name: &str) -> Result<&str, KeyError> {
    let plain = name.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'/' && byte != b':');
    if plain && !["", ".", ".."].contains(&name) && name.len() <= LONGEST_NAME {
        return Ok(name);
    }
    Err(KeyError::new(
        KeyFault::Malformed,
        format!("{name:?} cannot be the name of a systemd credential"),
        "use letters, digits, hyphens and dots, without a slash",
    ))
}

fn no_folder(name: &str) -> KeyError {
    KeyError::new(
        KeyFault::Unavailable,
        format!("systemd gave this process no credentials, so there is no \"{name}\""),
        "start it as a service: systemctl start patd (elsewhere use file: or keyring:)",
    )
}

fn absent(name: &str, folder: &Path) -> KeyError {
    KeyError::new(
        KeyFault::Absent,
        format!("no systemd credential \"{name}\" in {}", folder.display()),
        format!(
            "check LoadCredentialEncrypted={name}:/etc/patd/credentials/{name}.cred in the unit, and that file (patctl init makes it)"
        ),
    )
}

fn unsealed(name: &str, said: &str) -> KeyError {
    let said = if said.is_empty() { String::new() } else { format!(": {said}") };
    KeyError::new(
        KeyFault::Unavailable,
        format!("systemd-creds did not seal \"{name}\"{said}"),
        "run as root on a host with systemd 250 or newer, or use file: for a container",
    )
}

fn not_opened(sealed: &Path, said: &str) -> KeyError {
    let said = if said.is_empty() { String::new() } else { format!(": {said}") };
    KeyError::new(
        KeyFault::Unavailable,
        format!("systemd-creds did not open {}{said}", sealed.display()),
        "run as root on the host that sealed it",
    )
}

const LONGEST_NAME: usize = 255;
/// systemd's own choice is PCR 7, and an update of the revoked boot loaders would take the keys away.
const NO_PCR: &str = "--tpm2-pcrs=";
/// systemd 252 seals to no PCR and then refuses to open that ("TPM2 PCR bank invalid or not supported"). This one is for
/// debugging: nothing that boots a machine writes to it, so being bound to it is being bound to none.
const DEBUG_PCR: &str = "--tpm2-pcrs=16";
/// What the unit's SetCredential= puts in the place of a missing file. Without it systemd would not start the
/// daemon at all, and nobody would say what to do.
const ABSENT: &str = "absent";

#[cfg(test)]
mod tests {
    use std::fs;
    use std::os::unix::fs::PermissionsExt as _;
    use std::path::PathBuf;

    use tempfile::TempDir;

    use super::*;
    use crate::skip::skip;

    /// A `systemd-creds` that does this instead.
    fn pretender(folder: &TempDir, script: &str) -> Command {
        let path = folder.path().join("systemd-creds");
        fs::write(&path, script).unwrap();
        let mut shell = Command::new("sh");
        shell.arg(path);
        shell
    }

    /// Seals a key by a `systemd-creds` that does this instead.
    fn sealed(folder: &TempDir, script: &str, key: &str, out: &Path) -> Result<(), KeyError> {
        let key = Secret::new(key.to_owned());
        seal_with(|| pretender(folder, script), "root-key", &key, out)
    }

    #[test]
    fn systemd_seals_a_key_under_its_name_and_only_under_that() {
        let folder = TempDir::new().unwrap();
        let own_host_key = folder.path().join("host.key");
        let creds = |arguments: &[&str]| {
            let mut command = Command::new("systemd-creds");
            // A host key of this test's own: nothing is left on the machine.
            command.env("SYSTEMD_CREDENTIAL_SECRET", &own_host_key).args(arguments);
            command
        };
        if !usable(creds(&["--version"])) || !usable(creds(&["setup"])) {
            return skip("systemd-creds", "needs systemd 250 or newer, as root");
        }
        let out = folder.path().join("root-key.cred");

        seal_with(|| creds(&[]), "root-key", &Secret::new("the key".to_owned()), &out).unwrap();

        assert_eq!(fs::metadata(&out).unwrap().permissions().mode() & 0o777, 0o600);
        let opened = |name: &str| {
            let name = format!("--name={name}");
            creds(&["decrypt", &name]).arg(&out).arg("-").output().unwrap()
        };
        assert_eq!(opened("root-key").stdout, b"the key");
        assert!(!opened("another").status.success());
    }

    #[test]
    fn what_was_sealed_is_opened_and_a_refusal_gives_no_key() {
        let folder = TempDir::new().unwrap();
        let sealed = folder.path().join("admin-key.cred");

        let open = |script: &str| {
            unseal_with(pretender(&folder, script), "admin-key", &sealed)
                .map(|key| key.expose().to_owned())
        };
        let absent = open("echo key").unwrap_err();
        fs::write(&sealed, "the key").unwrap();
        let opened = open("[ \"$1 $2 $4\" = 'decrypt --name=admin-key -' ] && cat \"$3\"");
        let refused = open("cat \"$3\"; echo wrong host >&2; exit 1").unwrap_err();

        assert_eq!(absent.fault, KeyFault::Absent);
        assert_eq!(opened.unwrap(), "the key");
        assert_eq!(refused.fault, KeyFault::Unavailable);
        assert!(refused.what.ends_with("wrong host"), "{refused}");
    }

    #[test]
    fn the_units_stand_in_for_a_missing_file_is_no_key() {
        let folder = TempDir::new().unwrap();
        fs::write(folder.path().join("root-key"), "absent").unwrap();

        let refusal = read("root-key", Some(folder.path())).map(drop).unwrap_err();

        assert_eq!(refusal.fault, KeyFault::Absent);
        let unit = include_str!("../../../systemd/patd.service");
        assert!(unit.contains("\nSetCredential=root-key:absent\nSetCredential=admin-key:absent\n"));
    }

    #[test]
    fn the_key_is_given_on_standard_input_only() {
        let folder = TempDir::new().unwrap();
        let out = folder.path().join("out.cred");
        let script = "[ $1 = decrypt ] && exec printf K3Y; echo \"$@\"; env; echo stdin: $(cat)";

        sealed(&folder, script, "K3Y", &out).unwrap();

        let seen = fs::read_to_string(&out).unwrap();
        assert!(seen.starts_with("encrypt --tpm2-pcrs= --name=root-key - -\n"), "{seen}");
        assert!(seen.ends_with("stdin: K3Y\n"), "{seen}");
        assert_eq!(seen.matches("K3Y").count(), 1);
    }

    #[test]
    fn what_does_not_open_again_is_sealed_to_a_register_that_nothing_writes_to() {
        let folder = TempDir::new().unwrap();
        let out = folder.path().join("out.cred");
        // As systemd 252 does with a TPM.
        let script = "if [ $1 = encrypt ]; then echo \"$2\"; cat; exit; fi
            read -r pcrs; [ \"$pcrs\" = --tpm2-pcrs=16 ] && exec cat
            echo 'TPM2 PCR bank invalid or not supported' >&2; exit 1";

        sealed(&folder, script, "K3Y", &out).unwrap();

        assert_eq!(fs::read_to_string(&out).unwrap(), "--tpm2-pcrs=16\nK3Y");
    }

    #[test]
    fn what_opens_as_something_else_or_not_at_all_is_not_kept() {
        let folder = TempDir::new().unwrap();
        let out = folder.path().join("out.cred");
        for (script, said) in [
            ("cat; echo and more", "it opens as something else"),
            (
                "[ $1 = encrypt ] && exec cat; echo broken chip >&2; exit 1",
                "cannot open: broken chip",
            ),
        ] {
            let refusal = sealed(&folder, script, "K3Y", &out).unwrap_err();

            assert_eq!(refusal.fault, KeyFault::Unavailable);
            assert!(refusal.what.ends_with(said), "{refusal}");
            assert!(!out.exists());
        }
    }

    #[test]
    fn a_failed_sealing_says_what_systemd_said_and_leaves_no_file() {
        let folder = TempDir::new().unwrap();
        let out = folder.path().join("out.cred");
        for script in ["cat >/dev/null; echo no TPM here >&2; exit 1", "cat >/dev/null"] {
            let refusal = sealed(&folder, script, "key", &out).unwrap_err();

            assert_eq!(refusal.fault, KeyFault::Unavailable);
            assert!(!out.exists());
            assert_eq!(script.contains("TPM"), refusal.what.contains("no TPM here"), "{refusal}");
        }
    }

    #[test]
    fn a_sealed_key_is_never_overwritten() {
        let folder = TempDir::new().unwrap();
        let out: PathBuf = folder.path().join("out.cred");
        fs::write(&out, "kept").unwrap();

        let refusal = sealed(&folder, "cat", "key", &out).unwrap_err();

        assert_eq!(refusal.fault, KeyFault::Exists);
        assert_eq!(fs::read(&out).unwrap(), b"kept");
    }

    fn usable(mut command: Command) -> bool {
        command.output().is_ok_and(|output| output.status.success())
    }
}
