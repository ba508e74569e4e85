//! Authentication policies as objects: made, and altered in place where a governed property differs. The two of our
//! users, tokens only and key only, are said here; those of the whole account in their own file.

use std::collections::BTreeMap;

use super::draft::{Change, Draft, was};
use super::look::{Look, look};
use super::pat_policy::{self, BLOCKED};
use super::privilege::Need;
use super::quote;
use super::step::{Confirmation, Danger, Sign};
use super::token_life::{LONGEST, Life, Now};
use super::value::Value;
use crate::pattern::desired::{Evaluation, TokenPolicy};
use crate::pattern::observed::AuthenticationPolicy;
use crate::pattern::ours::{FullName, KEY_ONLY, OUR_COMMENT, TOKENS_ONLY, dotted};
use crate::sql::SqlError;

/// An authentication policy as it should be.
pub(super) struct Policy {
    /// Its name.
    pub(super) name: FullName,
    /// What it says. A governed property that is not here is at its default.
    pub(super) properties: BTreeMap<String, Value>,
    /// The properties that are asserted, in the order statements name them.
    pub(super) governed: Vec<String>,
    /// Why it is there.
    pub(super) why: &'static str,
    /// The properties that a script leaves as they are where the policy is there already.
    pub(super) kept_again: &'static [&'static str],
    /// What creating it must be confirmed for.
    pub(super) on_create: Option<Danger>,
    /// What changing it must be confirmed for.
    pub(super) on_change: Option<Danger>,
}

