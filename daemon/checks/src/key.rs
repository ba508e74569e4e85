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
        Kept::Sealed { path, by } => sealed(id, whose, &path, by),
        Kept::File { path, mode } if mode & 0o077 != 0 => Finding::failed(
            id,
            SUBJECT,
            format!("{whose}: {path} has mode {mode:04o}: others than its owner may use it"),
            format!("chmod 0400 {path}, and replace the key if others had a chance to read it"),
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
            "bring it back from where it is kept, or make a new one: patctl init",
        ),
    })
}

fn sealed(id: Id, whose: &str, path: &str, by: Option<SealedBy>) -> Finding {
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
            "encrypt the disk and keep that file out of backups; on a machine with a TPM (systemd-analyze has-tpm2) seal it again: systemd-creds(1)",
        ),
        Some(SealedBy::Nothing) => Finding::failed(
            id,
            SUBJECT,
            format!("{whose}: {path} is sealed by no key at all: whoever can read it has the key"),
            "seal it again by the host's key or the TPM: systemd-creds(1)",
        ),
        None => Finding::failed(
            id,
            SUBJECT,
            format!(
                "{whose}: {path} is no credential that systemd sealed, as far as its first bytes say"
            ),
            "bring the right file back: patctl init makes it, systemd-creds decrypt opens it",
        ),
    }
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
        let sealed = |by| outcome(Kept::Sealed { path: "/c".into(), by });
        assert_eq!(sealed(Some(SealedBy::Tpm)), Outcome::Ok);
        assert_eq!(sealed(Some(SealedBy::Host)), Outcome::Warning);
        assert_eq!(sealed(Some(SealedBy::Nothing)), Outcome::Failed);
        assert_eq!(sealed(None), Outcome::Failed);
        assert_eq!(outcome(Kept::Keyring("k".into())), Outcome::Warning);
        assert_eq!(outcome(Kept::Missing("/c".into())), Outcome::Failed);
    }

    #[test]
    fn a_key_that_others_may_read_is_worse_than_one_in_the_clear() {
        let file = |mode| outcome(Kept::File { path: "/k".into(), mode });
        assert_eq!(file(0o400), Outcome::Warning);
        assert_eq!(file(0o600), Outcome::Warning);
        for mode in [0o440, 0o604, 0o620] {
            assert_eq!(file(mode), Outcome::Failed, "{mode:o}");
        }
    }

    #[test]
    fn a_key_that_cannot_be_looked_at_is_not_judged() {
        let found = kept(Id::AdminKey, "admin key", Err(Needs::new("root")));
        assert!(matches!(found.outcome, Outcome::NotChecked { .. }));
    }
}
