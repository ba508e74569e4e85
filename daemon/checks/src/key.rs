//! How the two keys are kept, and who can get at them: sealed by a TPM, sealed by a key on the same disk, a file, a
//! keyring. Of a sealed file only its first bytes are read, which say by what it was sealed.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

use crate::{Fact, Finding, Id};

/// The subject of these findings.
pub const SUBJECT: &str = "keys";

/// How a key is kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Kept {
    /// A systemd credential: the sealed file, and by what it was sealed.
    Sealed {
        /// The credential's name.
        name: String,
        /// The file.
        path: String,
        /// By what; `None` if the file does not say anything known.
        by: Option<SealedBy>,
    },
    /// A file in the clear.
    File {
        /// The file.
        path: String,
        /// Its mode bits.
        mode: u32,
        /// For what the daemon refuses it, and what to do.
        fault: Option<(String, String)>,
    },
    /// The Secret Service, by its name there.
    Keyring(String),
    /// There is no such file.
    Missing(String),
}

/// What a systemd credential is sealed by.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SealedBy {
    /// The key in /var/lib/systemd/credential.secret.
    Host,
    /// The TPM, alone or with the host's key.
    Tpm,
    /// Nothing: it can be opened anywhere.
    Nothing,
}

/// Returns by what a sealed file was sealed, from its text.
pub fn sealed_by(text: &str) -> Option<SealedBy> {
    let head: String = text.chars().filter(|c| !c.is_whitespace()).take(24).collect();
    let bytes = STANDARD.decode(head).ok()?;
    let id = bytes.get(..16)?;
    KINDS.iter().find(|(known, _)| known == id).map(|(_, by)| *by)
}

/// Judges how a key is kept. `whose` says which, such as "admin key of MYORG-MYACCOUNT".
pub fn kept(id: Id, whose: &str, kept: Fact<Kept>) -> Finding {
    Finding::of(id, SUBJECT, kept, |kept| match kept {
        Kept::Sealed { name, path, by } => sealed(id, whose, &name, &path, by),
        Kept::File { path, mode, .. } if mode & 0o077 != 0 => Finding::failed(
            id,
            SUBJECT,
            format!("{whose}: {path} has mode {mode:04o}: others than its owner may use it"),
            format!("chmod 0400 {path}, and replace the key if others had a chance to read it"),
        ),
        Kept::File { fault: Some((what, next_step)), .. } => Finding::failed(
            id,
            SUBJECT,
            format!("{whose}: {what}: the daemon refuses such a key"),
            next_step,
        ),
        Kept::File { path, .. } => Finding::warning(
            id,
            SUBJECT,
            format!(
                "{whose}: the file {path}: whoever can read this disk, or a backup of it, has the key"
            ),
            "outside of containers and tests keep it as systemd-credential:NAME (patd.toml(5))",
        ),
        Kept::Keyring(name) => Finding::warning(
            id,
            SUBJECT,
            format!(
                "{whose}: Secret Service key \"{name}\": any program of this user can ask for it"
            ),
            "good for one person's daemon only; a system's keeps it as systemd-credential:NAME",
        ),
        Kept::Missing(path) => Finding::failed(
            id,
            SUBJECT,
            format!("{whose}: {path} does not exist"),
            format!("bring it back from its backup; {}", another(id)),
        ),
    })
}

/// How there comes to be another key. What was sealed with a lost root key stays sealed, and init makes no other one
/// beside a store.
fn another(id: Id) -> &'static str {
    if id == Id::RootKey {
        "without one the store cannot be opened, and is given up: patctl rebuild (where there is no store yet: patctl init makes the key)"
    } else {
        "without one patctl init makes another, and says how Snowflake learns of it"
    }
}

