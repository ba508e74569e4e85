//! Credentials of Snowflake's that lie in the clear: in connection files and their backups, in .env files, in the
//! environment. A line scanner and no parser: what is commented out, half written or backed up counts too. A finding
//! names the file, the line and which setting it is; never a byte of the value.

use crate::{Fact, Finding, Id};

/// The subject of these findings.
pub const SUBJECT: &str = "your files";

/// What a file is, and with it which names in it are about Snowflake.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Snowflake's own: connections.toml, config.toml.
    Connections,
    /// NAME=value of anything: .env.
    Variables,
}

/// A setting with a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Hit {
    /// The line, from 1.
    pub line: usize,
    /// Which setting, in words of ours.
    pub what: &'static str,
}

/// A file that was looked at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Looked {
    /// Where.
    pub path: String,
    /// Whether others than its owner may read it.
    pub is_readable_by_others: bool,
    /// What is in it.
    pub hits: Fact<Vec<Hit>>,
}

/// Returns every line with a credential in the clear.
pub fn scan(kind: Kind, text: &str) -> Vec<Hit> {
    let numbered = text.lines().zip(1..);
    numbered.filter_map(|(line, at)| Some(Hit { line: at, what: setting(kind, line)? })).collect()
}

/// Returns which variable of this name is a credential.
pub fn variable(name: &str) -> Option<&'static str> {
    let name = name.to_ascii_uppercase();
    if let Some(known) = VARIABLES.into_iter().find(|known| *known == name) {
        return Some(known);
    }
    let ends = |ends: &[&str]| ends.iter().any(|end| name.ends_with(end));
    if name.starts_with("SNOWFLAKE_CONNECTIONS_") && ends(&SECRET_ENDS) {
        return Some("SNOWFLAKE_CONNECTIONS_…");
    }
    if (name.starts_with("SNOWFLAKE_") || name.starts_with("SNOWSQL_")) && ends(&SECRET_ENDS) {
        return Some("SNOWFLAKE_…");
    }
    let is_elsewhere = ELSEWHERE.iter().any(|start| name.starts_with(start));
    ((name == "PAT" || name.ends_with("_PAT")) && !is_elsewhere).then_some("…_PAT")
}

/// Judges the files.
pub fn files(looked: &[Looked]) -> Vec<Finding> {
    let mut findings: Vec<Finding> = looked.iter().filter_map(file).collect();
    if findings.is_empty() {
        let seen = match looked {
            [] => "there is no connections.toml, config.toml or .env here".to_owned(),
            looked => format!("no credential in the clear in {}", paths(looked)),
        };
        findings.push(Finding::ok(Id::PlaintextToken, SUBJECT, seen));
    }
    findings
}

/// The variable that holds whole connections, as the text of a file of them.
pub const WHOLE: &str = "SNOWFLAKE_CONNECTIONS";

/// Judges the names of the variables that are set; [`WHOLE`] among them only if [`scan`] finds something in it.
pub fn environment(names: &[String]) -> Finding {
    let secret: Vec<&str> = names
        .iter()
        .map(String::as_str)
        .filter(|name| *name == WHOLE || variable(name).is_some())
        .collect();
    match secret.as_slice() {
        [] => Finding::ok(
            Id::EnvironmentToken,
            "your environment",
            "no credential of Snowflake's in it",
        ),
        names => Finding::warning(
            Id::EnvironmentToken,
            "your environment",
            format!("{} is set: every program that is started here has it", names.join(", ")),
            "unset it, and take it out of the shell's profile; pat-exec gives a command its token",
        ),
    }
}

fn paths(looked: &[Looked]) -> String {
    looked.iter().map(|file| file.path.as_str()).collect::<Vec<_>>().join(", ")
}

fn file(looked: &Looked) -> Option<Finding> {
    let hits = match &looked.hits {
        Ok(hits) if hits.is_empty() => return None,
        Ok(hits) => hits,
        Err(needs) => return Some(Finding::unseen(Id::PlaintextToken, SUBJECT, needs)),
    };
    let places: Vec<String> =
        hits.iter().map(|hit| format!("line {} ({})", hit.line, hit.what)).collect();
    let others = if looked.is_readable_by_others { "; others may read the file" } else { "" };
    Some(Finding::failed(
        Id::PlaintextToken,
        SUBJECT,
        format!("{}: in the clear: {}{others}", looked.path, places.join(", ")),
        "take it out of the file and out of its backups, and end it at Snowflake: patctl audit tokens lists tokens; pat-exec brings one of its own",
    ))
}