impl Draft<'_> {
    /// Makes the policies of broker and service users what they should be.
    pub(super) fn policies_of_users(&mut self) -> Result<(), SqlError> {
        self.blocked_by_us();
        match &self.desired.tokens {
            TokenPolicy::Existing(name) => self.existing_policy(name)?,
            TokenPolicy::Ours { default_days, max_days, is_limit, evaluation } => {
                let life = Life { default: *default_days, longest: *max_days };
                self.token_policy(life, *is_limit, *evaluation)?;
            }
        }
        if self.desired.broker.is_ours() {
            let methods = Value::list(["KEYPAIR"]);
            self.policy(&Policy {
                name: self.desired.home.holds(KEY_ONLY),
                properties: BTreeMap::from([("AUTHENTICATION_METHODS".to_owned(), methods)]),
                governed: governed(&["AUTHENTICATION_METHODS", "CLIENT_TYPES", "CLIENT_POLICY"]),
                why: "the broker logs in with its key and nothing else",
                kept_again: &[],
                on_create: None,
                on_change: None,
            })?;
        }
        Ok(())
    }

    /// The policy of all hosts: what one of them does not know is left as it is.
    fn token_policy(
        &mut self,
        wanted: Life,
        is_limit: bool,
        evaluation: Evaluation,
    ) -> Result<(), SqlError> {
        let name = dotted(&self.desired.home.holds(TOKENS_ONLY));
        let now = self.life_now(&name);
        let whole = self.tokens_only(wanted, evaluation)?;
        let mut policy = self.tokens_only(wanted.beside(now, is_limit), evaluation)?;
        if now == Now::Unreadable {
            let danger = policy.on_change.get_or_insert_with(|| self.shorter(&name));
            danger.unseen.push("how long tokens may live now".to_owned());
        }
        self.policy(&policy)?;
        if wanted.shortens(now, is_limit) {
            self.shorten(&whole, now)?;
        }
        if self.reruns() {
            self.kept_when_rerun(&whole, wanted)?;
        }
        Ok(())
    }

    /// A script cannot know what is there, and PAT_POLICY is written whole: it would shorten the life of others' tokens.
    fn kept_when_rerun(&mut self, policy: &Policy, wanted: Life) -> Result<(), SqlError> {
        let whole = policy.saying("PAT_POLICY", "")?.statement;
        let text = format!(
            "if it was there already, what it says of tokens stays: other hosts may need a longer life than this one. \
             Where its {LONGEST} is below {} (DESCRIBE AUTHENTICATION POLICY shows it), run this with the most that any \
             host needs: {whole}",
            wanted.longest
        );
        self.note("tokens-kept", &object(&policy.name), text, false);
        Ok(())
    }

    /// A wanted role among the blocked ones would end the tokens that are the point of it all.
    fn blocked_by_us(&mut self) {
        let desired = self.desired;
        for user in &desired.users {
            if desired.scopes.blocked_roles.contains(&user.role) {
                let text =
                    format!("blocked_roles names it, and the tokens of {} need it", user.user);
                self.note("blocks-own-role", &format!("role {}", user.role), text, true);
            }
        }
    }

    /// Returns the statement that says all of what is wanted of tokens; none of ours: it says nothing.
    pub(super) fn token_policy_whole(&self) -> Result<String, SqlError> {
        let TokenPolicy::Ours { default_days, max_days, evaluation, .. } = &self.desired.tokens
        else {
            return Ok(String::new());
        };
        let life = Life { default: *default_days, longest: *max_days };
        let policy = self.tokens_only(life, *evaluation)?;
        Ok(policy.saying("PAT_POLICY", "")?.statement)
    }

    fn tokens_only(&self, life: Life, evaluation: Evaluation) -> Result<Policy, SqlError> {
        let name = self.desired.home.holds(TOKENS_ONLY);
        let mut fields = pat_policy::of_tokens(life, evaluation)?;
        pat_policy::block(&mut fields, &self.desired.scopes.blocked_roles, self.observed)?;
        if !fields.contains_key(BLOCKED) && self.blocks_now(&dotted(&name)) {
            fields.insert(BLOCKED.to_owned(), Value::list([]));
        }
        let methods = Value::list(["PROGRAMMATIC_ACCESS_TOKEN"]);
        let danger = (evaluation == Evaluation::NotEnforced).then(any_network);
        Ok(Policy {
            name,
            properties: BTreeMap::from([
                ("AUTHENTICATION_METHODS".to_owned(), methods),
                ("PAT_POLICY".to_owned(), Value::Fields(fields)),
            ]),
            governed: governed(&[
                "AUTHENTICATION_METHODS",
                "CLIENT_TYPES",
                "CLIENT_POLICY",
                "PAT_POLICY",
            ]),
            why: "service users log in with role-restricted tokens and nothing else",
            kept_again: &["PAT_POLICY"],
            on_create: danger.clone(),
            on_change: danger,
        })
    }

    fn blocks_now(&self, name: &str) -> bool {
        let Look::There(policy) = look(self.observed.authentication_policies.get(name)) else {
            return false;
        };
        let value = policy.properties.get("PAT_POLICY").and_then(|text| Value::read(text));
        let blocked = value.as_ref().and_then(Value::fields).and_then(|fields| fields.get(BLOCKED));
        blocked.and_then(Value::items).is_some_and(|roles| !roles.is_empty())
    }

    fn existing_policy(&mut self, name: &FullName) -> Result<(), SqlError> {
        quote::full("authentication policy", name)?;
        let object = object(name);
        match look(self.observed.authentication_policies.get(&dotted(name))) {
            Look::There(_) => {}
            Look::Absent => self.missing(&object),
            Look::Hidden(needs) => self.hidden(&object, "whether it is there", needs),
        }
        Ok(())
    }

    /// Makes one policy what it should be.
    pub(super) fn policy(&mut self, policy: &Policy) -> Result<(), SqlError> {
        match look(self.observed.authentication_policies.get(&dotted(&policy.name))) {
            Look::Hidden(needs) => self.hidden(&object(&policy.name), "what it says", needs),
            Look::Absent => self.make_policy(policy)?,
            Look::There(facts) => self.alter_policy(policy, facts)?,
        }
        Ok(())
    }

    fn make_policy(&mut self, policy: &Policy) -> Result<(), SqlError> {
        let quoted = quote::full("authentication policy", &policy.name)?;
        let all: Vec<&String> = policy.governed.iter().collect();
        let says = policy.assignments(&all)?;
        let comment = format!("COMMENT = {}", quote::text("comment", OUR_COMMENT)?);
        let create = self.create("AUTHENTICATION POLICY");
        let change = Change {
            statement: format!("{create} {quoted} {says} {comment}"),
            object: object(&policy.name),
            why: policy.why.to_owned(),
            need: self.need_in_home("CREATE AUTHENTICATION POLICY"),
        };
        self.step(Sign::Add, change, policy.on_create.clone());
        self.rights.make("AUTHENTICATION POLICY", &dotted(&policy.name));
        if self.reruns() {
            let kept = |name: &&&String| !policy.kept_again.contains(&name.as_str());
            let says = policy.assignments(&all.iter().filter(kept).copied().collect::<Vec<_>>())?;
            let alter = policy.altering(format!("SET {says}"), "in case the policy existed")?;
            self.step(Sign::Change, alter, policy.on_change.clone());
        }
        Ok(())
    }

    fn alter_policy(
        &mut self,
        policy: &Policy,
        facts: &AuthenticationPolicy,
    ) -> Result<(), SqlError> {
        let differs = policy.governed.iter().filter(|name| !policy.is_said(name, facts));
        let (set, unset): (Vec<&String>, Vec<&String>) =
            differs.partition(|name| policy.properties.contains_key(*name));
        let mut says = policy.assignments(&set)?;
        let danger = if says.is_empty() { None } else { policy.on_change.clone() };
        let now = |name: &String| was(name, facts.properties.get(name).map_or("", String::as_str));
        let mut found: Vec<String> = set.iter().map(|name| now(name)).collect();
        if facts.owned.comment != OUR_COMMENT {
            let comment = quote::text("comment", OUR_COMMENT)?;
            says = format!("{says} COMMENT = {comment}").trim_start().to_owned();
            found.push(was("its comment", &facts.owned.comment));
        }
        if !says.is_empty() {
            self.foreign(&object(&policy.name), &facts.owned.owner);
            let alter = policy.altering(format!("SET {says}"), &found.join("; "))?;
            self.step(Sign::Change, alter, danger);
        }
        if !unset.is_empty() {
            self.foreign(&object(&policy.name), &facts.owned.owner);
            let found: Vec<String> = unset.iter().map(|name| now(name)).collect();
            let names: Vec<&str> = unset.into_iter().map(String::as_str).collect();
            let change = format!("UNSET {}", names.join(", "));
            let alter = policy.altering(change, &found.join("; "))?;
            self.step(Sign::Change, alter, policy.on_change.clone());
        }
        Ok(())
    }
}

