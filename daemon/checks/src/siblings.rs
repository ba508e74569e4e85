//! Other connections of the user's that open the same account: a program that is held to one role by its token could
//! take one of these instead. Which way in they have is told, never what it is.

use toml::Spanned;
use toml::de::{DeTable, DeValue};

use crate::account_name::Name;
use crate::plaintext::{SUBJECT, is_reference};
use crate::{Fact, Finding, Id, Needs};

/// A connection of a file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Connection {
    /// Its name.
    pub name: String,
    /// Where it begins, from 1.
    pub line: usize,
    /// Its account, as written.
    pub account: Option<String>,
    /// Its host, as written.
    pub host: Option<String>,
    /// How it logs in; none: it cannot by itself.
    pub way_in: Option<WayIn>,
}

/// How a connection logs in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WayIn {
    /// By what is in the file, or in one that it names.
    Kept(&'static str),
    /// By a person, who may have let it be remembered.
    Person(&'static str),
}

/// An account of this host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Ours {
    /// Its name.
    pub account: String,
    /// Its host.
    pub host: String,
}

/// Where connections are in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// connections.toml: every table is one.
    Connections,
    /// config.toml: those below `connections`.
    Config,
}

/// Reads the connections of a file.
///
/// # Errors
/// The file is no TOML.
pub fn read(path: &str, form: Form, text: &str) -> Fact<Vec<Connection>> {
    let whole = DeTable::parse(text).map_err(|_| Needs::new(format!("{path} to be TOML")))?;
    let tables = match form {
        Form::Connections => Some(whole.get_ref()),
        Form::Config => {
            whole.get_ref().get("connections").and_then(|value| value.get_ref().as_table())
        }
    };
    let each = tables.into_iter().flatten();
    let found = each.filter_map(|(name, value)| connection(text, name, value));
    let mut connections: Vec<Connection> = found.collect();
    connections.sort_by_key(|connection| connection.line);
    Ok(connections)
}

fn connection(
    text: &str,
    name: &Spanned<std::borrow::Cow<'_, str>>,
    value: &Spanned<DeValue<'_>>,
) -> Option<Connection> {
    let table = value.get_ref().as_table()?;
    let text_of =
        |key: &str| table.get(key).and_then(|value| value.get_ref().as_str()).map(str::to_owned);
    let before = text.bytes().take(name.span().start);
    Some(Connection {
        name: name.get_ref().to_string(),
        line: before.filter(|byte| *byte == b'\n').count().saturating_add(1),
        account: text_of("account").or_else(|| text_of("accountname")),
        host: text_of("host"),
        way_in: way_in(table),
    })
}

fn way_in(table: &DeTable<'_>) -> Option<WayIn> {
    let has = |keys: &[&str]| keys.iter().any(|key| is_set(table, key));
    if has(&["private_key_path", "private_key_file", "private_key", "private_key_raw"]) {
        return Some(WayIn::Kept("a private key"));
    }
    if has(&["token", "token_file_path", "session_token"]) {
        return Some(WayIn::Kept("a token"));
    }
    let authenticator = table.get("authenticator").and_then(|value| value.get_ref().as_str());
    let authenticator = authenticator.unwrap_or_default().to_ascii_lowercase();
    match authenticator.as_str() {
        "externalbrowser" => Some(WayIn::Person("the browser")),
        "oauth_authorization_code" => Some(WayIn::Person("OAuth in the browser")),
        "oauth" | "oauth_client_credentials" => Some(WayIn::Kept("OAuth")),
        "workload_identity" => Some(WayIn::Kept("this machine's workload identity")),
        other if other.starts_with("https://") => Some(WayIn::Person("Okta")),
        "username_password_mfa" => Some(WayIn::Person("a password and a second factor")),
        _ => has(&["password", "passwd"]).then_some(WayIn::Kept("a password")),
    }
}

fn is_set(table: &DeTable<'_>, key: &str) -> bool {
    let value = table.get(key).and_then(|value| value.get_ref().as_str());
    // Only Cortex replaces a reference; what it leads to is looked for in the environment.
    value.is_some_and(|value| !value.is_empty() && !is_reference(value))
}

/// Judges the connections of one file.
pub fn judged(path: &str, connections: Fact<Vec<Connection>>, ours: &[Ours]) -> Vec<Finding> {
    match connections {
        Err(needs) => vec![Finding::unseen(Id::SiblingCredential, SUBJECT, &needs)],
        Ok(connections) => {
            connections.iter().filter_map(|connection| sibling(path, connection, ours)).collect()
        }
    }
}

/// Judges the file in which clients keep logins that they remember, by its first [`TELLING`] bytes.
pub fn remembered(path: &str, beginning: Fact<&str>) -> Option<Finding> {
    let beginning = match beginning {
        Ok(beginning) => beginning,
        Err(needs) => return Some(Finding::unseen(Id::SiblingCredential, SUBJECT, &needs)),
    };
    let is_text = |text: &str| beginning.chars().filter(|c| !c.is_whitespace()).eq(text.chars());
    (!EMPTY.into_iter().any(is_text)).then(|| {
        Finding::warning(
            Id::SiblingCredential,
            SUBJECT,
            format!("{path} holds logins that a client remembers: whatever runs as you can use them without asking you"),
            "remove it, and set client_store_temporary_credential = false in the connections that log in by the browser",
        )
    })
}