fn setting(kind: Kind, line: &str) -> Option<&'static str> {
    let trimmed = line.trim_start();
    let is_comment = trimmed.starts_with(['#', ';']);
    let text = trimmed.trim_start_matches(['#', ';', ' ', '\t']);
    // Whole connections as the value of one variable.
    let holds_connections = text.contains(&format!("{WHOLE}="));
    let names = if holds_connections { Kind::Connections } else { kind };
    let signs = text.match_indices('=');
    signs.filter_map(|(at, _)| text.split_at_checked(at)).find_map(|(before, from)| {
        let what = named(names, key(before))?;
        let value = from.strip_prefix('=')?;
        has_value(kind, value, is_comment).then_some(what)
    })
}

/// The last part of what stands before the sign: `export X`, `connections.dev."password"`.
fn key(before: &str) -> &str {
    let before = before.trim_end().trim_end_matches(['"', '\'']);
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
    before.rsplit(|c: char| !is_part(c)).next().unwrap_or_default()
}

fn named(kind: Kind, key: &str) -> Option<&'static str> {
    let in_files = || SETTINGS.into_iter().find(|known| known.eq_ignore_ascii_case(key));
    match kind {
        Kind::Connections => in_files().or_else(|| variable(key)),
        Kind::Variables => variable(key),
    }
}

/// A reference to something else is none, and neither is a gap to be filled. In a comment only what is quoted counts: the
/// rest is prose.
fn has_value(kind: Kind, value: &str, is_comment: bool) -> bool {
    let value = value.trim();
    let quote = value.chars().next().filter(|c| matches!(c, '"' | '\''));
    let inner = match quote {
        // A text of several lines begins here.
        Some(_) if value.starts_with("\"\"\"") || value.starts_with("'''") => return true,
        Some(quote) => value.trim_start_matches(quote).split(quote).next(),
        None if is_comment => return false,
        None if value.starts_with("${") => value.split_inclusive('}').next(),
        None => value.split([' ', '\t', '#', ',', '}']).next(),
    };
    let inner = inner.unwrap_or_default().trim();
    let is_gap = inner.chars().all(|c| matches!(c, '*' | 'x' | 'X' | '.'));
    let is_reference = match kind {
        Kind::Connections => is_reference(inner),
        Kind::Variables => inner.starts_with('$'),
    };
    !(is_gap || is_reference || inner.starts_with('<') || matches!(inner, "true" | "false"))
}

/// `${NAME}` and nothing else: a password may begin with a `$`.
pub(crate) fn is_reference(value: &str) -> bool {
    let name = value.strip_prefix("${").and_then(|rest| rest.strip_suffix('}'));
    let is_part = |c: char| c.is_ascii_alphanumeric() || c == '_';
    name.is_some_and(|name| !name.is_empty() && name.chars().all(is_part))
}

/// Settings of a connection (snowflake docs: developer-guide/snowflake-cli/connecting/configure-connections).
const SETTINGS: [&str; 13] = [
    "password",
    "passwd",
    "pwd",
    "token",
    "token_file_path",
    "session_token",
    "master_token",
    "private_key",
    "private_key_raw",
    "private_key_passphrase",
    "private_key_file_pwd",
    "oauth_client_secret",
    "client_secret",
];

/// Variables that clients read, and the one in which snow-utils-pat keeps a token.
const VARIABLES: [&str; 6] = [
    "SNOWFLAKE_PASSWORD",
    "SNOWFLAKE_TOKEN",
    "SNOWFLAKE_PAT",
    "SNOWSQL_PWD",
    "PRIVATE_KEY_PASSPHRASE",
    "SA_PAT",
];
const SECRET_ENDS: [&str; 6] =
    ["PASSWORD", "PASSPHRASE", "TOKEN", "_PWD", "_SECRET", "PRIVATE_KEY_RAW"];
