//! The two policies of the whole account: persons lose tokens and nothing else, service users gain them and lose
//! nothing. Each starts from the policy that now governs its users.

use std::collections::{BTreeMap, BTreeSet};

use super::authentication::Policy;
use super::carried::{PROPERTIES, carried};
use super::draft::{Change, Draft};
use super::look::{Look, fact, look};
use super::pat_policy;
use super::privilege::Need;
use super::quote;
use super::step::Sign;
use super::value::Value;
use crate::pattern::ours::{FullName, PERSONS, SERVICES, dotted};
use crate::sql::SqlError;

/// Whom a policy of the account governs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Scope {
    /// TYPE PERSON, or none.
    Persons,
    /// TYPE SERVICE and LEGACY_SERVICE (snowflake docs: alter-account).
    Services,
}

/// What is attached where a policy of ours belongs.
struct Place<'a> {
    scope: Scope,
    name: FullName,
    attached: Option<&'a str>,
    base: Option<&'a str>,
}

impl Draft<'_> {
    /// Puts the wanted policies of the account in force. Service users first: they are admitted before anybody is barred.
    pub(super) fn scopes(&mut self) -> Result<(), SqlError> {
        let (desired, observed) = (&self.desired.scopes, self.observed);
        if !desired.bar_persons && !desired.admit_services {
            return Ok(());
        }
        let attached = match fact(&observed.scopes) {
            Ok(attached) => attached,
            Err(needs) => {
                let text =
                    format!("which policies the account has could not be seen; it needs {needs}");
                self.note("hidden", "account", text, false);
                return Ok(());
            }
        };
        if self.reruns() {
            let text = "the policies of the account start from none here: one that is in force is replaced with all \
                        it says; where there is one, plan against the live account";
            self.note("assumes-empty", "account", text.to_owned(), false);
        }
        let account = attached.account.as_deref();
        if desired.admit_services {
            self.scope(Scope::Services, attached.services.as_deref(), account)?;
        }
        if desired.bar_persons {
            self.scope(Scope::Persons, attached.persons.as_deref(), account)?;
        }
        Ok(())
    }

    fn scope(
        &mut self,
        scope: Scope,
        attached: Option<&str>,
        account: Option<&str>,
    ) -> Result<(), SqlError> {
        let name = self.desired.home.holds(scope.policy());
        let place = Place { scope, name, attached, base: attached.or(account) };
        let Some(base) = self.base(&place) else { return Ok(()) };
        let Some(policy) = self.derived(&place, base)? else { return Ok(()) };
        let methods = policy.methods();
        self.policy(&policy)?;
        self.attach_to_account(&place, &methods)
    }

    /// Returns what the policy in force says; none, with a note, where that cannot be taken over whole.
    fn base(&mut self, place: &Place<'_>) -> Option<BTreeMap<String, Value>> {
        let Some(name) = place.base else { return Some(BTreeMap::new()) };
        let found = match look(self.observed.authentication_policies.get(name)) {
            Look::There(policy) => carried(policy),
            Look::Absent | Look::Hidden(_) => {
                let text = format!(
                    "{name} governs {} and could not be read, so none of ours can start from it; it needs OWNERSHIP ON \
                     AUTHENTICATION POLICY {name} or APPLY AUTHENTICATION POLICY ON ACCOUNT",
                    place.scope.whom()
                );
                self.note("hidden", "account", text, false);
                return None;
            }
        };
        found
            .map_err(|unknown| {
                let text = format!(
                    "{name} governs {} and says {}, which cannot be carried over: put that on {} by hand, attach it, \
                     and plan again",
                    place.scope.whom(),
                    unknown.join(", "),
                    dotted(&place.name)
                );
                self.note("cannot-carry-over", "account", text, true);
            })
            .ok()
    }

    fn derived(
        &mut self,
        place: &Place<'_>,
        mut said: BTreeMap<String, Value>,
    ) -> Result<Option<Policy>, SqlError> {
        let before = said.get(METHODS).and_then(Value::items).cloned();
        let before = before.unwrap_or_else(|| BTreeSet::from(["ALL".to_owned()]));
        let methods = place.scope.methods(&before);
        if methods.is_empty() {
            let text = "the policy in force knows no method but tokens: barring them would leave persons without any; \
                        give them another first";
            self.note("no-other-method", "account", text.to_owned(), true);
            return Ok(None);
        }
        let governed = match place.base {
            Some(_) => PROPERTIES.map(str::to_owned).to_vec(),
            None => vec![METHODS.to_owned(), "PAT_POLICY".to_owned()],
        };
        said.insert(METHODS.to_owned(), Value::List(methods.clone()));
        self.derive_pat_policy(place, &mut said)?;
        let governed =
            governed.into_iter().filter(|name| name != "PAT_POLICY" || said.contains_key(name));
        let in_force = place.attached == Some(&dotted(&place.name));
        Ok(Some(Policy {
            name: place.name.clone(),
            governed: governed.collect(),
            properties: said,
            why: place.scope.why(),
            kept_again: &[],
            on_create: None,
            on_change: in_force.then(|| self.account_danger(place.scope, &before, &methods)),
        }))
    }

    fn derive_pat_policy(
        &mut self,
        place: &Place<'_>,
        said: &mut BTreeMap<String, Value>,
    ) -> Result<(), SqlError> {
        let blocked = &self.desired.scopes.blocked_roles;
        let mut fields = match (said.get("PAT_POLICY").and_then(Value::fields), place.base) {
            (Some(fields), _) => fields.clone(),
            (None, None) => pat_policy::built_in(),
            // A policy without the property belongs to an account that does not know it.
            (None, Some(_)) => return Ok(()),
        };
        if place.scope == Scope::Persons {
            pat_policy::restrict_persons(&mut fields, self.observed);
        }
        pat_policy::block(&mut fields, blocked, self.observed)?;
        if !blocked.is_empty() && !fields.contains_key(pat_policy::BLOCKED) {
            let text = "this account knows no BLOCKED_ROLES_LIST: blocked_roles has no effect here"
                .to_owned();
            self.note("no-blocked-roles", "account", text, false);
        }
        if place.scope == Scope::Persons || place.base.is_some() || !blocked.is_empty() {
            said.insert("PAT_POLICY".to_owned(), Value::Fields(fields));
        }
        Ok(())
    }

    /// Returns whether a policy of ours must be forced over another, or may have to be.
    pub(super) fn forces(&self) -> bool {
        let (desired, home) = (&self.desired.scopes, &self.desired.home);
        let taken = |now: &Option<String>, name| {
            now.as_ref().is_some_and(|now| *now != dotted(&home.holds(name)))
        };
        let Ok(attached) = fact(&self.observed.scopes) else { return self.reruns() };
        let persons = desired.bar_persons && taken(&attached.persons, PERSONS);
        let services = desired.admit_services && taken(&attached.services, SERVICES);
        persons || services || self.reruns()
    }

    /// Attaches a policy of ours. Over another with FORCE, in one statement: taking that one off first would, for a
    /// moment or for as long as somebody stopped there, leave its users under a policy that may shut out whoever runs
    /// this, and nobody would know any more what it said.
    fn attach_to_account(
        &mut self,
        place: &Place<'_>,
        methods: &BTreeSet<String>,
    ) -> Result<(), SqlError> {
        let own = dotted(&place.name);
        if place.attached == Some(&own) {
            return Ok(());
        }
        let mut danger = self.account_danger(place.scope, &self.methods_of(place.base), methods);
        let mut why = place.scope.why().to_owned();
        let mut force = if self.reruns() { " FORCE" } else { "" };
        if let Some(other) = place.attached {
            force = " FORCE";
            why = format!("{other} is in force, and ours says the same but for tokens");
            danger.unseen.push(self.forced_off());
        }
        let quoted = quote::full("authentication policy", &place.name)?;
        let clause = place.scope.clause();
        let statement = format!("ALTER ACCOUNT SET AUTHENTICATION POLICY {quoted} {clause}{force}");
        self.step(Sign::Add, on_account(statement, why), Some(danger));
        Ok(())
    }

    fn methods_of(&self, policy: Option<&str>) -> BTreeSet<String> {
        let all = || BTreeSet::from(["ALL".to_owned()]);
        let Some(name) = policy else { return all() };
        let Look::There(policy) = look(self.observed.authentication_policies.get(name)) else {
            return all();
        };
        let value = policy.properties.get(METHODS).and_then(|text| Value::read(text));
        value.as_ref().and_then(Value::items).cloned().unwrap_or_else(all)
    }
}