/// So many bytes say whether such a file is empty.
pub const TELLING: u64 = 64;
/// As clients leave it when nothing is remembered any more.
const EMPTY: [&str; 3] = ["", "{}", "{\"tokens\":{}}"];

/// Returns that nothing was found.
pub fn none_found() -> Finding {
    Finding::ok(Id::SiblingCredential, SUBJECT, "no other connection opens an account of this host")
}

fn sibling(path: &str, connection: &Connection, ours: &[Ours]) -> Option<Finding> {
    let way_in = connection.way_in?;
    let likeness = ours.iter().map(|ours| likeness(connection, ours)).max()?;
    let Connection { name, line, .. } = connection;
    let place = format!("{path}:{line}: connection \"{name}\"");
    let apart = "pat-exec leaves it out of the private home, but the file stays readable for whatever runs as you: keep that login on another local account, or away from this host";
    let finding = match (likeness, way_in) {
        (Likeness::None, _) => return None,
        (Likeness::Perhaps, WayIn::Kept(how) | WayIn::Person(how)) => Finding::warning(
            Id::SiblingCredential,
            SUBJECT,
            format!(
                "{place} may open the same account: of its name there and the one here one is a locator, which does not tell; it logs in by {how}, with any role of its user"
            ),
            apart,
        ),
        (Likeness::Same, WayIn::Kept(how)) => Finding::failed(
            Id::SiblingCredential,
            SUBJECT,
            format!(
                "{place} opens the same account by {how}, with any role of its user and without asking you: for whatever can read it, the one role is no bound"
            ),
            apart,
        ),
        (Likeness::Same, WayIn::Person(how)) => Finding::warning(
            Id::SiblingCredential,
            SUBJECT,
            format!(
                "{place} opens the same account by {how}, with any role of its user; a login that is remembered does not ask you"
            ),
            "let no login be remembered (client_store_temporary_credential = false), and do not answer one you did not begin",
        ),
    };
    Some(finding)
}

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Likeness {
    None,
    Perhaps,
    Same,
}

