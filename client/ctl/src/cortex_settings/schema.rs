//! The documented schema of Cortex managed settings (snowflake docs: cortex-code/managed-settings), and nothing else:
//! an unknown key puts the CLI into its restricted mode, so it must not leave here.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The whole file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct ManagedSettings {
    pub(super) version: Version,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) permissions: Option<Permissions>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) settings: Option<Forced>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) required: Option<Required>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) defaults: Option<Defaults>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) files: Option<Files>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) ui: Option<Ui>,
}

/// The version of the schema.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum Version {
    #[serde(rename = "1.0")]
    One,
}

/// What the CLI may use. `deny` wins; a miss in `onlyAllow` is a no for things of the listed types.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Permissions {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) only_allow: Option<Vec<Pattern>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) deny: Option<Vec<Pattern>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) default_mode: Option<DefaultMode>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) dangerously_allow_all: Option<bool>,
}

/// What becomes of things no pattern matches.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(super) enum DefaultMode {
    Allow,
    Deny,
}

/// What the user cannot change.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Forced {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    force_no_history_mode: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    force_sandbox_enabled: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    force_sandbox_mode: Option<SandboxMode>,
}

/// How the sandbox asks.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
enum SandboxMode {
    Regular,
    AutoAllow,
}

/// What the CLI must be.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Required {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) minimum_version: Option<Semver>,
}

/// What the user may override.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Defaults {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    connection_name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    profile_name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    theme: Option<String>,
}

/// Files that count in addition to, or instead of, the user's own.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Files {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) connections_file: Option<AbsolutePath>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    mcp_file: Option<AbsolutePath>,
}

/// What the user sees.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
pub(super) struct Ui {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) show_managed_banner: Option<bool>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) banner_text: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) hide_dangerous_options: Option<bool>,
}