fn sealed(id: Id, whose: &str, name: &str, path: &str, by: Option<SealedBy>) -> Finding {
    match by {
        Some(SealedBy::Tpm) => {
            Finding::ok(id, SUBJECT, format!("{whose}: {path}, sealed by this machine's TPM"))
        }
        Some(SealedBy::Host) => Finding::warning(
            id,
            SUBJECT,
            format!(
                "{whose}: {path} is sealed by this host's key alone, which is on a disk too (/var/lib/systemd/credential.secret): a copy of both opens it"
            ),
            format!(
                "encrypt the disk and keep that file out of backups; on a machine with a TPM (systemd-creds has-tpm2) seal it again, as root: {}",
                again(name, path, "host+tpm2")
            ),
        ),
        Some(SealedBy::Nothing) => Finding::failed(
            id,
            SUBJECT,
            format!("{whose}: {path} is sealed by no key at all: whoever can read it has the key"),
            format!(
                "replace the key if others had a chance to read it, or seal it again, as root: {}",
                again(name, path, "auto")
            ),
        ),
        None => Finding::failed(
            id,
            SUBJECT,
            format!(
                "{whose}: {path} is no credential that systemd sealed, as far as its first bytes say"
            ),
            format!(
                "move it aside (mv {path} {path}.wrong), and bring the right one back from its backup; {}",
                another(id)
            ),
        ),
    }
}

/// Opens a credential and seals it anew, and lets the new one in only if it opens. To PCR 16, which nothing that boots a
/// machine writes to: systemd 252 does not open what it sealed to none. Should the TPM be cleared or exchanged, nothing
/// but a backup of the key opens what it sealed.
fn again(name: &str, path: &str, with: &str) -> String {
    let new = format!("{path}.new");
    format!(
        "systemd-creds decrypt --name={name} {path} - | systemd-creds encrypt --with-key={with} --tpm2-pcrs=16 --name={name} - {new} && systemd-creds decrypt --name={name} {new} - >/dev/null && cp -p {path} {path}.old && mv {new} {path}; keep {path}.old until the daemon has started with the new one, and a backup of the key, for a TPM that is cleared opens nothing"
    )
}