/// Others have tokens of that name as well.
const ELSEWHERE: [&str; 6] = ["GH_", "GITHUB_", "GITLAB_", "AZURE_", "ADO_", "AZP_"];

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::{Needs, Outcome};

    fn lines(kind: Kind, text: &str) -> Vec<usize> {
        scan(kind, text).iter().map(|hit| hit.line).collect()
    }

    #[test]
    fn a_credential_is_found_however_it_is_written() {
        for text in [
            "password = \"simpat_x\"",
            "  token='simpat_x'",
            "\"password\" = \"simpat_x\"",
            "connections.dev.\"password\" = \"simpat_x\"",
            "dev = { account = \"a\", password = \"simpat_x\" }",
            "connections = { dev = { token=\"simpat_x\"} }",
            "# password = \"simpat_x\"",
            "#token = 'simpat_x'",
            "PassWord = \"simpat_x\"",
            "password = \"\"\"",
            "private_key_passphrase = \"simpat_x\"",
            "token_file_path = \"/home/m/token\"",
            "password = \"broken",
            "password = \"a=b#c\"",
            "password = \"$ecretPassw0rd\"",
            "password = \"${A}b\"",
            "password = \"${A:-simpat_x}\"",
        ] {
            assert_eq!(lines(Kind::Connections, text), [1], "{text}");
        }
        for text in [
            "SA_PAT=\"simpat_x\"",
            "export SNOWFLAKE_PASSWORD=simpat_x",
            "SNOWFLAKE_CONNECTIONS_DEV_TOKEN=simpat_x # old",
            "snowflake_token = simpat_x",
            "#SNOWFLAKE_PASSWORD='simpat_x'",
            "MY_PAT=simpat_x",
            "export SNOWFLAKE_CONNECTIONS='[dev] password=\"simpat_x\"'",
        ] {
            assert_eq!(lines(Kind::Variables, text), [1], "{text}");
        }
    }

    #[test]
    fn what_is_no_credential_is_left_alone() {
        for text in [
            "",
            "account = \"a\"",
            "authenticator = \"PROGRAMMATIC_ACCESS_TOKEN\"",
            "token = \"${SNOWFLAKE_PAT}\"",
            "password = \"\"",
            "password =",
            "password = \"****\"",
            "password = \"<your token>\"",
            "# the password = see the vault",
            "user = \"password\"",
            "client_store_temporary_credential = true",
            "private_key_path = \"/k\"",
        ] {
            assert_eq!(lines(Kind::Connections, text), [0; 0], "{text}");
        }
        for text in [
            "PASSWORD=x1",
            "DB_TOKEN=y2",
            "GITHUB_PAT=z3",
            "SNOWFLAKE_ACCOUNT=a",
            "SA_PAT=$OTHER",
            "SNOWFLAKE_PASSWORD=",
            "SNOWFLAKE_CONNECTIONS='[dev] account=\"a\"'",
        ] {
            assert_eq!(lines(Kind::Variables, text), [0; 0], "{text}");
        }
    }

    #[test]
    fn a_finding_names_file_and_line_and_no_byte_of_the_value() {
        let text = "[dev]\naccount = \"a\"\npassword = \"simpat_hush\"\n\n[other]\ntoken = \"simpat_hush\"\n";
        let looked = Looked {
            path: "/home/m/.snowflake/connections.toml".into(),
            is_readable_by_others: true,
            hits: Ok(scan(Kind::Connections, text)),
        };

        let found = files(&[looked]);

        let [found] = found.as_slice() else { panic!("{found:?}") };
        assert_eq!(found.outcome, Outcome::Failed);
        assert_eq!(
            found.evidence,
            "/home/m/.snowflake/connections.toml: in the clear: line 3 (password), line 6 (token); others may read the file"
        );
        assert!(!format!("{found:?}").contains("hush"));
    }

    #[test]
    fn clean_files_are_named_and_unreadable_ones_are_not_called_clean() {
        let clean = Looked { path: "/c".into(), is_readable_by_others: false, hits: Ok(vec![]) };
        let hidden = Looked { hits: Err(Needs::new("to read /d")), ..clean.clone() };
        assert_eq!(files(&[])[0].outcome, Outcome::Ok);
        let found = files(std::slice::from_ref(&clean));
        assert_eq!((found.len(), &found[0].outcome), (1, &Outcome::Ok));
        assert!(found[0].evidence.contains("/c"));
        let found = files(&[clean, hidden]);
        assert!(matches!(found[0].outcome, Outcome::NotChecked { .. }), "{found:?}");
    }

    #[test]
    fn a_variable_is_told_by_its_name_alone() {
        let names =
            |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        assert_eq!(environment(&names(&["PATH", "HOME", "SNOWFLAKE_HOME"])).outcome, Outcome::Ok);
        let found = environment(&names(&["PATH", "SNOWFLAKE_PASSWORD"]));
        assert_eq!(found.outcome, Outcome::Warning);
        assert!(found.evidence.starts_with("SNOWFLAKE_PASSWORD is set"));
    }

    proptest! {
        #[test]
        fn whatever_is_around_it_a_credential_is_found_and_not_shown(
            before in any::<String>(),
            after in any::<String>(),
            secret in "[a-zA-Z0-9+/=_-]{24,60}q7",
            quote in "[\"']",
        ) {
            let text = format!("{before}\npassword = {quote}{secret}{quote}\n{after}");

            let hits = scan(Kind::Connections, &text);

            let looked = Looked { path: "/c".into(), is_readable_by_others: false, hits: Ok(hits.clone()) };
            let shown = format!("{:?} {:?}", hits, files(&[looked]));
            prop_assert!(hits.iter().any(|hit| hit.what == "password"), "{hits:?}");
            prop_assert!(!shown.contains(&secret));
        }

        #[test]
        fn no_text_stops_the_scan(text in any::<String>()) {
            for kind in [Kind::Connections, Kind::Variables] {
                let lines = text.lines().count();
                prop_assert!(scan(kind, &text).iter().all(|hit| (1..=lines).contains(&hit.line)));
            }
        }
    }
}