macro_rules! checked_text {
    ($(#[$doc:meta])* $name:ident, $rule:expr) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub(super) struct $name(String);

        impl TryFrom<String> for $name {
            type Error = String;

            fn try_from(text: String) -> Result<Self, String> {
                let rule: fn(&str) -> Result<(), &'static str> = $rule;
                match rule(&text) {
                    Ok(()) => Ok(Self(text)),
                    Err(wanted) => Err(format!("{text:?} is not {wanted}")),
                }
            }
        }

        impl From<$name> for String {
            fn from(checked: $name) -> Self {
                checked.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

checked_text!(
    /// A tool by name, or things of a type: `bash`, `bash(git:*)`, `account(myorg-*)`.
    Pattern, pattern
);
checked_text!(
    /// `1.2.3`, with what semver allows behind it.
    Semver, semver
);
checked_text!(
    /// A path from the root.
    AbsolutePath, absolute
);

impl Pattern {
    /// Returns the pattern for one account.
    pub(super) fn account(name: &str) -> Result<Self, String> {
        Self::try_from(format!("account({name})"))
    }

    /// Returns the glob of an `account(…)` pattern.
    pub(super) fn account_glob(&self) -> Option<&str> {
        parts(&self.0).filter(|(kind, _)| *kind == "account").and_then(|(_, filter)| filter)
    }
}

fn pattern(text: &str) -> Result<(), &'static str> {
    let (kind, filter) = parts(text).ok_or(PATTERN)?;
    let known = match filter {
        None => TOOLS.contains(&kind),
        Some(filter) => {
            FILTERED.contains(&kind) && !filter.is_empty() && !filter.contains(['(', ')'])
        }
    };
    known.then_some(()).ok_or(PATTERN)
}

fn parts(text: &str) -> Option<(&str, Option<&str>)> {
    match text.split_once('(') {
        None => Some((text, None)),
        Some((kind, rest)) => rest.strip_suffix(')').map(|filter| (kind, Some(filter))),
    }
}

fn semver(text: &str) -> Result<(), &'static str> {
    let (core, build) = split(text, '+');
    let (core, pre) = split(core, '-');
    let numbers: Vec<&str> = core.split('.').collect();
    let tails = [build, pre].into_iter().flatten().all(identifiers);
    let good = numbers.len() == 3 && numbers.iter().all(|number| is_number(number)) && tails;
    good.then_some(()).ok_or("a version like 1.2.3")
}

fn split(text: &str, at: char) -> (&str, Option<&str>) {
    text.split_once(at).map_or((text, None), |(before, after)| (before, Some(after)))
}

fn is_number(text: &str) -> bool {
    let digits = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    digits && (text.len() == 1 || !text.starts_with('0'))
}

fn identifiers(text: &str) -> bool {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    text.split('.').all(|part| !part.is_empty() && part.bytes().all(fits))
}

fn absolute(text: &str) -> Result<(), &'static str> {
    std::path::Path::new(text).is_absolute().then_some(()).ok_or("an absolute path")
}

const PATTERN: &str = "a documented pattern: a tool (read, write, edit, grep, glob, bash, \
                       sql_execute) or type(filter) with bash, mcp, skill, plugin or account";
const TOOLS: [&str; 7] = ["read", "write", "edit", "grep", "glob", "bash", "sql_execute"];
const FILTERED: [&str; 5] = ["bash", "mcp", "skill", "plugin", "account"];

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Result<ManagedSettings, String> {
        serde_json::from_str(text).map_err(|error| error.to_string())
    }

    #[test]
    fn the_whole_documented_schema_is_read_and_written_back() {
        let text = r#"{"version":"1.0","permissions":{"onlyAllow":["account(myorg-*)","bash(git:*)","sql_execute"],"deny":["mcp(https://x.example/*)","skill(remote:*)","plugin(*)"],"defaultMode":"deny","dangerouslyAllowAll":false},"settings":{"forceNoHistoryMode":true,"forceSandboxEnabled":true,"forceSandboxMode":"autoAllow"},"required":{"minimumVersion":"1.0.25-rc.1+build.7"},"defaults":{"connectionName":"a","profileName":"b","theme":"dark"},"files":{"connectionsFile":"/etc/a.toml","mcpFile":"/etc/mcp.json"},"ui":{"showManagedBanner":true,"bannerText":"x","hideDangerousOptions":true}}"#;
        let settings = read(text).unwrap();
        assert_eq!(serde_json::to_string(&settings).unwrap(), text);
        assert!(read(r#"{"version":"1.0"}"#).is_ok());
    }

    #[test]
    fn what_the_schema_does_not_know_is_refused() {
        for (text, said) in [
            ("{}", "missing field `version`"),
            (r#"{"version":"2.0"}"#, "unknown variant `2.0`"),
            (r#"{"version":1.0}"#, "line 1"),
            (r#"{"version":"1.0","permission":{}}"#, "unknown field `permission`"),
            (r#"{"version":"1.0","permissions":{"allow":[]}}"#, "unknown field `allow`"),
            (r#"{"version":"1.0","permissions":{"defaultMode":"ask"}}"#, "unknown variant `ask`"),
            (r#"{"version":"1.0","settings":{"forceSandboxMode":"off"}}"#, "unknown variant `off`"),
            (r#"{"version":"1.0","ui":{"hideDangerousOptions":"yes"}}"#, "expected a boolean"),
            (r#"{"version":"1.0","files":{"connectionsFile":"a.toml"}}"#, "not an absolute path"),
            (r#"{"version":"1.0","version":"1.0"}"#, "duplicate field"),
        ] {
            let error = read(text).unwrap_err();
            assert!(error.contains(said), "{text}: {error}");
        }
    }

    #[test]
    fn a_pattern_names_a_known_tool_or_a_known_type_with_a_filter() {
        for good in ["read", "bash", "bash(git:*)", "mcp(*)", "skill(bundled)", "account(a?-*)"] {
            assert!(Pattern::try_from(good.to_owned()).is_ok(), "{good}");
        }
        for bad in [
            "",
            "()",
            "account",
            "account()",
            "account(a",
            "account(a))",
            "read(x)",
            "Bash",
            "rm",
            "account(a)b",
            "account((a))",
        ] {
            assert!(Pattern::try_from(bad.to_owned()).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_version_has_three_numbers() {
        for good in ["0.0.0", "1.0.25", "10.20.30-a.b-c", "1.2.3+x", "1.2.3-0+7"] {
            assert!(Semver::try_from(good.to_owned()).is_ok(), "{good}");
        }
        for bad in [
            "",
            "1",
            "1.2",
            "1.2.3.4",
            "v1.2.3",
            "01.2.3",
            "1.2.x",
            "1.2.3-",
            "1.2.3+",
            " 1.2.3",
            "1.2.3-a..b",
        ] {
            assert!(Semver::try_from(bad.to_owned()).is_err(), "{bad}");
        }
    }
}