fn likeness(connection: &Connection, ours: &Ours) -> Likeness {
    let Connection { account, host, .. } = connection;
    let theirs: Vec<Name> = account
        .iter()
        .map(|text| Name::of(text))
        .chain(host.iter().map(|text| Name::of_host(text)))
        .collect();
    let ours = [Name::of(&ours.account), Name::of_host(&ours.host)];
    if theirs.iter().any(|name| ours.contains(name)) {
        return Likeness::Same;
    }
    let is_open = |name: &Name| match name {
        Name::Locator(_, label) if label.is_empty() => false,
        Name::Locator(_, label) => {
            let mut labels = ours.iter().filter_map(Name::label);
            // Without its region, or with another spelling of it.
            labels.clone().next().is_none() || labels.any(|ours| ours == label)
        }
        Name::Organisation(_) => !ours.iter().any(|ours| matches!(ours, Name::Organisation(_))),
        Name::Host(_) => false,
    };
    if theirs.iter().any(is_open) { Likeness::Perhaps } else { Likeness::None }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::Outcome;

    fn ours() -> Vec<Ours> {
        vec![Ours {
            account: "MYORG-MY_ACCOUNT".into(),
            host: "myorg-my-account.snowflakecomputing.com".into(),
        }]
    }

    fn found(form: Form, text: &str) -> Vec<Finding> {
        judged("/c.toml", read("/c.toml", form, text), &ours())
    }

    fn outcomes(settings: &str) -> Vec<Outcome> {
        let text = format!("[dev]\n{settings}\n");
        found(Form::Connections, &text).into_iter().map(|found| found.outcome).collect()
    }

    #[test]
    fn a_login_that_asks_nobody_is_worse_than_one_that_asks_a_person() {
        let with = |more: &str| outcomes(&format!("account = \"myorg-my_account\"\n{more}"));
        for kept in [
            "password = \"hush\"",
            "token = \"hush\"",
            "private_key_path = \"/k\"",
            "private_key_file = \"/k\"",
            "authenticator = \"oauth\"",
            "authenticator = \"WORKLOAD_IDENTITY\"",
        ] {
            assert_eq!(with(kept), [Outcome::Failed], "{kept}");
        }
        for person in
            ["authenticator = \"externalbrowser\"", "authenticator = \"https://x.okta.com\""]
        {
            assert_eq!(with(person), [Outcome::Warning], "{person}");
        }
        for none in ["", "password = \"\"", "token = \"${PATD_SECRET}\""] {
            assert_eq!(with(none), [], "{none}");
        }
        for value in ["$ecretPassw0rd", "${", "${A}b", "${A:-hush}"] {
            assert_eq!(with(&format!("password = \"{value}\"")), [Outcome::Failed], "{value}");
        }
    }

    #[test]
    fn the_account_is_known_by_each_of_its_spellings() {
        let with = |account: &str| outcomes(&format!("{account}\npassword = \"hush\""));
        assert_eq!(with("account = \"MYORG-MY-ACCOUNT\""), [Outcome::Failed]);
        assert_eq!(with("host = \"MyOrg-My-Account.snowflakecomputing.com\""), [Outcome::Failed]);
        assert_eq!(with("account = \"xy12345.eu-west-1\""), [Outcome::Warning]);
        assert_eq!(with("account = \"myorg-another\""), []);
        assert_eq!(with("host = \"localhost\""), []);
        assert_eq!(with("account = \"\""), []);
        assert_eq!(with(""), []);
        for same in [
            "account = \"myorg-my_account.privatelink\"",
            "host = \"myorg-my-account.privatelink.snowflakecomputing.com\"",
            "account = \"https://myorg-my_account.snowflakecomputing.com/console?x\"",
            "account = \"myorg-my-account.snowflakecomputing.com:443\"",
            "account = \" MYORG-MY_ACCOUNT.snowflakecomputing.cn. \"",
        ] {
            assert_eq!(with(same), [Outcome::Failed], "{same}");
        }
        for perhaps in [
            "host = \"xy12345.eu-west-1.snowflakecomputing.com\"",
            "account = \"xy12345.privatelink\"",
        ] {
            assert_eq!(with(perhaps), [Outcome::Warning], "{perhaps}");
        }
    }

    #[test]
    fn where_this_host_names_its_account_by_a_locator_another_name_may_be_the_same() {
        let ours = |account: &str, host: &str| Ours { account: account.into(), host: host.into() };
        let ours =
            [ours("SIM12345.us-east-2.aws", "sim12345.us-east-2.aws.snowflakecomputing.com")];
        for (settings, outcome) in [
            ("account = \"sim12345.us-east-2.aws\"", Some(Outcome::Failed)),
            (
                "host = \"sim12345.us-east-2.aws.privatelink.snowflakecomputing.com\"",
                Some(Outcome::Failed),
            ),
            ("account = \"SIM12345\"", Some(Outcome::Warning)),
            ("account = \"myorg-myaccount\"", Some(Outcome::Warning)),
            ("host = \"myorg-myaccount.snowflakecomputing.com\"", Some(Outcome::Warning)),
            ("account = \"other1.us-east-2.aws\"", None),
        ] {
            let text = format!("[dev]\n{settings}\npassword = \"hush\"\n");
            let found = judged("/c.toml", read("/c.toml", Form::Connections, &text), &ours);
            assert_eq!(found.first().map(|found| found.outcome.clone()), outcome, "{settings}");
        }
    }

    #[test]
    fn connections_are_found_in_both_kinds_of_file_with_their_lines() {
        let text = "default = \"a\"\n\n[connections.dev]\naccount = \"myorg-my_account\"\npassword = \"hush\"\n";
        let [finding] = found(Form::Config, text).try_into().unwrap();
        assert!(finding.evidence.starts_with("/c.toml:3: connection \"dev\""), "{finding:?}");
        assert!(!format!("{finding:?}").contains("hush"));
        assert!(found(Form::Connections, text).is_empty());
    }

    #[test]
    fn remembered_logins_are_told_and_an_empty_file_holds_none() {
        for empty in ["", "{}", "{ }\n", "{\"tokens\": {}}", "{\n  \"tokens\": {}\n}\n"] {
            assert_eq!(remembered("/c.json", Ok(empty)), None, "{empty}");
        }
        for text in ["{\"tokens\": {\"a\": \"hush\"}}", "{\"tokens\": {}, \"x\": \"hush\"}", "hush"]
        {
            let found = remembered("/c.json", Ok(text)).unwrap();
            assert_eq!(found.outcome, Outcome::Warning);
            assert!(found.evidence.starts_with("/c.json"), "{found:?}");
            assert!(!format!("{found:?}").contains("hush"), "{found:?}");
        }
        let unseen = remembered("/c.json", Err(Needs::new("to read /c.json"))).unwrap();
        assert!(matches!(unseen.outcome, Outcome::NotChecked { .. }));
    }

    #[test]
    fn a_file_that_is_no_toml_is_not_called_clean() {
        let [finding] = found(Form::Connections, "[dev\npassword = \"hush\"").try_into().unwrap();
        assert!(matches!(finding.outcome, Outcome::NotChecked { .. }));
        assert!(!format!("{finding:?}").contains("hush"));
    }

    proptest! {
        #[test]
        fn a_credential_is_in_no_finding_whatever_else_the_file_says(
            noise in any::<String>(),
            key in "password|token|private_key_path|host|user",
            secret in "[a-zA-Z0-9]{24,40}q7",
        ) {
            for text in [
                format!("[dev]\naccount = \"myorg-my_account\"\n{key} = \"{secret}\"\n{noise}"),
                format!("{noise}\n[connections.dev]\naccount = \"myorg-my_account\"\n{key} = '{secret}'\n"),
            ] {
                for form in [Form::Connections, Form::Config] {
                    let shown = format!("{:?}", found(form, &text));
                    prop_assert!(!shown.contains(&secret), "{shown}");
                }
            }
        }
    }
}
