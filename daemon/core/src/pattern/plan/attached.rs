//! Policies on the users themselves. One that is there already, and is another, is replaced only when that is confirmed.

use super::draft::{Change, Draft, was};
use super::look::{Look, fact, look};
use super::privilege::Need;
use super::quote;
use super::step::{Confirmation, Danger, LockedOut, Sign};
use crate::pattern::observed::{Seen, UserFacts};
use crate::pattern::ours::{FullName, KEY_ONLY, dotted};
use crate::sql::SqlError;

/// What is attached where one of ours belongs.
enum Place {
    /// Nothing.
    Free,
    /// Ours.
    Done,
    /// Another.
    Taken(String),
}

impl Draft<'_> {
    /// Puts the wanted network policy on a user. It is a parameter, so SET takes the place of what was there
    /// (snowflake docs: alter-user, network-policies).
    pub(super) fn put_under_network(&mut self, user: &str) -> Result<(), SqlError> {
        let policy = self.desired.network_policy();
        let object = format!("user {user}");
        let seen = self.place(user, |facts| {
            fact(&facts.network_policy).map(|now| match now.as_deref() {
                None => Place::Free,
                Some(now) if now == policy => Place::Done,
                Some(other) => Place::Taken(other.to_owned()),
            })
        });
        let (why, danger) = match seen {
            Ok(Place::Done) => return Ok(()),
            Ok(Place::Free) => (from_where(&self.observed.account_network_policy), None),
            Ok(Place::Taken(other)) => {
                let unseen = format!(
                    "whether {user} connects from where {other} let it in and {policy} does not"
                );
                (was("its network policy", &other), Some(replacing(Vec::new(), vec![unseen])))
            }
            Err(needs) => {
                self.hidden(&object, "its network policy", &needs);
                return Ok(());
            }
        };
        let change = Change {
            statement: format!(
                "ALTER USER {} SET NETWORK_POLICY = {}",
                quote::name("user", user)?,
                quote::name("network policy", policy)?
            ),
            object,
            why,
            need: Need::ownership("USER", user).and(Need::any([
                format!("USAGE ON NETWORK POLICY {policy}"),
                format!("OWNERSHIP ON NETWORK POLICY {policy}"),
            ])),
        };
        self.step(Sign::Add, change, danger);
        Ok(())
    }

    /// Puts an authentication policy on a user; FORCE where one is there, which is refused otherwise
    /// (snowflake docs: alter-user).
    pub(super) fn put_under_policy(
        &mut self,
        user: &str,
        policy: &FullName,
    ) -> Result<(), SqlError> {
        let (object, own) = (format!("user {user}"), dotted(policy));
        let seen = self.place(user, |facts| {
            fact(&facts.authentication_policy).map(|now| {
                let on_user = now.set_on.as_deref() == Some("USER");
                match now.policy.as_ref().filter(|_| on_user) {
                    None => Place::Free,
                    Some(now) if *now == own => Place::Done,
                    Some(other) => Place::Taken(other.clone()),
                }
            })
        });
        let again = self.forces() && !self.reruns();
        let (why, danger) = match seen {
            Ok(Place::Done) if again => {
                ("FORCE on the account may have taken it off".to_owned(), None)
            }
            Ok(Place::Done) => return Ok(()),
            Ok(Place::Free) => ("how this user may log in".to_owned(), None),
            Ok(Place::Taken(other)) => {
                (was("its authentication policy", &other), Some(self.replaced(user, policy)))
            }
            Err(needs) => {
                self.hidden(&object, "its authentication policy", &needs);
                return Ok(());
            }
        };
        let force = danger.is_some() || self.forces();
        let change = Change {
            statement: format!(
                "ALTER USER {} SET AUTHENTICATION POLICY {}{}",
                quote::name("user", user)?,
                quote::full("authentication policy", policy)?,
                if force { " FORCE" } else { "" }
            ),
            object,
            why,
            need: Need::any([
                "APPLY AUTHENTICATION POLICY ON ACCOUNT".to_owned(),
                format!("APPLY AUTHENTICATION POLICY ON USER {user}"),
            ]),
        };
        if danger.is_none() && !again {
            self.ending_logins(user, policy);
        }
        self.step(Sign::Add, change, danger);
        Ok(())
    }

    fn place<'f>(
        &'f self,
        user: &str,
        of: impl FnOnce(&'f UserFacts) -> Result<Place, &'f str>,
    ) -> Result<Place, String> {
        match look(self.observed.users.get(user)) {
            Look::Absent => Ok(Place::Free),
            Look::Hidden(needs) => Err(needs.to_owned()),
            Look::There(facts) => of(facts).map_err(str::to_owned),
        }
    }

    fn replaced(&self, user: &str, policy: &FullName) -> Danger {
        let (ending, unseen) = self.other_methods(user, policy);
        let locked_out = ending.into_iter().map(|what| LockedOut {
            user: user.to_owned(),
            why: format!("no longer logs in with its {what}"),
        });
        replacing(locked_out.collect(), unseen)
    }

    /// Tells which ways of logging in a user loses with a policy it gets for the first time.
    fn ending_logins(&mut self, user: &str, policy: &FullName) {
        let (ending, unseen) = self.other_methods(user, policy);
        let object = format!("user {user}");
        if !ending.is_empty() {
            let text = format!(
                "it no longer logs in with its {}, only as its policy says",
                ending.join(", ")
            );
            self.note("ends-login", &object, text, false);
        }
        for unseen in unseen {
            let text = format!("it only logs in as its policy says; not to be seen: {unseen}");
            self.note("ends-login", &object, text, false);
        }
    }

    /// Returns what a user has to log in with besides what the policy admits, and what of that could not be seen.
    fn other_methods(&self, user: &str, policy: &FullName) -> (Vec<&'static str>, Vec<String>) {
        let Look::There(facts) = look(self.observed.users.get(user)) else {
            return (Vec::new(), Vec::new());
        };
        let properties = match fact(&facts.properties) {
            Ok(properties) => properties,
            Err(needs) => {
                return (Vec::new(), vec![format!("how {user} logs in today; it needs {needs}")]);
            }
        };
        let keys = properties.key_fingerprints.iter().any(Option::is_some)
            || facts.key_pairs.known().is_some_and(|pairs| !pairs.is_empty());
        let [.., leaf] = policy;
        let is_key_only = leaf == KEY_ONLY;
        let methods = [
            ("password", fact(&properties.has_password).copied()),
            ("key pair", Ok(keys && !is_key_only)),
            ("workload identity", fact(&properties.has_workload_identity).copied()),
        ];
        let (mut ending, mut unseen) = (Vec::new(), Vec::new());
        for (method, has) in methods {
            match has {
                Ok(true) => ending.push(method),
                Ok(false) => {}
                Err(needs) => {
                    unseen.push(format!("whether {user} has a {method}; it needs {needs}"));
                }
            }
        }
        (ending, unseen)
    }
}

/// A policy of the user takes the place of the account's (snowflake docs: network-policies, "precedence").
fn from_where(of_account: &Seen<Option<String>>) -> String {
    match of_account.known() {
        Some(Some(account)) => {
            format!("from where this user may connect, instead of the account's {account}")
        }
        Some(None) | None => "from where this user may connect".to_owned(),
    }
}

fn replacing(locked_out: Vec<LockedOut>, unseen: Vec<String>) -> Danger {
    Danger { confirm: Confirmation::ReplacePolicy, locked_out, unseen }
}
