//! How surely this kernel tells who is at the other end of a socket: as the running daemon found out, or by the
//! kernel's version where the daemon is not asked.

use crate::host::SUBJECT;
use crate::{Finding, Id, Needs};

/// What is known of the kernel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Kernel<'a> {
    /// `uname -r`.
    pub release: &'a str,
    /// The tier and what becomes of passed files, in the words of `patctl status`.
    pub found_out: Option<(&'a str, &'a str)>,
}

/// Judges how peers are identified.
pub fn peer_tier(kernel: &Kernel<'_>) -> Finding {
    let Kernel { release, found_out } = kernel;
    match found_out {
        Some((tier, passed)) => {
            let seen =
                format!("Linux {release}: peers identified by {tier}, passed files {passed}");
            if *tier == "uid-gid" {
                by_number(&seen)
            } else {
                Finding::ok(Id::PeerTier, SUBJECT, seen)
            }
        }
        None => by_version(release),
    }
}

fn by_version(release: &str) -> Finding {
    let seen = format!("Linux {release}, by its version: the daemon was not asked");
    match version(release) {
        Some(version) if version >= (6, 5) => Finding::ok(Id::PeerTier, SUBJECT, seen),
        Some(_) => by_number(&seen),
        None => Finding::unseen(Id::PeerTier, SUBJECT, &Needs::new("a daemon that answers")),
    }
}

/// The kernel has no SO_PEERPIDFD (before Linux 6.5).
fn by_number(seen: &str) -> Finding {
    Finding::warning(
        Id::PeerTier,
        SUBJECT,
        format!(
            "{seen}: uid and gid are certain, a peer's groups and unit are looked up by its number"
        ),
        "Linux 6.5 or later; until then prefer users over groups and units in [access]",
    )
}

fn version(release: &str) -> Option<(u32, u32)> {
    let mut numbers =
        release.split(|c: char| !c.is_ascii_digit()).map(|number| number.parse().ok());
    Some((numbers.next()??, numbers.next()??))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Outcome;

    fn outcome(release: &str, found_out: Option<(&str, &str)>) -> Outcome {
        peer_tier(&Kernel { release, found_out }).outcome
    }

    #[test]
    fn what_the_daemon_found_out_counts_more_than_the_version() {
        assert_eq!(outcome("6.18.44", Some(("uid-gid", "dropped"))), Outcome::Warning);
        assert_eq!(outcome("6.1.0", Some(("pidfd", "dropped"))), Outcome::Ok);
    }

    #[test]
    fn without_the_daemon_the_version_says_what_to_expect() {
        for (release, expected) in [
            ("6.18.44-fc", Outcome::Ok),
            ("6.5.0-1-amd64", Outcome::Ok),
            ("10.0", Outcome::Ok),
            ("6.1.0-56-cloud-amd64", Outcome::Warning),
            ("5.15.153.1-microsoft-standard-WSL2", Outcome::Warning),
        ] {
            assert_eq!(outcome(release, None), expected, "{release}");
        }
        assert!(matches!(outcome("linux", None), Outcome::NotChecked { .. }));
    }
}
