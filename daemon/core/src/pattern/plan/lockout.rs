//! Who would be locked out: by name and with the reason, and whatever could not be seen and may hide more of them.

use std::collections::BTreeSet;

use super::draft::Draft;
use super::look::fact;
use super::scopes::{Scope, TOKENS};
use super::step::{Confirmation, Danger, LockedOut};
use crate::pattern::observed::{Effective, OtherService, Person, Seen};

impl Draft<'_> {
    /// Returns the danger of a policy of the whole account that turns these methods into those.
    pub(super) fn account_danger(
        &self,
        scope: Scope,
        before: &BTreeSet<String>,
        after: &BTreeSet<String>,
    ) -> Danger {
        let mut danger = Danger {
            confirm: Confirmation::AccountPolicies,
            locked_out: Vec::new(),
            unseen: Vec::new(),
        };
        match scope {
            Scope::Persons if admits(before, TOKENS) => self.persons(&mut danger),
            Scope::Persons => {}
            Scope::Services => self.services(&mut danger, after),
        }
        danger
    }

    /// Returns whose own policy FORCE on the account may take off.
    pub(super) fn forced_off(&self) -> String {
        let of_persons = self.observed.persons.known().into_iter().flatten();
        let of_services = self.observed.other_services.known().into_iter().flatten();
        let persons = of_persons.filter(|(_, person)| has_its_own(&person.policy));
        let services = of_services.filter(|(_, service)| has_its_own(&service.policy));
        let names: Vec<&str> = persons
            .map(|(name, _)| name)
            .chain(services.map(|(name, _)| name))
            .map(String::as_str)
            .collect();
        let whose = if names.is_empty() { "users".to_owned() } else { names.join(", ") };
        format!(
            "whether FORCE takes policies of their own off {whose}: Snowflake's documentation leaves it open"
        )
    }

    fn persons(&self, danger: &mut Danger) {
        let persons = match fact(&self.observed.persons) {
            Ok(persons) => persons,
            Err(needs) => {
                danger.unseen.push(format!("which person users there are; it needs {needs}"));
                return;
            }
        };
        let governed =
            |(_, person): &(&String, &Person)| !person.disabled && !has_its_own(&person.policy);
        let mut unseen = Vec::new();
        for (name, person) in persons.iter().filter(governed) {
            match fact(&person.live_tokens) {
                Ok(tokens) => danger.locked_out.extend(self.person(name, tokens)),
                Err(_) => unseen.push(name.as_str()),
            }
        }
        if !unseen.is_empty() {
            danger.unseen.push(format!("live tokens of {}", unseen.join(", ")));
        }
        let acting = &self.observed.acting;
        if acting.method.is_none() && persons.contains_key(&acting.user) {
            danger.unseen.push(format!("how {}, who runs this plan, logged in", acting.user));
        }
    }

    fn person(&self, name: &str, tokens: &BTreeSet<String>) -> Option<LockedOut> {
        let acting = &self.observed.acting;
        let runs_this = acting.user == name && acting.method.as_deref() == Some(TOKENS);
        let names = tokens.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
        let why = match (runs_this, tokens.len()) {
            (true, _) => "runs this plan, with a token".to_owned(),
            (false, 0) => return None,
            (false, 1) => format!("has a live token: {names}"),
            (false, count) => format!("has {count} live tokens: {names}"),
        };
        Some(LockedOut { user: name.to_owned(), why })
    }

    fn services(&self, danger: &mut Danger, after: &BTreeSet<String>) {
        match fact(&self.observed.other_services) {
            Ok(services) => {
                let governed = services
                    .iter()
                    .filter(|(_, service)| !service.disabled && !has_its_own(&service.policy));
                danger
                    .locked_out
                    .extend(governed.filter_map(|(name, service)| left_out(name, service, after)));
            }
            Err(needs) => {
                danger
                    .unseen
                    .push(format!("which other service users there are; it needs {needs}"));
            }
        }
        let acting = &self.observed.acting;
        let broker = self.desired.broker.user.as_str();
        if !admits(after, "KEYPAIR") {
            danger.locked_out.push(locked_out(broker, "is the broker, and logs in with its key"));
        }
        if let Some(method) = acting.method.as_deref().filter(|method| !admits(after, method))
            && !self.is_person(&acting.user)
        {
            danger
                .locked_out
                .push(locked_out(&acting.user, &format!("runs this plan, with {method}")));
        }
    }

    fn is_person(&self, user: &str) -> bool {
        self.observed.persons.known().is_some_and(|persons| persons.contains_key(user))
    }
}

fn left_out(name: &str, service: &OtherService, after: &BTreeSet<String>) -> Option<LockedOut> {
    let left = service.methods.iter().any(|method| admits(after, method));
    if service.methods.is_empty() || left {
        return None;
    }
    let methods = service.methods.iter().map(String::as_str).collect::<Vec<_>>().join(", ");
    Some(locked_out(name, &format!("has no other method than {methods}")))
}

/// A policy on the user itself counts before those of the account (snowflake docs: authentication-policies).
fn has_its_own(policy: &Seen<Effective>) -> bool {
    policy.known().is_some_and(|policy| policy.set_on.as_deref() == Some("USER"))
}

fn admits(methods: &BTreeSet<String>, method: &str) -> bool {
    methods.contains("ALL") || methods.contains(method)
}

fn locked_out(user: &str, why: &str) -> LockedOut {
    LockedOut { user: user.to_owned(), why: why.to_owned() }
}
