//! What the acting role can see, and so what an empty answer means.
//!
//! | An empty answer to | means "not there" if the acting role | else hidden, needs |
//! |---|---|---|
//! | SHOW ROLES, USERS, DATABASES, SCHEMAS, NETWORK RULES, NETWORK POLICIES, AUTHENTICATION POLICIES | holds MANAGE GRANTS ON ACCOUNT, or is or inherits ACCOUNTADMIN or SECURITYADMIN (snowflake docs: show-users, show-grants: "implicitly allows its holder to see every object in the account") | MANAGE GRANTS ON ACCOUNT |
//! | SHOW AUTHENTICATION POLICIES ON ACCOUNT | as above, or holds APPLY AUTHENTICATION POLICY ON ACCOUNT | that |
//! | SHOW GRANTS, SHOW … TOKENS FOR USER, SHOW … KEY PAIRS FOR USER | always: without the privilege they are refused | |
//!
//! | A refusal of | is hidden, needs |
//! |---|---|
//! | DESCRIBE USER; SHOW GRANTS TO USER, ON USER | OWNERSHIP ON USER …, or MANAGE GRANTS ON ACCOUNT |
//! | SHOW GRANTS TO ROLE, OF ROLE | MANAGE GRANTS ON ACCOUNT |
//! | SHOW PARAMETERS FOR USER | MONITOR ON USER … |
//! | SHOW PARAMETERS IN ACCOUNT (or that it does not show NETWORK_POLICY) | ATTACH POLICY ON ACCOUNT |
//! | SHOW AUTHENTICATION POLICIES ON USER | APPLY AUTHENTICATION POLICY ON USER … |
//! | SHOW … TOKENS, KEY PAIRS FOR USER | MODIFY PROGRAMMATIC AUTHENTICATION METHODS ON USER … (MANAGE GRANTS does not show them) |
//! | DESCRIBE of a policy or rule | OWNERSHIP on it (authentication policies: or APPLY AUTHENTICATION POLICY ON ACCOUNT) |
//!
//! What PUBLIC or secondary roles hold is left out: nothing should rest on it.

use std::collections::{BTreeSet, VecDeque};

use crate::pattern::desired::Desired;
use crate::pattern::observed::{Grant, Seen};
use crate::pattern::ours;

use super::answers::Answers;
use super::ask::Ask;
use super::wanted::policies;

/// The privilege that shows every object.
pub(super) const MANAGE_GRANTS: &str = "MANAGE GRANTS ON ACCOUNT";
/// The privilege that shows every authentication policy.
pub(super) const APPLY_POLICIES: &str = "APPLY AUTHENTICATION POLICY ON ACCOUNT";

/// Roles that hold MANAGE GRANTS from the start.
const SEE_ALL: [&str; 2] = ["ACCOUNTADMIN", "SECURITYADMIN"];

/// More inherited roles than this are not asked about; ACCOUNTADMIN may inherit thousands.
pub(super) const MOST_ROLES: usize = 200;

/// A role the acting role acts as.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Inherited {
    Account(String),
    /// One of the home database; roles of other databases hold nothing on what is wanted.
    Database([String; 2]),
}

/// The acting role with what it inherits, as far as the answers tell.
pub(super) struct Sight {
    roles: BTreeSet<Inherited>,
    privileges: BTreeSet<Grant>,
    /// Whether the grants of every role above were told.
    complete: bool,
}

impl Sight {
    /// Follows the answers from the acting role down.
    pub(super) fn of(answers: &Answers, home: &str) -> Self {
        let mut sight =
            Self { roles: BTreeSet::new(), privileges: BTreeSet::new(), complete: true };
        let acting = answers.who.iter().map(|who| Inherited::Account(who.role.clone()));
        let mut next: VecDeque<Inherited> = acting.collect();
        while let Some(role) = next.pop_front() {
            if sight.roles.len() >= MOST_ROLES {
                sight.complete = false;
                break;
            }
            if sight.roles.insert(role.clone()) {
                next.extend(sight.holds(&role, answers, home));
            }
        }
        sight
    }