/// The kinds of systemd credentials (systemd, src/shared/creds-util.h), "scoped" ones for one user.
const KINDS: [([u8; 16], SealedBy); 9] = [
    (0x5a1c_6a86_df9d_4096_b1d5_a65e_0862_f19a_u128.to_be_bytes(), SealedBy::Host),
    (0x55b9_ed1d_3859_4d43_a831_9d2e_bb33_2ac6_u128.to_be_bytes(), SealedBy::Host),
    (0x0c7c_c07b_1176_4591_9c4b_0bea_08bc_20fe_u128.to_be_bytes(), SealedBy::Tpm),
    (0xfaf7_eb93_41e3_412c_a1a4_36f9_5a29_362f_u128.to_be_bytes(), SealedBy::Tpm),
    (0x93a8_9409_4874_4490_90ca_f2fc_93ca_b553_u128.to_be_bytes(), SealedBy::Tpm),
    (0xef4a_c136_79a9_480e_a7db_6889_7f9f_165d_u128.to_be_bytes(), SealedBy::Tpm),
    (0xaf49_50a8_4913_4eb1_a738_4630_4ff3_0c05_u128.to_be_bytes(), SealedBy::Tpm),
    (0xadbc_4ca3_efb6_4201_ba88_1b6f_2e40_95ea_u128.to_be_bytes(), SealedBy::Tpm),
    (0x0584_69da_f6f5_4324_8005_49da_0f8e_a2fb_u128.to_be_bytes(), SealedBy::Nothing),
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Needs, Outcome};

    fn outcome(of: Kept) -> Outcome {
        kept(Id::RootKey, "root key", Ok(of)).outcome
    }

    fn of_file(by: Option<SealedBy>) -> Kept {
        Kept::Sealed { name: "root-key".into(), path: "/c".into(), by }
    }

    fn next(id: Id, of: Kept) -> String {
        kept(id, "key", Ok(of)).next_step
    }

    #[test]
    fn a_sealed_file_says_by_what() {
        // The beginning of the example in systemd's own documentation (CREDENTIALS.md), sealed by host and TPM.
        assert_eq!(sealed_by("k6iUCUh0RJCQyvL8k8q1UyAAAAABAAAADAAAABAAAAC1"), Some(SealedBy::Tpm));
        // As systemd-creds encrypt --with-key=host writes it.
        assert_eq!(sealed_by("Whxqht+dQJax1aZe\nCGLxmiAAAAABAAAADAAAABAA"), Some(SealedBy::Host));
        assert_eq!(sealed_by("Whxqht"), None);
        assert_eq!(sealed_by("not base64 at all, but long enough"), None);
        for (kind, by) in KINDS {
            let text = STANDARD.encode([&kind[..], &[0; 32]].concat());
            assert_eq!(sealed_by(&format!(" {text}\n")), Some(by));
        }
    }

    #[test]
    fn only_a_tpm_is_as_it_should_be() {
        let sealed = |by| outcome(of_file(by));
        assert_eq!(sealed(Some(SealedBy::Tpm)), Outcome::Ok);
        assert_eq!(sealed(Some(SealedBy::Host)), Outcome::Warning);
        assert_eq!(sealed(Some(SealedBy::Nothing)), Outcome::Failed);
        assert_eq!(sealed(None), Outcome::Failed);
        assert_eq!(outcome(Kept::Keyring("k".into())), Outcome::Warning);
        assert_eq!(outcome(Kept::Missing("/c".into())), Outcome::Failed);
    }

    #[test]
    fn a_key_that_others_may_read_is_worse_than_one_in_the_clear() {
        let file = |mode| outcome(Kept::File { path: "/k".into(), mode, fault: None });
        assert_eq!(file(0o400), Outcome::Warning);
        assert_eq!(file(0o600), Outcome::Warning);
        for mode in [0o440, 0o604, 0o620] {
            assert_eq!(file(mode), Outcome::Failed, "{mode:o}");
        }
    }

    #[test]
    fn a_file_that_the_daemon_refuses_is_no_matter_of_who_reads_the_disk() {
        let fault = Some(("/k belongs to uid 7".to_owned(), "chown 997 /k".to_owned()));
        let file = Kept::File { path: "/k".into(), mode: 0o400, fault };
        let found = kept(Id::RootKey, "root key", Ok(file));
        assert_eq!(found.outcome, Outcome::Failed);
        assert!(found.evidence.contains("/k belongs to uid 7"), "{}", found.evidence);
        assert_eq!(found.next_step, "chown 997 /k");
    }

    #[test]
    fn to_seal_again_is_a_command_that_overwrites_nothing_it_has_not_opened() {
        let next = next(Id::RootKey, of_file(Some(SealedBy::Host)));
        assert!(next.contains("systemd-creds has-tpm2"), "{next}");
        let (made, let_in) =
            next.split_once(" && systemd-creds decrypt --name=root-key /c.new ").unwrap();
        assert!(
            made.contains("encrypt --with-key=host+tpm2 --tpm2-pcrs=16 --name=root-key - /c.new")
        );
        assert!(let_in.contains("cp -p /c /c.old && mv /c.new /c;"), "{let_in}");
    }

    #[test]
    fn no_way_out_is_one_that_init_refuses() {
        let missing = || Kept::Missing("/c".into());
        let root = next(Id::RootKey, missing());
        assert!(root.contains("backup") && root.contains("patctl rebuild"), "{root}");
        assert!(next(Id::AdminKey, missing()).contains("patctl init makes another"));
        for id in [Id::RootKey, Id::AdminKey] {
            assert!(next(id, of_file(None)).starts_with("move it aside (mv /c /c.wrong)"));
        }
    }

    #[test]
    fn a_key_that_cannot_be_looked_at_is_not_judged() {
        let found = kept(Id::AdminKey, "admin key", Err(Needs::new("root")));
        assert!(matches!(found.outcome, Outcome::NotChecked { .. }));
    }
}
