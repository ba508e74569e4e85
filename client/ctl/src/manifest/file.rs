//! The manifest itself: a TOML file that says what is wanted of an account, why, and how it stood when somebody
//! looked. For people to review and for `replay`; it holds no secret and no public key.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use patd_core::pattern::desired::Desired;
use patd_core::pattern::plan::check_privilege;
use serde::{Deserialize, Serialize};
use toml::{Table, Value};

use crate::answer::{Exit, Failure};

/// What a manifest says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Manifest {
    /// Version of this format: 1.
    pub(super) format: u32,
    /// The program that wrote it.
    pub(super) made_by: String,
    /// When, UTC.
    pub(super) made_at: String,
    /// Of the observation it was made of; none where nobody looked.
    pub(super) fingerprint: Option<String>,
    /// What there is to be, one by one.
    #[serde(default)]
    pub(super) object: Vec<Object>,
    /// The same in full: what `replay` brings about.
    pub(super) desired: Desired,
}

/// One object of the pattern.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Object {
    /// `user MIGUEL_CLI`.
    pub(super) name: String,
    /// How it stood.
    pub(super) state: State,
    /// What it is there for.
    pub(super) why: Vec<String>,
}

/// How an object stood when somebody looked.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum State {
    /// As it is wanted.
    AsWanted,
    /// Missing, or another than is wanted.
    Differs,
    /// It, or something of it, could not be seen.
    NotSeen,
    /// Nobody looked.
    NotLookedAt,
}

impl State {
    /// Returns the word in the file.
    pub(super) fn as_str(self) -> &'static str {
        match self {
            Self::AsWanted => "as-wanted",
            Self::Differs => "differs",
            Self::NotSeen => "not-seen",
            Self::NotLookedAt => "not-looked-at",
        }
    }
}

impl Manifest {
    /// Returns the file, with comments. The same manifest gives the same text.
    pub(super) fn text(&self) -> Result<String, Failure> {
        let mut text = HEAD.to_owned();
        let quoted = |text: &str| Value::from(text).to_string();
        text.push_str(&format!("format = {}\n", self.format));
        text.push_str(&format!("made_by = {}\n", quoted(&self.made_by)));
        text.push_str(&format!("made_at = {}\n", quoted(&self.made_at)));
        if let Some(fingerprint) = &self.fingerprint {
            text.push_str(&format!("{FINGERPRINT}fingerprint = {}\n", quoted(fingerprint)));
        }
        text.push_str(OBJECTS);
        for object in &self.object {
            text.push_str(&format!("\n[[object]]\nname = {}\n", quoted(&object.name)));
            text.push_str(&format!("state = {}\n", quoted(object.state.as_str())));
            let why: Vec<String> = object.why.iter().map(|why| quoted(why)).collect();
            text.push_str(&format!("why = [{}]\n", why.join(", ")));
        }
        text.push_str(DESIRED);
        text.push_str(&self.desired_text()?);
        Ok(text)
    }

    fn desired_text(&self) -> Result<String, Failure> {
        let mut top = Table::new();
        let desired = Value::try_from(&self.desired).map_err(|error| {
            Failure::new(Exit::Failed, format!("cannot write the manifest ({error})"), "")
        })?;
        top.insert("desired".to_owned(), desired);
        Ok(top.to_string())
    }

    /// Reads a manifest, strictly: what is not understood is refused, for it may be what somebody relies on.
    pub(super) fn read(path: &Path) -> Result<Self, Failure> {
        let mut text = String::new();
        File::open(path)
            .and_then(|file| file.take(MOST_BYTES).read_to_string(&mut text))
            .map_err(|error| Failure::io("read", path, &error))?;
        Self::parse(&text).map_err(|why| {
            let what = format!("{} is no manifest of this version: {why}", path.display());
            Failure::new(Exit::Failed, what, "make one: patctl manifest export FILE")
        })
    }

    fn parse(text: &str) -> Result<Self, String> {
        let table: Table =
            text.parse().map_err(|error: toml::de::Error| error.message().to_owned())?;
        let written = table.get("desired").cloned();
        let manifest: Self = Value::Table(table)
            .try_into()
            .map_err(|error: toml::de::Error| error.message().to_owned())?;
        if manifest.format != FORMAT {
            return Err(format!("format {} is not {FORMAT}", manifest.format));
        }
        let understood = Value::try_from(&manifest.desired).map_err(|error| error.to_string())?;
        if let Some(unknown) = written.and_then(|written| differs("desired", &written, &understood))
        {
            return Err(format!("{unknown} is not understood"));
        }
        for privilege in manifest.desired.users.iter().flat_map(|user| &user.privileges) {
            check_privilege(privilege).map_err(|error| error.to_string())?;
        }
        Ok(manifest)
    }
}

/// Returns where two values differ first: what was read away without a word.
fn differs(at: &str, written: &Value, understood: &Value) -> Option<String> {
    match (written, understood) {
        (Value::Table(written), Value::Table(understood)) => {
            written.iter().find_map(|(key, value)| match understood.get(key) {
                Some(known) => differs(&format!("{at}.{key}"), value, known),
                None => Some(format!("{at}.{key}")),
            })
        }
        (Value::Array(written), Value::Array(understood)) if written.len() == understood.len() => {
            written.iter().zip(understood).find_map(|(value, known)| differs(at, value, known))
        }
        (written, understood) => (written != understood).then(|| at.to_owned()),
    }
}

pub(super) const FORMAT: u32 = 1;
const MOST_BYTES: u64 = 16 * 1024 * 1024;
const HEAD: &str = "\
# A manifest of PAT Broker: what is wanted of a Snowflake account, and why. It holds no secret.
#   look at it:                      patctl manifest show FILE
#   bring another account to it:     patctl manifest replay FILE --account ACCOUNT