    /// Takes what a role holds, and returns the roles among it.
    fn holds(&mut self, role: &Inherited, answers: &Answers, home: &str) -> Vec<Inherited> {
        let Some(Ok(grants)) = answers.grants.get(&role.ask()) else {
            self.complete = false;
            return Vec::new();
        };
        self.privileges.extend(grants.iter().cloned());
        grants.iter().filter_map(|grant| inherited(grant, home)).collect()
    }

    /// Returns the questions that its sight depends on.
    pub(super) fn questions(&self) -> impl Iterator<Item = Ask> {
        self.roles.iter().map(Inherited::ask)
    }

    /// Returns the account roles.
    pub(super) fn roles(&self) -> BTreeSet<String> {
        let account = |role: &Inherited| match role {
            Inherited::Account(name) => Some(name.clone()),
            Inherited::Database(_) => None,
        };
        self.roles.iter().filter_map(account).collect()
    }

    /// Returns whether an empty SHOW means that there is nothing.
    pub(super) fn sees_all(&self) -> bool {
        let built_in = SEE_ALL.map(|role| Inherited::Account(role.to_owned()));
        built_in.iter().any(|role| self.roles.contains(role))
            || self.holds_on_account("MANAGE GRANTS")
    }

    /// Returns whether the acting role sees all that is attached to the account.
    pub(super) fn sees_policies(&self) -> bool {
        self.sees_all() || self.holds_on_account("APPLY AUTHENTICATION POLICY")
    }

    fn holds_on_account(&self, privilege: &str) -> bool {
        self.privileges.iter().any(|held| held.on == "ACCOUNT" && held.privilege == privilege)
    }

    /// Returns the privileges on the account and on what is wanted; on other objects they come and go with each table
    /// somebody makes.
    pub(super) fn privileges(&self, desired: &Desired) -> Seen<BTreeSet<String>> {
        if !self.complete {
            return Seen::Hidden {
                needs: format!("{MANAGE_GRANTS}, and at most {MOST_ROLES} roles"),
            };
        }
        let named = named(desired);
        let told = self.privileges.iter().filter_map(|grant| {
            let on = grant.on.replace('_', " ");
            let text = match grant.on.as_str() {
                "ACCOUNT" => format!("{} ON ACCOUNT", grant.privilege),
                _ => format!("{} ON {on} {}", grant.privilege, grant.name),
            };
            (grant.on == "ACCOUNT" || named.contains(&grant.name)).then_some(text)
        });
        Seen::Known(told.collect())
    }
}

impl Inherited {
    fn ask(&self) -> Ask {
        match self {
            Self::Account(name) => Ask::GrantsToRole(name.clone()),
            Self::Database(name) => Ask::GrantsToDatabaseRole(name.clone()),
        }
    }
}

fn inherited(grant: &Grant, home: &str) -> Option<Inherited> {
    match (grant.privilege.as_str(), grant.on.as_str()) {
        ("USAGE", "ROLE") => Some(Inherited::Account(grant.name.clone())),
        ("USAGE", "DATABASE_ROLE") => {
            let role = grant.name.strip_prefix(home)?.strip_prefix('.')?;
            Some(Inherited::Database([home.to_owned(), role.to_owned()]))
        }
        _ => None,
    }
}

/// Returns the full names of everything that is wanted.
fn named(desired: &Desired) -> BTreeSet<String> {
    let home = &desired.home;
    let schema = format!("{}.{}", home.database, home.schema);
    let mut names: BTreeSet<String> = [home.database.clone(), schema.clone()].into();
    names.extend([desired.broker.user.as_str(), desired.broker.role.as_str()].map(str::to_owned));
    names.extend(policies(desired).iter().map(ours::dotted));
    names.extend(desired.network_rule().iter().map(ours::dotted));
    names.insert(desired.network_policy().to_owned());
    for user in &desired.users {
        names.extend([user.user.as_str(), user.role.as_str()].map(str::to_owned));
        names.extend(user.warehouse.clone());
        names.extend(user.privileges.iter().map(|privilege| privilege.name.join(".")));
        names.extend(user.database_roles.iter().map(|role| role.join(".")));
    }
    names
}
