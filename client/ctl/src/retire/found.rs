//! What an account shows of a host: its tokens, who made them, and what could not be seen.

use std::collections::BTreeSet;

use patd_core::lifecycle::lineage::{Lineage, carries};
use patd_core::names::{HostId, TokenName, User};
use patd_core::pattern::desired::Desired;
use patd_core::pattern::observed::{Observed, Seen, Token, UserFacts};

/// A token and whose it is.
type Owned = (User, Token);

/// What an account shows of a host.
#[derive(Debug)]
pub(super) struct Found {
    /// The host.
    pub(super) host: HostId,
    /// Its tokens.
    pub(super) tokens: Vec<Owned>,
    /// What was to be looked at and could not be seen, and what would show it.
    pub(super) unseen: Vec<(String, String)>,
    /// Service users nobody looked at.
    pub(super) others: Vec<String>,
    /// Who made its tokens.
    pub(super) makers: Vec<Maker>,
    /// Roles that may manage tokens of the users looked at.
    pub(super) minters: BTreeSet<String>,
}

/// Who made tokens of a host.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Maker {
    /// The user.
    pub(super) user: User,
    /// Whether it is surely nobody's person.
    pub(super) is_service: bool,
    /// Other hosts whose tokens it made too.
    pub(super) hosts: BTreeSet<String>,
}

impl Found {
    /// Returns what was found.
    pub(super) fn of(host: &HostId, desired: &Desired, observed: &Observed) -> Self {
        let mut all = Vec::new();
        let mut found = Self {
            host: host.clone(),
            tokens: Vec::new(),
            unseen: Vec::new(),
            others: Vec::new(),
            makers: Vec::new(),
            minters: BTreeSet::new(),
        };
        for wanted in &desired.users {
            found.look(&wanted.user, observed, &mut all);
        }
        match &observed.other_services {
            Seen::Known(others) => found.others = others.keys().cloned().collect(),
            Seen::Hidden { needs } => {
                found.unseen.push(("other service users".to_owned(), needs.clone()));
            }
        }
        let of_host = |token: &Token| carries(host, &name(token));
        found.tokens = all.iter().filter(|(_, token)| of_host(token)).cloned().collect();
        found.makers = makers(&found.tokens, &all, desired, observed);
        found
    }

    fn look(&mut self, user: &User, observed: &Observed, all: &mut Vec<Owned>) {
        match observed.users.get(user.as_str()) {
            Some(Seen::Known(Some(facts))) => self.take(user, facts, all),
            Some(Seen::Hidden { needs }) => self.hidden(user, needs),
            Some(Seen::Known(None)) | None => {}
        }
    }

    fn take(&mut self, user: &User, facts: &UserFacts, all: &mut Vec<Owned>) {
        match &facts.tokens {
            Seen::Known(tokens) => {
                all.extend(tokens.iter().map(|token| (user.clone(), token.clone())));
            }
            Seen::Hidden { needs } => self.hidden(user, needs),
        }
        for (role, held) in facts.grants_on.known().into_iter().flatten() {
            if held.contains(MANAGE_TOKENS) {
                self.minters.insert(role.clone());
            }
        }
    }

    fn hidden(&mut self, user: &User, needs: &str) {
        self.unseen.push((format!("tokens of {user}"), needs.to_owned()));
    }

    /// Returns the role of a broker, where it has the usual name and manages tokens indeed.
    pub(super) fn usual_role(&self, broker: &User) -> Option<String> {
        let usual = format!("{broker}_ROLE");
        self.minters.contains(&usual).then_some(usual)
    }
}

/// Returns who made the tokens of a host, other than the broker of this configuration.
fn makers(tokens: &[Owned], all: &[Owned], desired: &Desired, observed: &Observed) -> Vec<Maker> {
    let names: BTreeSet<&str> = tokens
        .iter()
        .filter_map(|(_, token)| token.created_by.as_deref())
        .filter(|name| *name != desired.broker.user.as_str())
        .collect();
    let of = |name: &str| Maker {
        user: User::new(name),
        is_service: observed.persons.known().is_some_and(|persons| !persons.contains_key(name)),
        hosts: other_hosts(name, tokens, all),
    };
    names.into_iter().map(of).collect()
}

fn other_hosts(maker: &str, tokens: &[Owned], all: &[Owned]) -> BTreeSet<String> {
    let this: BTreeSet<String> = tokens.iter().filter_map(|(_, token)| host_of(token)).collect();
    let made = all.iter().filter(|(_, token)| token.created_by.as_deref() == Some(maker));
    made.filter_map(|(_, token)| host_of(token)).filter(|host| !this.contains(host)).collect()
}

fn host_of(token: &Token) -> Option<String> {
    Lineage::read(&name(token)).map(|lineage| lineage.host.to_string())
}

fn name(token: &Token) -> TokenName {
    TokenName::new(token.name.as_str())
}

/// Snowflake's name of the one privilege a broker needs.
const MANAGE_TOKENS: &str = "MODIFY PROGRAMMATIC AUTHENTICATION METHODS";

#[cfg(test)]
mod tests {
    use super::*;

    fn token(name: &str, by: &str) -> Owned {
        let token = Token {
            name: name.into(),
            role: None,
            status: "ACTIVE".into(),
            comment: String::new(),
            created_by: Some(by.into()),
            expires_at: None,
            rotated_to: None,
        };
        (User::new("U"), token)
    }

    #[test]
    fn a_broker_that_serves_other_hosts_too_is_told_by_its_tokens() {
        let of_host = [token("PATD_0A1B2C3D_G1_ABCDEF", "B")];
        let all = [
            of_host[0].clone(),
            token("PATD_11112222_G1_ABCDEF", "B"),
            token("PATD_33334444_G1_ABCDEF", "C"),
            token("HAND", "B"),
        ];

        assert_eq!(other_hosts("B", &of_host, &all), BTreeSet::from(["11112222".to_owned()]));
    }
}