impl Policy {
    /// Returns `A = …` for each of these properties that is said.
    fn assignments(&self, names: &[&String]) -> Result<String, SqlError> {
        let said = names.iter().filter_map(|name| Some((name, self.properties.get(*name)?)));
        let one = |(name, value): (&&String, &Value)| Ok(format!("{name} = {}", value.sql(name)?));
        let all: Result<Vec<String>, SqlError> = said.map(one).collect();
        Ok(all?.join(" "))
    }

    /// Returns whether the policy that is there says what it should. A value that cannot be read does not.
    fn is_said(&self, name: &str, facts: &AuthenticationPolicy) -> bool {
        let Some(text) = facts.properties.get(name) else {
            return !self.properties.contains_key(name);
        };
        let Some(value) = Value::read(text) else { return false };
        match self.properties.get(name) {
            Some(wanted) => value.says(wanted),
            None => value.said(name).is_none(),
        }
    }

    /// Returns the ALTER that sets one property.
    pub(super) fn saying(&self, name: &str, why: &str) -> Result<Change, SqlError> {
        let says = self.assignments(&[&name.to_owned()])?;
        self.altering(format!("SET {says}"), why)
    }

    fn altering(&self, change: String, why: &str) -> Result<Change, SqlError> {
        let quoted = quote::full("authentication policy", &self.name)?;
        Ok(Change {
            statement: format!("ALTER AUTHENTICATION POLICY {quoted} {change}"),
            object: object(&self.name),
            why: why.to_owned(),
            need: Need::ownership("AUTHENTICATION POLICY", &dotted(&self.name)),
        })
    }
}

fn object(name: &FullName) -> String {
    format!("authentication policy {}", dotted(name))
}

fn governed(names: &[&str]) -> Vec<String> {
    names.iter().map(|&name| name.to_owned()).collect()
}

fn any_network() -> Danger {
    Danger { confirm: Confirmation::AnyNetwork, locked_out: Vec::new(), unseen: Vec::new() }
}
