//! The inventory of an account's tokens: whose they are, and who still uses which. What SHOW lists is live; what
//! ACCOUNT_USAGE knows of use is up to two hours old (snowflake docs: account-usage/credentials, login_history).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::desired::Desired;
use super::observed::{Observed, Seen, Token};
use super::reading::{Fault, Rows};
use crate::lifecycle::lineage::{self, Lineage};
use crate::names::{Generation, HostId, TokenName};
use crate::sql::{Kind, Statement};
use crate::time::Timestamp;

/// Every token that could be seen.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Inventory {
    /// By user and name.
    pub tokens: Vec<Listed>,
    /// What could not be seen, and what would show it.
    pub unseen: Vec<String>,
}

/// One token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Listed {
    /// The user.
    pub user: String,
    /// Its name.
    pub name: String,
    /// Who made it, and what for.
    pub whose: Whose,
    /// The role it is bound to; none where only the name is known, or it is bound to none.
    pub role: Option<String>,
    /// `ACTIVE`, `DISABLED`; none where only the name is known.
    pub status: Option<String>,
    /// Seconds since 1970, UTC.
    pub expires_at: Option<i64>,
    /// Who made it at Snowflake.
    pub created_by: Option<String>,
    /// What ACCOUNT_USAGE knows of it; none: nothing (yet).
    pub usage: Option<Usage>,
}

/// Whose a token is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Whose {
    /// Made by PAT Broker on a host.
    Ours {
        /// The host's id.
        host: HostId,
        /// Which secret of that host.
        generation: Generation,
        /// Whether there is no later one of that host.
        newest: bool,
    },
    /// Of a service user of ours, but made by somebody else.
    Foreign,
    /// A person's.
    Persons,
    /// Of a user that is not ours.
    Others,
}

/// How a token was used, as of up to two hours ago.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// When it was made: seconds since 1970, UTC.
    pub created_at: Option<i64>,
    /// When it was last used.
    pub last_used_at: Option<i64>,
    /// The newest login with it, among the newest of the account.
    pub last_login: Option<Login>,
}

/// A login with a token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Login {
    /// Seconds since 1970, UTC.
    pub at: i64,
    /// From where.
    pub address: String,
    /// The driver, as it calls itself.
    pub client: String,
}

/// How far a host is with the rotation of a user's token.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Rotation<'a> {
    /// The user.
    pub user: &'a str,
    /// The host.
    pub host: &'a HostId,
    /// Its newest token.
    pub newest: &'a Listed,
    /// Older ones that are still live. None: the rotation is finished.
    pub older: Vec<&'a Listed>,
}

/// What ACCOUNT_USAGE answered, or why it did not.
#[derive(Clone, Debug)]
pub struct Answers {
    /// To [`credentials`].
    pub credentials: Result<Rows, String>,
    /// To [`logins`].
    pub logins: Result<Rows, String>,
}

/// Returns the question when each token was made and last used.
pub fn credentials() -> Statement {
    look(CREDENTIALS, "when each token was made and last used")
}

/// Returns the question who logged in with tokens lately.
pub fn logins() -> Statement {
    look(LOGINS, "who logged in with tokens lately")
}

/// Returns the inventory: what was observed, with what is known of its use.
///
/// # Errors
/// When an answer cannot be read.
pub fn inventory(
    desired: &Desired,
    observed: &Observed,
    answers: &Answers,
) -> Result<Inventory, Fault> {
    let mut inventory = listed(desired, observed);
    let used = match &answers.credentials {
        Ok(rows) => used(rows)?,
        Err(why) => {
            inventory.unseen.push(format!("the use of tokens: {why}"));
            return Ok(inventory);
        }
    };
    let newest = match &answers.logins {
        Ok(rows) => newest_logins(rows)?,
        Err(why) => {
            inventory.unseen.push(format!("logins with tokens: {why}"));
            BTreeMap::new()
        }
    };
    inventory.add_usage(&used, &newest);
    inventory.add_others(used, desired, observed);
    inventory.tokens.sort_by(|one, other| (&one.user, &one.name).cmp(&(&other.user, &other.name)));
    Ok(inventory)
}

