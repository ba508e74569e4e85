//! Network rule and network policy: made, and altered in place. An attached policy cannot be replaced
//! (snowflake docs: create-network-policy), and a rule's type and mode are fixed for life (create-network-rule).

use std::collections::BTreeSet;

use super::draft::{Change, Draft, was};
use super::look::{Look, fact, look};
use super::privilege::Need;
use super::quote;
use crate::pattern::desired::{Network, Source};
use crate::pattern::observed::{NetworkPolicy, NetworkRule};
use crate::pattern::ours::{FullName, OUR_COMMENT, dotted};
use crate::sql::SqlError;

mod address;

use self::address::{covers, same_values};

impl Draft<'_> {
    /// Makes the network rule and policy what they should be.
    pub(super) fn network(&mut self) -> Result<(), SqlError> {
        match &self.desired.network {
            Network::Existing { policy } => self.existing_network_policy(policy),
            Network::Allow { sources, .. } if sources.is_empty() => {
                Err(SqlError::Empty { what: "address range" })
            }
            Network::Allow { policy, sources } => {
                let before = self.len();
                let values = match self.desired.network_rule() {
                    Some(rule) => self.network_rule(&rule, sources)?,
                    None => BTreeSet::new(),
                };
                self.our_network_policy(policy, sources)?;
                if self.len() > before {
                    self.excluded(policy, &values, sources);
                }
                Ok(())
            }
        }
    }

    fn existing_network_policy(&mut self, policy: &str) -> Result<(), SqlError> {
        quote::name("network policy", policy)?;
        let object = format!("network policy {policy}");
        match look(Some(&self.observed.network_policy)) {
            Look::There(_) => {}
            Look::Absent => self.missing(&object),
            Look::Hidden(needs) => self.hidden(&object, "whether it is there", needs),
        }
        Ok(())
    }

    /// Plans the rule and returns what it will let in.
    fn network_rule(
        &mut self,
        name: &FullName,
        sources: &[Source],
    ) -> Result<BTreeSet<String>, SqlError> {
        let object = format!("network rule {}", dotted(name));
        let (observed, ranges) = (self.observed, ranges(sources));
        match look(Some(&observed.network_rule)) {
            Look::Hidden(needs) => {
                self.hidden(&object, "what it lets in", needs);
                Ok(ranges)
            }
            Look::Absent => {
                let values = self.with_address(ranges, sources, &object)?;
                self.make_rule(name, &object, &values)?;
                Ok(values)
            }
            Look::There(rule) => self.alter_rule(name, &object, rule, sources),
        }
    }

    /// CREATE OR ALTER, where it must be possible to run it again: a rule knows no IF NOT EXISTS
    /// (snowflake docs: create-network-rule).
    fn make_rule(
        &mut self,
        name: &FullName,
        object: &str,
        values: &BTreeSet<String>,
    ) -> Result<(), SqlError> {
        if values.is_empty() {
            return Ok(());
        }
        let quoted = quote::full("network rule", name)?;
        let create = if self.reruns() { "CREATE OR ALTER" } else { "CREATE" };
        let list = quote::texts("address range", values.iter().map(String::as_str))?;
        let comment = quote::text("comment", OUR_COMMENT)?;
        self.add(Change {
            statement: format!(
                "{create} NETWORK RULE {quoted} TYPE = IPV4 VALUE_LIST = {list} MODE = INGRESS COMMENT = {comment}"
            ),
            object: object.to_owned(),
            why: "from where broker and service users may connect".to_owned(),
            need: self.need_in_home("CREATE NETWORK RULE"),
        });
        self.rights.make("NETWORK RULE", &dotted(name));
        Ok(())
    }

    fn alter_rule(
        &mut self,
        name: &FullName,
        object: &str,
        rule: &NetworkRule,
        sources: &[Source],
    ) -> Result<BTreeSet<String>, SqlError> {
        if (rule.kind.as_str(), rule.mode.as_str()) != ("IPV4", "INGRESS") {
            let text = format!(
                "it is of type {} and mode {}, which never change: rename or drop it, then plan again",
                rule.kind, rule.mode
            );
            self.note("wrong-type", object, text, true);
            return Ok(BTreeSet::new());
        }
        let now = match fact(&rule.values) {
            Ok(values) => values,
            Err(needs) => {
                self.hidden(object, "what it lets in", needs);
                return Ok(ranges(sources));
            }
        };
        let mut wanted = ranges(sources);
        if sources.contains(&Source::AsSeen) {
            wanted.extend(now.iter().cloned());
        }
        let wanted = self.with_address(wanted, sources, object)?;
        let (mut says, mut found) = (Vec::new(), Vec::new());
        if !same_values(&wanted, now) {
            let list = quote::texts("address range", wanted.iter().map(String::as_str))?;
            says.push(format!("VALUE_LIST = {list}"));
            found.push(was("what it lets in", &joined(now)));
        }
        if rule.owned.comment != OUR_COMMENT {
            says.push(format!("COMMENT = {}", quote::text("comment", OUR_COMMENT)?));
            found.push(was("its comment", &rule.owned.comment));
        }
        if !says.is_empty() {
            self.foreign(object, &rule.owned.owner);
            self.change(Change {
                statement: format!(
                    "ALTER NETWORK RULE {} SET {}",
                    quote::full("network rule", name)?,
                    says.join(" ")
                ),
                object: object.to_owned(),
                why: found.join("; "),
                need: Need::ownership("NETWORK RULE", &dotted(name)),
            });
        }
        Ok(wanted)
    }

    /// Adds the address Snowflake saw, where that is asked for and nothing covers it yet.
    fn with_address(
        &mut self,
        mut values: BTreeSet<String>,
        sources: &[Source],
        object: &str,
    ) -> Result<BTreeSet<String>, SqlError> {
        if !sources.contains(&Source::AsSeen) {
            return Ok(values);
        }
        match self.observed.acting.address.as_deref() {
            Some(address) if covers(&values, address) => {}
            Some(address) if address::is_ipv4(address) => {
                values.insert(address.to_owned());
            }
            Some(address) => {
                let text = format!(
                    "Snowflake saw {address}, which a rule for IPv4 cannot hold: name a range, or a rule"
                );
                self.note("no-address", object, text, true);
            }
            None if self.reruns() && values.is_empty() => {
                return Err(SqlError::Empty {
                    what: "address range (as-seen needs a live account)",
                });
            }
            None => {
                let text = "the address Snowflake sees is not known here: as-seen adds nothing";
                self.note("no-address", object, text.to_owned(), values.is_empty());
            }
        }
        Ok(values)
    }

    fn our_network_policy(&mut self, policy: &str, sources: &[Source]) -> Result<(), SqlError> {
        let object = format!("network policy {policy}");
        let rules = self.rules(sources);
        match look(Some(&self.observed.network_policy)) {
            Look::Hidden(needs) => self.hidden(&object, "what it lets in", needs),
            Look::Absent => self.make_network_policy(policy, &object, &rules)?,
            Look::There(facts) => self.alter_network_policy(policy, &object, &rules, facts)?,
        }
        Ok(())
    }

    fn rules(&self, sources: &[Source]) -> Vec<FullName> {
        let named = sources.iter().filter_map(|source| match source {
            Source::Rule(name) => Some(name.clone()),
            Source::Range(_) | Source::AsSeen => None,
        });
        self.desired.network_rule().into_iter().chain(named).collect()
    }

    fn make_network_policy(
        &mut self,
        policy: &str,
        object: &str,
        rules: &[FullName],
    ) -> Result<(), SqlError> {
        let quoted = quote::name("network policy", policy)?;
        let says = format!("{ALLOWED_RULES} = {}", rule_list(rules)?);
        let comment = quote::text("comment", OUR_COMMENT)?;
        self.add(Change {
            statement: format!(
                "{} {quoted} {says} COMMENT = {comment}",
                self.create("NETWORK POLICY")
            ),
            object: object.to_owned(),
            why: "Snowflake issues no token to a service user without a network policy".to_owned(),
            need: Need::one("CREATE NETWORK POLICY ON ACCOUNT"),
        });
        self.rights.make("NETWORK POLICY", policy);
        if self.reruns() {
            self.change(altering(policy, object, &says, "in case the policy existed")?);
        }
        Ok(())
    }

    /// Every list is asserted: one more entry anywhere changes who may connect.
    fn alter_network_policy(
        &mut self,
        policy: &str,
        object: &str,
        rules: &[FullName],
        facts: &NetworkPolicy,
    ) -> Result<(), SqlError> {
        let lists = match fact(&facts.lists) {
            Ok(lists) => lists,
            Err(needs) => {
                self.hidden(object, "what it lets in", needs);
                return Ok(());
            }
        };
        let (mut says, mut found) = (Vec::new(), Vec::new());
        let wanted: BTreeSet<String> = rules.iter().map(dotted).collect();
        let now = lists.get(ALLOWED_RULES).cloned().unwrap_or_default();
        if now != wanted {
            says.push(format!("{ALLOWED_RULES} = {}", rule_list(rules)?));
            found.push(was(ALLOWED_RULES, &joined(&now)));
        }
        for name in OTHER_LISTS {
            if let Some(items) = lists.get(name).filter(|items| !items.is_empty()) {
                says.push(format!("{name} = ()"));
                found.push(was(name, &joined(items)));
            }
        }
        if facts.comment != OUR_COMMENT {
            says.push(format!("COMMENT = {}", quote::text("comment", OUR_COMMENT)?));
            found.push(was("its comment", &facts.comment));
        }
        if !says.is_empty() {
            self.change(altering(policy, object, &says.join(" "), &found.join("; "))?);
        }
        Ok(())
    }

    /// Tells who runs this plan from outside of what the policy will let in. The broker itself would be shut out.
    fn excluded(&mut self, policy: &str, values: &BTreeSet<String>, sources: &[Source]) {
        let acting = &self.observed.acting;
        let Some(address) = acting.address.as_deref().filter(|address| !covers(values, address))
        else {
            return;
        };
        let is_broker = acting.user == self.desired.broker.user.as_str();
        let named = sources.iter().any(|source| matches!(source, Source::Rule(_)));
        let unless = if named { ", unless one of the named rules does" } else { "" };
        let then = if is_broker {
            "the broker would shut itself out: add that address, or as-seen"
        } else {
            "the policy is not put on that user; but if the broker connects from there, add it"
        };
        let text = format!(
            "{} runs this plan from {address}, which it does not let in{unless}; {then}",
            acting.user
        );
        self.note("excludes-caller", &format!("network policy {policy}"), text, is_broker);
    }
}

