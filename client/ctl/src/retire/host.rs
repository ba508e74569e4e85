//! `patctl retire --host ID`: a host that is lost. An admin's session looks for its tokens by the id in their names,
//! shows them, and removes them when that is confirmed.

use std::collections::BTreeSet;

use patd_core::lifecycle::lineage::{Lineage, carries};
use patd_core::names::{HostId, Role, TokenName, User};
use patd_core::pattern::desired::{Broker, Desired, Management, ServiceUser};
use patd_core::pattern::observed::{Observed, Seen, Token};
use patd_core::pattern::plan::{self, Plan, Step, render};
use patd_core::sql::SqlError;
use patd_snowflake::provision::fingerprint;
use serde_json::{Value, json};

use crate::answer::{Answer, Exit, Failure};
use crate::cli::{Cli, RetireArgs};
use crate::confirm::consent;
use crate::errand::{self, Nobody, Words};
use crate::plan::{not_made, shown};
use crate::runner;
use crate::target::Target;

use super::comment;

pub(super) fn run(cli: &Cli, args: &RetireArgs, id: &str) -> Result<Answer, Failure> {
    runner::needs_an_admin(&args.session)?;
    let host = host_id(id)?;
    let target = Target::find(cli, args.session.account.as_deref())?;
    refuse_own_broker(&target.desired, args)?;
    let desired = with_users(&target.desired, &args.users);
    let mut session = runner::open(cli, &args.session, &target)?;
    let observed = session.observe(&desired)?;
    let found = Found::of(&host, &desired, &observed);
    let plan = found.plan(&desired, &observed, args).map_err(not_made)?;
    let mut done = Value::Null;
    if !plan.steps.is_empty() {
        errand::say(&shown(&plan));
        let consent = consent(&plan, &args.consent)?;
        let words = Words { again: "patctl retire", next: String::new() };
        done = errand::carry_out(session.as_mut(), &plan, &consent, &words, &mut Nobody)?.json;
    }
    found.answer(&desired, args, done).map_err(not_made)
}

fn host_id(text: &str) -> Result<HostId, Failure> {
    let id = text.to_ascii_uppercase();
    if id.len() == 8 && id.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Ok(HostId::new(id));
    }
    let what = format!("{text:?} is no id of a host");
    Err(Failure::new(
        Exit::Usage,
        what,
        "write the 8 letters and digits after PATD_ in its tokens' names",
    ))
}

fn refuse_own_broker(desired: &Desired, args: &RetireArgs) -> Result<(), Failure> {
    if args.broker.as_deref() != Some(desired.broker.user.as_str()) {
        return Ok(());
    }
    let what =
        format!("nothing was done: {} is the broker of this configuration", desired.broker.user);
    Err(Failure::new(Exit::Usage, what, "on that host itself: patctl retire"))
}

/// A lost host may have served users that no entry here names.
fn with_users(desired: &Desired, names: &[String]) -> Desired {
    let mut desired = desired.clone();
    for name in names {
        let user = User::new(name.as_str());
        if desired.users.iter().any(|known| known.user == user) {
            continue;
        }
        desired.users.push(ServiceUser {
            user,
            user_management: Management::Existing,
            role: desired.broker.role.clone(),
            role_management: Management::Existing,
            to_sysadmin: false,
            warehouse: None,
            privileges: Vec::new(),
            database_roles: Vec::new(),
        });
    }
    desired
}

/// What an account shows of a host.
#[derive(Debug)]
struct Found {
    host: HostId,
    tokens: Vec<(User, Token)>,
    /// Users whose tokens could not be seen, and what would show them.
    unseen: Vec<(User, String)>,
    /// Service users nobody looked at.
    others: Vec<String>,
    /// Who made tokens of this host, and of which others.
    makers: Vec<Maker>,
    /// Roles that may manage tokens of the users looked at.
    minters: BTreeSet<String>,
}

/// A broker user, as the tokens tell it.
#[derive(Debug)]
struct Maker {
    user: User,
    /// Other hosts whose tokens it made too.
    hosts: BTreeSet<String>,
}