impl Policy {
    fn methods(&self) -> BTreeSet<String> {
        self.properties.get(METHODS).and_then(Value::items).cloned().unwrap_or_default()
    }
}

impl Scope {
    fn policy(self) -> &'static str {
        match self {
            Self::Persons => PERSONS,
            Self::Services => SERVICES,
        }
    }

    /// Returns the clause of ALTER ACCOUNT.
    pub(super) fn clause(self) -> &'static str {
        match self {
            Self::Persons => "FOR ALL PERSON USERS",
            Self::Services => "FOR ALL SERVICE USERS",
        }
    }

    fn whom(self) -> &'static str {
        match self {
            Self::Persons => "person users",
            Self::Services => "service users",
        }
    }

    fn why(self) -> &'static str {
        match self {
            Self::Persons => "no person logs in with a token, or makes one",
            Self::Services => "service users may use tokens, and all they could use before",
        }
    }

    /// Returns the methods that are left, or gained.
    fn methods(self, before: &BTreeSet<String>) -> BTreeSet<String> {
        let all = before.contains("ALL");
        match self {
            Self::Services if all => before.clone(),
            Self::Services => {
                let mut methods = before.clone();
                methods.extend(OF_SERVICES.map(str::to_owned));
                methods
            }
            Self::Persons if all => BUT_TOKENS.map(str::to_owned).into(),
            Self::Persons => before.iter().filter(|method| *method != TOKENS).cloned().collect(),
        }
    }
}

fn on_account(statement: String, why: String) -> Change {
    let need = Need::one("APPLY AUTHENTICATION POLICY ON ACCOUNT");
    Change { statement, object: "account".to_owned(), why, need }
}

/// The property that names the methods.
const METHODS: &str = "AUTHENTICATION_METHODS";
/// The method of programmatic access tokens.
pub(super) const TOKENS: &str = "PROGRAMMATIC_ACCESS_TOKEN";
/// What service users are never left without.
const OF_SERVICES: [&str; 4] = ["KEYPAIR", "OAUTH", TOKENS, "WORKLOAD_IDENTITY"];
/// What ALL means but for tokens (snowflake docs: create-authentication-policy).
const BUT_TOKENS: [&str; 5] = ["KEYPAIR", "OAUTH", "PASSWORD", "SAML", "WORKLOAD_IDENTITY"];