fn ranges(sources: &[Source]) -> BTreeSet<String> {
    let range = |source: &Source| match source {
        Source::Range(range) => Some(range.clone()),
        Source::Rule(_) | Source::AsSeen => None,
    };
    sources.iter().filter_map(range).collect()
}

/// Rules are named by text, in which each part keeps its quotes (snowflake docs: create-network-policy).
fn rule_list(rules: &[FullName]) -> Result<String, SqlError> {
    let quoted: Result<Vec<String>, SqlError> =
        rules.iter().map(|rule| quote::full("network rule", rule)).collect();
    quote::texts("network rule", quoted?.iter().map(String::as_str))
}

fn joined(items: &BTreeSet<String>) -> String {
    items.iter().map(String::as_str).collect::<Vec<_>>().join(", ")
}

fn altering(policy: &str, object: &str, says: &str, why: &str) -> Result<Change, SqlError> {
    Ok(Change {
        statement: format!(
            "ALTER NETWORK POLICY {} SET {says}",
            quote::name("network policy", policy)?
        ),
        object: object.to_owned(),
        why: why.to_owned(),
        need: Need::ownership("NETWORK POLICY", policy),
    })
}

const ALLOWED_RULES: &str = "ALLOWED_NETWORK_RULE_LIST";
const OTHER_LISTS: [&str; 3] = ["BLOCKED_NETWORK_RULE_LIST", "ALLOWED_IP_LIST", "BLOCKED_IP_LIST"];