impl Found {
    fn of(host: &HostId, desired: &Desired, observed: &Observed) -> Self {
        let (mut tokens, mut unseen, mut all) = (Vec::new(), Vec::new(), Vec::new());
        let mut minters = BTreeSet::new();
        for wanted in &desired.users {
            let facts = match observed.users.get(wanted.user.as_str()) {
                Some(Seen::Known(Some(facts))) => facts,
                Some(Seen::Hidden { needs }) => {
                    unseen.push((wanted.user.clone(), needs.clone()));
                    continue;
                }
                Some(Seen::Known(None)) | None => continue,
            };
            match &facts.tokens {
                Seen::Known(known) => {
                    all.extend(known.iter().map(|token| (wanted.user.clone(), token.clone())))
                }
                Seen::Hidden { needs } => unseen.push((wanted.user.clone(), needs.clone())),
            }
            minters.extend(facts.grants_on.known().into_iter().flat_map(|grants| {
                let manage = grants.iter().filter(|(_, held)| held.contains(MANAGE_TOKENS));
                manage.map(|(role, _)| role.clone())
            }));
        }
        let of_host = |token: &Token| carries(host, &TokenName::new(token.name.as_str()));
        tokens.extend(all.iter().filter(|(_, token)| of_host(token)).cloned());
        let makers = makers(&tokens, &all, desired, observed);
        let others = observed.other_services.known().map(|others| others.keys().cloned().collect());
        Self {
            host: host.clone(),
            tokens,
            unseen,
            others: others.unwrap_or_default(),
            makers,
            minters,
        }
    }

    /// The broker goes first where a person named it, or it would make new tokens while the old ones go.
    fn plan(
        &self,
        desired: &Desired,
        observed: &Observed,
        args: &RetireArgs,
    ) -> Result<Plan, SqlError> {
        let mut whole = Plan {
            format: 1,
            account: desired.account.to_string(),
            acting_user: observed.acting.user.clone(),
            acting_role: observed.acting.role.clone(),
            fingerprint: fingerprint(observed),
            steps: Vec::new(),
            notes: Vec::new(),
        };
        if let Some(broker) = &args.broker {
            let role = args.broker_role.as_deref();
            whole.steps = self.broker_steps(desired, &User::new(broker.as_str()), role)?.steps;
        }
        let mut users: Vec<&User> = self.tokens.iter().map(|(user, _)| user).collect();
        users.dedup();
        for user in users {
            let tokens = self.tokens.iter().filter(|(of, _)| of == user);
            let names: Vec<TokenName> =
                tokens.map(|(_, token)| TokenName::new(token.name.as_str())).collect();
            let plan =
                plan::remove_tokens(desired, observed, whole.fingerprint.clone(), user, &names)?;
            whole.steps.extend(plan.steps);
            whole.notes.extend(plan.notes);
        }
        Ok(whole)
    }

    /// A role is dropped only where it is named, or has the usual name and manages tokens indeed.
    fn broker_steps(
        &self,
        desired: &Desired,
        user: &User,
        role: Option<&str>,
    ) -> Result<Plan, SqlError> {
        let usual = format!("{user}_ROLE");
        let known = role.or_else(|| self.minters.contains(&usual).then_some(usual.as_str()));
        let mut desired = desired.clone();
        desired.broker = Broker {
            user: user.clone(),
            role: Role::new(known.unwrap_or(usual.as_str())),
            public_key: None,
            key_fingerprint: None,
            management: Management::Ours,
            ..desired.broker
        };
        let mut plan = plan::retire(&desired)?;
        if known.is_none() {
            plan.steps.retain(|step: &Step| !step.object.starts_with("role "));
        }
        for step in &mut plan.steps {
            step.why = format!("the broker of host {} ends", self.host);
        }
        Ok(plan)
    }

