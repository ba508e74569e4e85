//! What in a managed-settings file breaks the private home of pat-exec, lets the agent off its leash, or shuts our
//! accounts out.

use super::schema::{DefaultMode, ManagedSettings, Pattern, Permissions};

/// Something to change in the file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Finding {
    /// Stable id.
    pub(crate) id: &'static str,
    /// What it does, and what to do.
    pub(crate) text: String,
}

/// Returns what is wrong with these settings for a host with these accounts.
pub(super) fn findings(settings: &ManagedSettings, accounts: &[&str]) -> Vec<Finding> {
    let empty = Permissions::default();
    let permissions = settings.permissions.as_ref().unwrap_or(&empty);
    let shut_out = accounts.iter().filter_map(|account| shut_out(permissions, account));
    [connections_file(settings), dangerous(permissions), options_shown(settings)]
        .into_iter()
        .flatten()
        .chain(any_account(permissions))
        .chain(shut_out)
        .collect()
}

fn connections_file(settings: &ManagedSettings) -> Option<Finding> {
    let file = settings.files.as_ref()?.connections_file.as_ref()?;
    let text = format!(
        "files.connectionsFile is {file}: Cortex may then ignore the private SNOWFLAKE_HOME that pat-exec \
         makes, and the token in it; remove it"
    );
    Some(Finding { id: "connections-file", text })
}

fn dangerous(permissions: &Permissions) -> Option<Finding> {
    let text = "permissions.dangerouslyAllowAll is true: every tool runs without a question; set it to false";
    (permissions.dangerously_allow_all == Some(true))
        .then(|| Finding { id: "dangerously-allow-all", text: text.into() })
}

fn options_shown(settings: &ManagedSettings) -> Option<Finding> {
    let hidden = settings.ui.as_ref().and_then(|ui| ui.hide_dangerous_options) == Some(true);
    let text =
        "ui.hideDangerousOptions is not true: a user can switch all questions off; set it to true";
    (!hidden).then(|| Finding { id: "dangerous-options", text: text.into() })
}

fn any_account(permissions: &Permissions) -> Option<Finding> {
    let listed = permissions.only_allow.iter().flatten().any(|p| p.account_glob().is_some());
    let denied = permissions.default_mode == Some(DefaultMode::Deny);
    let text = "permissions.onlyAllow names no account: the agent may be pointed at any account; add account(…)";
    (!listed && !denied).then(|| Finding { id: "any-account", text: text.into() })
}

fn shut_out(permissions: &Permissions, account: &str) -> Option<Finding> {
    let matches = |patterns: &Option<Vec<Pattern>>| {
        let globs = patterns.iter().flatten().filter_map(Pattern::account_glob);
        globs.map(|glob| fits(glob, account)).collect::<Vec<bool>>()
    };
    let (denied, allowed) = (matches(&permissions.deny), matches(&permissions.only_allow));
    let by = if denied.contains(&true) {
        "permissions.deny matches it; narrow that pattern"
    } else if !allowed.is_empty() && !allowed.contains(&true) {
        "permissions.onlyAllow does not name it; add it"
    } else if allowed.is_empty() && permissions.default_mode == Some(DefaultMode::Deny) {
        "permissions.defaultMode is deny and onlyAllow does not name it; add it"
    } else {
        return None;
    };
    Some(Finding { id: "account-shut-out", text: format!("account {account} is shut out: {by}") })
}

/// Returns whether a glob of `*` and `?` matches, whatever the case.
fn fits(glob: &str, text: &str) -> bool {
    let (glob, text): (Vec<char>, Vec<char>) =
        (glob.to_lowercase().chars().collect(), text.to_lowercase().chars().collect());
    // What each prefix of the text needs of the glob so far: one row at a time.
    let mut reached = vec![true];
    reached.resize(text.len() + 1, false);
    for wanted in glob {
        let mut next = Vec::with_capacity(reached.len());
        let mut before = false;
        for (at, &here) in reached.iter().enumerate() {
            let found = at.checked_sub(1).and_then(|last| text.get(last));
            next.push(match wanted {
                '*' => here || next.last().copied().unwrap_or_default(),
                '?' => before,
                literal => before && found == Some(&literal),
            });
            before = here;
        }
        reached = next;
    }
    reached.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn ids(text: &str) -> Vec<&'static str> {
        let settings: ManagedSettings = serde_json::from_str(text).unwrap();
        findings(&settings, &["MYORG-MYACCOUNT"]).iter().map(|finding| finding.id).collect()
    }

    #[test]
    fn good_settings_have_no_finding() {
        let good = r#"{"version":"1.0","permissions":{"onlyAllow":["account(myorg-*)"]},"ui":{"hideDangerousOptions":true}}"#;
        assert_eq!(ids(good), Vec::<&str>::new());
    }

    #[test]
    fn each_way_to_break_the_private_home_or_the_leash_is_found() {
        let with = |more: &str| {
            ids(&format!(r#"{{"version":"1.0","ui":{{"hideDangerousOptions":true}},{more}}}"#))
        };
        let only = r#""permissions":{"onlyAllow":["account(MYORG-MYACCOUNT)"]"#;
        for (more, found) in [
            (
                format!(r#"{only}}},"files":{{"connectionsFile":"/etc/x.toml"}}"#),
                "connections-file",
            ),
            (format!(r#"{only},"dangerouslyAllowAll":true}}"#), "dangerously-allow-all"),
            (format!(r#"{only},"deny":["account(myorg-*)"]}}"#), "account-shut-out"),
            (r#""permissions":{"onlyAllow":["account(other-*)"]}"#.into(), "account-shut-out"),
            (
                r#""permissions":{"onlyAllow":["read"],"defaultMode":"deny"}"#.into(),
                "account-shut-out",
            ),
            (r#""permissions":{"onlyAllow":["read"]}"#.into(), "any-account"),
            (r#""permissions":{}"#.into(), "any-account"),
        ] {
            assert_eq!(with(&more), [found], "{more}");
        }
        let shown = r#"{"version":"1.0","permissions":{"onlyAllow":["account(*)"]}}"#;
        assert_eq!(ids(shown), ["dangerous-options"]);
    }

    #[test]
    fn a_glob_matches_whole_names_whatever_the_case() {
        for (glob, text, fit) in [
            ("myorg-*", "MYORG-MYACCOUNT", true),
            ("*", "", true),
            ("", "", true),
            ("", "A", false),
            ("a?c", "ABC", true),
            ("a?c", "AC", false),
            ("a*b*c", "AXXBYYC", true),
            ("a*b*c", "AXXBYY", false),
            ("myorg", "MYORG-MYACCOUNT", false),
        ] {
            assert_eq!(fits(glob, text), fit, "{glob} {text}");
        }
    }

    /// The plainest definition there is.
    fn slow(glob: &[char], text: &[char]) -> bool {
        match glob.split_first() {
            None => text.is_empty(),
            Some(('*', rest)) => (0..=text.len()).any(|at| slow(rest, &text[at..])),
            Some((wanted, rest)) => text
                .split_first()
                .is_some_and(|(found, more)| ['?', *found].contains(wanted) && slow(rest, more)),
        }
    }

    proptest! {
        #[test]
        fn it_matches_as_the_plain_definition_says(glob in "[ab?*]{0,7}", text in "[ab]{0,7}") {
            let (g, t): (Vec<char>, Vec<char>) = (glob.chars().collect(), text.chars().collect());
            prop_assert_eq!(fits(&glob, &text), slow(&g, &t));
        }
    }
}
