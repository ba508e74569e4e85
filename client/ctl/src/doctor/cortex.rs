//! Cortex's managed settings, which may override the private home: judged as `cortex-settings --check` does.

use std::io::ErrorKind;
use std::path::Path;

use patd_checks::{Fact, Finding, Id, Needs};
use patd_config::Config;

use crate::cli::CORTEX_SETTINGS;
use crate::cortex_settings::{self, Finding as Found};

const SUBJECT: &str = "Cortex";

/// Returns what is to be said of the managed settings in force, which are root's.
pub(super) fn findings(config: &Fact<Config>) -> Vec<Finding> {
    of_file(Path::new(CORTEX_SETTINGS), &[], config)
}

/// Of a file that root or one of these must own.
fn of_file(file: &Path, owners: &[u32], config: &Fact<Config>) -> Vec<Finding> {
    let shown = file.display().to_string();
    let text = match std::fs::read_to_string(file) {
        Ok(text) => text,
        Err(error) if error.kind() == ErrorKind::NotFound => {
            let seen = format!("no {shown}: nothing overrides the private home");
            return vec![Finding::ok(Id::CortexSettings, SUBJECT, seen)];
        }
        Err(error) => {
            let needs = Needs::new(format!("to read {shown} ({error})"));
            return vec![Finding::unseen(Id::CortexSettings, SUBJECT, &needs)];
        }
    };
    let accounts =
        config.as_ref().map(|config| config.accounts.keys().map(|name| name.as_str()).collect());
    let accounts: Vec<&str> = accounts.unwrap_or_default();
    judged(&shown, &cortex_settings::found_in(file, owners, &text, &accounts))
}

/// What takes the token away from Cortex, or shuts it out, is a failure; a loose leash is a warning.
fn judged(file: &str, found: &[Found]) -> Vec<Finding> {
    if found.is_empty() {
        let seen = format!("{file}: the private home counts and the dangerous options are off");
        return vec![Finding::ok(Id::CortexSettings, SUBJECT, seen)];
    }
    let one = |found: &Found| {
        let what = format!("{file}: {}: {}", found.id, found.text);
        let next = "as root: patctl cortex-settings prints good ones; patctl cortex-settings --check looks again";
        match BREAKING.contains(&found.id) {
            true => Finding::failed(Id::CortexSettings, SUBJECT, what, next),
            false => Finding::warning(Id::CortexSettings, SUBJECT, what, next),
        }
    };
    found.iter().map(one).collect()
}

const BREAKING: [&str; 4] = ["connections-file", "account-shut-out", "schema", "writable"];

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use nix::unistd::{Uid, chown, geteuid};
    use patd_checks::Outcome;

    use super::*;

    fn found(text: &str, make: impl FnOnce(&Path), owners: &[u32]) -> Vec<Finding> {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("managed-settings.json");
        std::fs::write(&file, text).unwrap();
        make(&file);
        of_file(&file, owners, &Err(Needs::new("root")))
    }

    fn outcomes(text: &str) -> Vec<Outcome> {
        let found = found(text, |_| {}, &[geteuid().as_raw()]);
        found.into_iter().map(|found| found.outcome).collect()
    }

    const GOOD: &str = r#"{"version":"1.0","ui":{"hideDangerousOptions":true},"permissions":{"onlyAllow":["account(*)"]}}"#;

    #[test]
    fn settings_of_another_user_or_in_a_folder_that_others_may_write_protect_nothing() {
        let own = [geteuid().as_raw()];
        let open = |file: &Path| {
            let folder = file.parent().unwrap();
            std::fs::set_permissions(folder, PermissionsExt::from_mode(0o777)).unwrap();
        };
        let [folder] = found(GOOD, open, &own).try_into().unwrap();
        assert_eq!(folder.outcome, Outcome::Failed);
        assert!(folder.evidence.contains("is writable by others"), "{folder:?}");
        if !geteuid().is_root() {
            return;
        }
        let given = |file: &Path| chown(file, Some(Uid::from_raw(1001)), None).unwrap();
        let [others] = found(GOOD, given, &[]).try_into().unwrap();
        assert_eq!(others.outcome, Outcome::Failed);
        assert!(others.evidence.contains("belongs to uid 1001"), "{others:?}");
        let [roots] = found(GOOD, |_| {}, &[]).try_into().unwrap();
        assert_eq!(roots.outcome, Outcome::Ok, "{roots:?}");
    }

    #[test]
    fn settings_that_override_the_private_home_fail_and_a_loose_leash_warns() {
        let with = |more: &str| {
            format!(
                r#"{{"version":"1.0","ui":{{"hideDangerousOptions":true}},"permissions":{{"onlyAllow":["account(*)"]}}{more}}}"#
            )
        };
        assert_eq!(outcomes(&with("")), [Outcome::Ok]);
        assert_eq!(
            outcomes(&with(r#","files":{"connectionsFile":"/etc/x.toml"}"#)),
            [Outcome::Failed]
        );
        assert_eq!(outcomes("{}"), [Outcome::Failed]);
        let loose = r#"{"version":"1.0","permissions":{"onlyAllow":["account(*)"]}}"#;
        assert_eq!(outcomes(loose), [Outcome::Warning]);
    }

    #[test]
    fn without_managed_settings_nothing_is_overridden() {
        let found =
            of_file(Path::new("/nonexistent/managed-settings.json"), &[], &Err(Needs::new("root")));
        assert_eq!(found[0].outcome, Outcome::Ok);
    }
}