impl Inventory {
    /// Returns how far each host is with each user.
    pub fn rotations(&self) -> Vec<Rotation<'_>> {
        self.tokens.iter().filter_map(|token| self.rotation_to(token)).collect()
    }

    fn rotation_to<'a>(&'a self, newest: &'a Listed) -> Option<Rotation<'a>> {
        let Whose::Ours { host, newest: true, .. } = &newest.whose else { return None };
        let older = self.tokens.iter().filter(|token| token.is_older_of(host, newest)).collect();
        Some(Rotation { user: &newest.user, host, newest, older })
    }

    fn add_usage(&mut self, used: &[Used], logins: &BTreeMap<String, Login>) {
        for token in &mut self.tokens {
            let found = used.iter().find(|row| row.user == token.user && row.name == token.name);
            token.usage = found.map(|row| row.usage(logins));
        }
    }

    /// Users of the account that nobody was asked about. A token of a user that was is gone, if it was not listed.
    fn add_others(&mut self, used: Vec<Used>, desired: &Desired, observed: &Observed) {
        let persons = observed.persons.known();
        let asked = |user: &str| {
            persons.is_some_and(|persons| persons.contains_key(user))
                || observed.users.contains_key(user)
                || desired.users.iter().any(|wanted| wanted.user.as_str() == user)
        };
        for row in used.into_iter().filter(|row| row.status == "ACTIVE" && !asked(&row.user)) {
            let usage = Some(row.usage(&BTreeMap::new()));
            let mut token = Listed::named(row.user, row.name, Whose::Others);
            (token.status, token.usage) = (Some(row.status), usage);
            self.tokens.push(token);
        }
    }
}

impl Listed {
    /// Returns whether the token was used after another was made: its holder has not moved yet.
    pub fn used_since(&self, newer: &Self) -> Option<bool> {
        let made = newer.usage.as_ref()?.created_at?;
        let used = self.usage.as_ref()?.last_used_at;
        Some(used.is_some_and(|used| used > made))
    }

    fn named(user: String, name: String, whose: Whose) -> Self {
        let (role, status, expires_at, created_by, usage) = (None, None, None, None, None);
        Self { user, name, whose, role, status, expires_at, created_by, usage }
    }

    fn is_older_of(&self, of: &HostId, than: &Self) -> bool {
        let same = matches!(&self.whose, Whose::Ours { host, newest: false, .. } if host == of);
        same && self.user == than.user
    }
}

fn listed(desired: &Desired, observed: &Observed) -> Inventory {
    let mut inventory = Inventory::default();
    let users = desired.users.iter().map(|wanted| &wanted.user);
    for user in users.chain([&desired.broker.user]) {
        let Some(found) = observed.users.get(user.as_str()) else { continue };
        match found {
            Seen::Hidden { needs } => inventory.unseen.push(format!("tokens of {user}: {needs}")),
            Seen::Known(None) => {}
            Seen::Known(Some(facts)) => match &facts.tokens {
                Seen::Hidden { needs } => {
                    inventory.unseen.push(format!("tokens of {user}: {needs}"));
                }
                Seen::Known(tokens) => inventory.tokens.extend(of_user(user.as_str(), tokens)),
            },
        }
    }
    add_persons(&mut inventory, observed);
    inventory
}

fn of_user<'a>(user: &'a str, tokens: &'a [Token]) -> impl Iterator<Item = Listed> + 'a {
    let newest = |of: &HostId| {
        let generations = tokens.iter().filter_map(lineage).filter(|found| found.host == *of);
        generations.map(|found| found.generation).max()
    };
    tokens.iter().map(move |token| {
        let whose = match lineage(token) {
            None => Whose::Foreign,
            Some(Lineage { host, generation, .. }) => {
                let newest = token.rotated_to.is_none() && newest(&host) == Some(generation);
                Whose::Ours { host, generation, newest }
            }
        };
        Listed {
            role: token.role.clone(),
            status: Some(token.status.clone()),
            expires_at: token.expires_at,
            created_by: token.created_by.clone(),
            ..Listed::named(user.to_owned(), token.name.clone(), whose)
        }
    })
}

fn lineage(token: &Token) -> Option<Lineage> {
    lineage::of(&TokenName::new(&token.name))
}