";
const FINGERPRINT: &str =
    "# Of the observation that the states below come from; patctl plan prints the same.\n";
const OBJECTS: &str = "
# What there is to be, and how it stood: \"as-wanted\", \"differs\" (or is missing), \"not-seen\" (the acting role could
# not see it, or not all of it), \"not-looked-at\".
";
const DESIRED: &str = "
# The same in full. Replay takes account and broker from the configuration of the host where it runs, with a network
# policy that is named after the broker; all the rest it takes from here: look at run_as and at the addresses.

";

#[cfg(test)]
pub(super) mod tests {
    use patd_core::names::{Account, Role, User};
    use patd_core::pattern::desired::{
        Broker, Evaluation, Home, Management, Network, Privilege, Scopes, ServiceUser, Source,
        TokenPolicy,
    };

    use super::*;

    pub(in crate::manifest) fn desired() -> Desired {
        let text = |text: &str| text.to_owned();
        let privilege = Privilege {
            privilege: text("SELECT"),
            on: text("TABLE"),
            name: ["DB", "S", "an \"odd\" name"].map(str::to_owned).into(),
        };
        Desired {
            account: Account::new("MYORG-DEV"),
            run_as: Role::new("ACCOUNTADMIN"),
            home: Home {
                database: text("PATD"),
                schema: text("POLICIES"),
                management: Management::Ours,
            },
            broker: Broker {
                user: User::new("PATD_HOST1"),
                role: Role::new("PATD_HOST1_ROLE"),
                public_key: None,
                key_fingerprint: None,
                replaces_own_key: true,
                other_roles: vec![Role::new("PATD_HOST2_ROLE")],
                management: Management::Ours,
            },
            network: Network::Allow {
                policy: text("PATD_HOST1_NETWORK"),
                sources: vec![
                    Source::Range(text("192.0.2.0/24")),
                    Source::Rule(
                        ["SNOWFLAKE", "NETWORK_SECURITY", "DBT_APAC_AWS"].map(str::to_owned),
                    ),
                    Source::AsSeen,
                ],
            },
            tokens: TokenPolicy::Ours {
                default_days: 7,
                max_days: 30,
                is_limit: true,
                evaluation: Evaluation::EnforcedRequired,
            },
            users: vec![ServiceUser {
                user: User::new("MIGUEL_CLI"),
                user_management: Management::Ours,
                role: Role::new("MIGUEL_CLI_ROLE"),
                role_management: Management::Existing,
                to_sysadmin: false,
                warehouse: Some(text("WH")),
                privileges: vec![privilege],
                database_roles: vec![["SNOWFLAKE", "CORTEX_USER"].map(str::to_owned)],
                rotates: false,
            }],
            scopes: Scopes { bar_persons: true, admit_services: true, blocked_roles: Vec::new() },
        }
    }

    pub(in crate::manifest) fn manifest() -> Manifest {
        let object = |name: &str, state| Object {
            name: name.to_owned(),
            state,
            why: vec!["it is \"wanted\"\u{7}".to_owned()],
        };
        Manifest {
            format: FORMAT,
            made_by: "patctl 0".to_owned(),
            made_at: "2026-11-22T08:00:00Z".to_owned(),
            fingerprint: Some("0a1b".to_owned()),
            object: vec![
                object("user MIGUEL_CLI", State::AsWanted),
                object("account", State::NotSeen),
            ],
            desired: desired(),
        }
    }

    #[test]
    fn a_manifest_comes_back_as_it_was_written_byte_for_byte() {
        for manifest in
            [manifest(), Manifest { fingerprint: None, object: Vec::new(), ..manifest() }]
        {
            let text = manifest.text().unwrap();

            let read = Manifest::parse(&text).unwrap();

            assert_eq!(read, manifest, "{text}");
            assert_eq!(read.text().unwrap(), text);
        }
    }

    #[test]
    fn every_form_of_network_and_policy_comes_back() {
        let mut manifest = manifest();
        manifest.desired.network = Network::Existing { policy: "SITE".to_owned() };
        manifest.desired.tokens = TokenPolicy::Existing(["A", "B", "C"].map(str::to_owned));
        manifest.desired.users.clear();

        assert_eq!(Manifest::parse(&manifest.text().unwrap()), Ok(manifest));
    }

    #[test]
    fn what_is_not_understood_is_refused_wherever_it_stands() {
        let text = manifest().text().unwrap();
        let cases = [
            ("format = 1", "format = 2", "format 2"),
            ("format = 1", "format = 1\nextra = 1", "extra"),
            (
                "[desired.scopes]",
                "[desired.scopes]\nbar_person = false",
                "desired.scopes.bar_person",
            ),
            ("bar_persons = true", "", "bar_persons"),
            ("to_sysadmin = false", "to_sysadmin = false\nto_all = true", "desired.users.to_all"),
            ("\"SELECT\"", "\"OWNERSHIP\"", "privilege"),
            ("as-wanted\"", "fine\"", "fine"),
        ];
        for (good, bad, wanted) in cases {
            assert!(text.contains(good), "{good} in {text}");
            // The last one: the first as-wanted is in a comment.
            let at = text.rfind(good).unwrap();
            let (before, after) = text.split_at(at);
            let refused = Manifest::parse(&format!("{before}{}", after.replacen(good, bad, 1)));
            assert!(refused.as_ref().is_err_and(|why| why.contains(wanted)), "{bad}: {refused:?}");
        }
    }
}