    fn answer(
        &self,
        desired: &Desired,
        args: &RetireArgs,
        done: Value,
    ) -> Result<Answer, SqlError> {
        let mut text =
            comment(&format!("{} of host {} at {}", self.count(), self.host, desired.account));
        for (user, token) in &self.tokens {
            text.push_str(&comment(&format!("{user}: {} is removed", token.name)));
        }
        for (user, needs) in &self.unseen {
            text.push_str(&comment(&format!("{user}: not checked (needs {needs})")));
        }
        if !self.others.is_empty() {
            let others = self.others.join(", ");
            text.push_str(&comment(&format!(
                "not looked at, since no entry here names them (see --user): {others}"
            )));
        }
        let script = if args.broker.is_some() { String::new() } else { self.script(desired)? };
        text.push_str(&script);
        if args.broker.is_none() && self.makers.is_empty() {
            text.push_str(&comment(
                "no token tells who its broker is: name that user with --broker",
            ));
        }
        let exit = if self.unseen.is_empty() { Exit::Ok } else { Exit::Alarms };
        let tokens: Vec<Value> = self
            .tokens
            .iter()
            .map(|(user, token)| json!({ "user": user.as_str(), "token": token.name }))
            .collect();
        let unseen: Vec<Value> = self
            .unseen
            .iter()
            .map(|(user, needs)| json!({ "user": user.as_str(), "needs": needs }))
            .collect();
        let json = json!({
            "host": self.host.as_str(),
            "tokens": tokens,
            "done": done,
            "not_checked": unseen,
            "not_looked_at": self.others,
            "sql": script,
        });
        Ok(Answer { text, json, exit })
    }

    /// What ends the broker that the tokens tell of.
    fn script(&self, desired: &Desired) -> Result<String, SqlError> {
        let mut text = String::new();
        for maker in &self.makers {
            let user = &maker.user;
            text.push_str(&comment(&format!(
                "until this is run, whoever has the key of {user} can make new tokens:"
            )));
            if !maker.hosts.is_empty() {
                let hosts: Vec<&str> = maker.hosts.iter().map(String::as_str).collect();
                text.push_str(&comment(&format!(
                    "{user} made tokens of other hosts too, which lose their broker: {}",
                    hosts.join(", ")
                )));
            }
            text.push_str(&render::sql(&self.broker_steps(desired, user, None)?));
        }
        Ok(text)
    }

    fn count(&self) -> String {
        match self.tokens.len() {
            0 => "no token was found".to_owned(),
            count => crate::text::counted(count, "token"),
        }
    }
}

/// Returns who made tokens of this host: never this configuration's own broker, never a person.
fn makers(
    tokens: &[(User, Token)],
    all: &[(User, Token)],
    desired: &Desired,
    observed: &Observed,
) -> Vec<Maker> {
    let is_person =
        |name: &str| observed.persons.known().is_some_and(|persons| persons.contains_key(name));
    let names: BTreeSet<&str> = tokens
        .iter()
        .filter_map(|(_, token)| token.created_by.as_deref())
        .filter(|name| *name != desired.broker.user.as_str() && !is_person(name))
        .collect();
    let of = |name: &str| Maker { user: User::new(name), hosts: other_hosts(name, tokens, all) };
    names.into_iter().map(of).collect()
}

fn other_hosts(maker: &str, tokens: &[(User, Token)], all: &[(User, Token)]) -> BTreeSet<String> {
    let lineage = |token: &Token| Lineage::read(&TokenName::new(token.name.as_str()));
    let this: BTreeSet<String> = tokens
        .iter()
        .filter_map(|(_, token)| lineage(token))
        .map(|of| of.host.to_string())
        .collect();
    all.iter()
        .filter(|(_, token)| token.created_by.as_deref() == Some(maker))
        .filter_map(|(_, token)| lineage(token))
        .map(|of| of.host.to_string())
        .filter(|host| !this.contains(host))
        .collect()
}

/// Snowflake's name of the one privilege a broker needs.
const MANAGE_TOKENS: &str = "MODIFY PROGRAMMATIC AUTHENTICATION METHODS";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_named_by_its_eight_digits_in_either_case() {
        assert_eq!(host_id("0a1b2c3d").unwrap(), HostId::new("0A1B2C3D"));
        for odd in ["", "0A1B2C3", "0A1B2C3D4", "PATD_0A1B", "0A1B2C3G", "ÄÄÄÄ"] {
            assert!(host_id(odd).is_err(), "{odd}");
        }
    }

    #[test]
    fn a_broker_that_serves_other_hosts_too_is_told_by_its_tokens() {
        let token = |name: &str, by: &str| {
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
        };
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