fn add_persons(inventory: &mut Inventory, observed: &Observed) {
    let persons = match &observed.persons {
        Seen::Known(persons) => persons,
        Seen::Hidden { needs } => {
            inventory.unseen.push(format!("tokens of persons: {needs}"));
            return;
        }
    };
    for (user, person) in persons {
        match &person.live_tokens {
            Seen::Hidden { needs } => inventory.unseen.push(format!("tokens of {user}: {needs}")),
            Seen::Known(names) => inventory.tokens.extend(
                names.iter().map(|name| Listed::named(user.clone(), name.clone(), Whose::Persons)),
            ),
        }
    }
}

/// A row of CREDENTIALS.
struct Used {
    id: String,
    user: String,
    name: String,
    status: String,
    created_at: Option<i64>,
    last_used_at: Option<i64>,
}

impl Used {
    fn usage(&self, logins: &BTreeMap<String, Login>) -> Usage {
        let (created_at, last_used_at) = (self.created_at, self.last_used_at);
        Usage { created_at, last_used_at, last_login: logins.get(&self.id).cloned() }
    }
}

fn used(rows: &Rows) -> Result<Vec<Used>, Fault> {
    let columns = ["CREDENTIAL_ID", "USER_NAME", "NAME", "STATUS", "CREATED_ON", "LAST_USED_ON"];
    let rows = rows.read(columns)?.into_iter();
    rows.map(|[id, user, name, status, created, used]| {
        Ok(Used {
            id: text("CREDENTIAL_ID", id)?,
            user: text("USER_NAME", user)?,
            name: text("NAME", name)?,
            status: text("STATUS", status)?,
            created_at: moment("CREATED_ON", created)?,
            last_used_at: moment("LAST_USED_ON", used)?,
        })
    })
    .collect()
}

/// Returns the newest login by the id of its credential: a number here, a text there.
fn newest_logins(rows: &Rows) -> Result<BTreeMap<String, Login>, Fault> {
    let columns =
        ["EVENT_TIMESTAMP", "CLIENT_IP", "REPORTED_CLIENT_TYPE", "FIRST_AUTHENTICATION_FACTOR_ID"];
    let mut newest = BTreeMap::<String, Login>::new();
    for [at, address, client, id] in rows.read(columns)? {
        let (Some(id), Some(at)) = (id, moment("EVENT_TIMESTAMP", at)?) else { continue };
        let said = |text: Option<&str>| text.unwrap_or("unknown").to_owned();
        let login = Login { at, address: said(address), client: said(client) };
        match newest.get(id) {
            Some(known) if known.at >= at => {}
            Some(_) | None => {
                newest.insert(id.to_owned(), login);
            }
        }
    }
    Ok(newest)
}

fn text(column: &'static str, value: Option<&str>) -> Result<String, Fault> {
    value.map(str::to_owned).ok_or(Fault::Value(column))
}

fn moment(column: &'static str, value: Option<&str>) -> Result<Option<i64>, Fault> {
    let Some(text) = value else { return Ok(None) };
    Timestamp::read(text).map(|at| Some(at.0)).ok_or(Fault::Value(column))
}

fn look(text: &str, why: &str) -> Statement {
    Statement { text: text.to_owned(), kind: Kind::Look, why: why.to_owned() }
}

const CREDENTIALS: &str = "SELECT CREDENTIAL_ID, USER_NAME, NAME, STATUS, CREATED_ON, LAST_USED_ON \
                           FROM SNOWFLAKE.ACCOUNT_USAGE.CREDENTIALS WHERE TYPE = 'PAT' \
                           ORDER BY USER_NAME, NAME";

/// Of the whole account: a name list in the text would have to be quoted, and would not be shorter for long.
const LOGINS: &str = "SELECT EVENT_TIMESTAMP, CLIENT_IP, REPORTED_CLIENT_TYPE, \
                      FIRST_AUTHENTICATION_FACTOR_ID FROM SNOWFLAKE.ACCOUNT_USAGE.LOGIN_HISTORY \
                      WHERE FIRST_AUTHENTICATION_FACTOR = 'PROGRAMMATIC_ACCESS_TOKEN' \
                      AND IS_SUCCESS = 'YES' ORDER BY EVENT_TIMESTAMP DESC LIMIT 2000";
