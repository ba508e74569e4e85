//! `patctl retire --host ID`: a host that is lost. An admin's session looks for its tokens by the id in their names,
//! shows them, and removes them when that is confirmed.

use patd_core::names::{HostId, Role, TokenName, User};
use patd_core::pattern::desired::{Broker, Desired, Management, ServiceUser};
use patd_core::pattern::observed::Observed;
use patd_core::pattern::plan::{self, Note, Plan, Step, render};
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
use crate::text::{counted, plain};

use super::comment;
use super::found::{Found, Maker};

pub(super) fn run(cli: &Cli, args: &RetireArgs, id: &str) -> Result<Answer, Failure> {
    runner::needs_an_admin(&args.session)?;
    let host = host_id(id)?;
    let target = Target::find(cli, args.session.account.as_deref())?;
    refuse_own_broker(&target.desired, args)?;
    let desired = with_users(&target.desired, &args.users);
    let mut session = runner::open(cli, &args.session, &target)?;
    let observed = session.observe(&desired)?;
    refuse_a_person(&observed, args)?;
    let found = Found::of(&host, &desired, &observed);
    let plan = plan(&found, &desired, &observed, args).map_err(not_made)?;
    let mut done = Value::Null;
    if !plan.steps.is_empty() {
        errand::say(&shown(&plan));
        let consent = consent(&plan, &args.consent)?;
        let words = Words { again: "patctl retire", next: String::new() };
        done = errand::carry_out(session.as_mut(), &plan, &consent, &words, &mut Nobody)?.json;
    }
    answer(&found, &desired, args, &done).map_err(not_made)
}

fn host_id(text: &str) -> Result<HostId, Failure> {
    let id = text.to_ascii_uppercase();
    if id.len() == 8 && id.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return Ok(HostId::new(id));
    }
    let what = format!("{text:?} is no id of a host");
    let next_step = "write the 8 letters and digits after PATD_ in its tokens' names";
    Err(Failure::new(Exit::Usage, what, next_step))
}

fn refuse_own_broker(desired: &Desired, args: &RetireArgs) -> Result<(), Failure> {
    let own = &desired.broker.user;
    if args.broker.as_deref() != Some(own.as_str()) {
        return Ok(());
    }
    let what = format!("nothing was done: {own} is the broker of this configuration");
    Err(Failure::new(Exit::Usage, what, "on that host itself: patctl retire"))
}

/// A broker's user is a service; whoever cannot tell does not drop it.
fn refuse_a_person(observed: &Observed, args: &RetireArgs) -> Result<(), Failure> {
    let Some(broker) = &args.broker else { return Ok(()) };
    let what = match observed.persons.known() {
        Some(persons) if !persons.contains_key(broker) => return Ok(()),
        Some(_) => format!("nothing was done: {broker} is a person"),
        None => format!("nothing was done: whether {broker} is a person cannot be seen"),
    };
    Err(Failure::new(
        Exit::Failed,
        plain(&what),
        "act as a role that sees all users, or leave out --broker",
    ))
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
            rotates: false,
        });
    }
    desired
}

/// The broker goes first where a person named it, or it would make new tokens while the old ones go.
fn plan(
    found: &Found,
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
        let broker = User::new(broker.as_str());
        whole.steps = end_of(found, desired, &broker, args.broker_role.as_deref())?.steps;
        let makers = found.makers.iter().filter(|maker| maker.user == broker);
        whole.notes.extend(makers.filter_map(shared_note));
    }
    let mut users: Vec<&User> = found.tokens.iter().map(|(user, _)| user).collect();
    users.dedup();
    for user in users {
        let of_user = found.tokens.iter().filter(|(of, _)| of == user);
        let names: Vec<TokenName> =
            of_user.map(|(_, token)| TokenName::new(token.name.as_str())).collect();
        let plan = plan::remove_tokens(desired, observed, whole.fingerprint.clone(), user, &names)?;
        whole.steps.extend(plan.steps);
        whole.notes.extend(plan.notes);
    }
    Ok(whole)
}

/// Returns the statements that end a broker. Its role is dropped only where it is named, or is surely one.
fn end_of(
    found: &Found,
    desired: &Desired,
    user: &User,
    role: Option<&str>,
) -> Result<Plan, SqlError> {
    let role = role.map(str::to_owned).or_else(|| found.usual_role(user));
    let mut desired = desired.clone();
    desired.broker = Broker {
        user: user.clone(),
        role: role.as_deref().map_or_else(|| desired.broker.role.clone(), Role::new),
        public_key: None,
        key_fingerprint: None,
        management: Management::Ours,
        ..desired.broker
    };
    let mut plan = plan::retire(&desired)?;
    plan.steps.retain(|step: &Step| role.is_some() || step.object == format!("user {user}"));
    for step in &mut plan.steps {
        step.why = format!("the broker of host {} ends", found.host);
    }
    Ok(plan)
}

fn shared_note(maker: &Maker) -> Option<Note> {
    shared(maker).map(|text| Note {
        id: "shared".to_owned(),
        object: format!("user {}", maker.user),
        text,
        stops_apply: false,
    })
}

fn shared(maker: &Maker) -> Option<String> {
    let hosts: Vec<&str> = maker.hosts.iter().map(String::as_str).collect();
    let text =
        format!("it made tokens of other hosts too, which lose their broker: {}", hosts.join(", "));
    (!hosts.is_empty()).then_some(text)
}

fn answer(
    found: &Found,
    desired: &Desired,
    args: &RetireArgs,
    done: &Value,
) -> Result<Answer, SqlError> {
    let script = if args.broker.is_some() { String::new() } else { script(found, desired)? };
    let exit = if found.unseen.is_empty() { Exit::Ok } else { Exit::Alarms };
    let text = format!("{}{script}", said(found, desired));
    Ok(Answer { text, json: as_json(found, &script, done), exit })
}

fn said(found: &Found, desired: &Desired) -> String {
    let count = match found.tokens.len() {
        0 => "no token was found".to_owned(),
        count => counted(count, "token"),
    };
    let mut text = comment(&format!("{count} of host {} at {}", found.host, desired.account));
    for (user, token) in &found.tokens {
        text.push_str(&comment(&format!("{user}: {} is removed", token.name)));
    }
    for (what, needs) in &found.unseen {
        text.push_str(&comment(&format!("{what}: not checked (needs {needs})")));
    }
    if !found.others.is_empty() {
        let others = found.others.join(", ");
        text.push_str(&comment(&format!(
            "not looked at, since no entry here names them (see --user): {others}"
        )));
    }
    text
}

/// What ends the brokers that the tokens tell of.
fn script(found: &Found, desired: &Desired) -> Result<String, SqlError> {
    if found.makers.is_empty() {
        return Ok(comment("no token tells who its broker is: name that user with --broker"));
    }
    let mut text = String::new();
    for maker in &found.makers {
        let user = &maker.user;
        if !maker.is_service {
            text.push_str(&comment(&format!(
                "made by {user}, who is a person or cannot be seen: nothing is printed to drop it"
            )));
            continue;
        }
        text.push_str(&comment(&format!(
            "until this is run, whoever has the key of {user} can make new tokens:"
        )));
        text.extend(shared(maker).map(|shared| comment(&format!("{user}: {shared}"))));
        text.push_str(&render::sql(&end_of(found, desired, user, None)?));
    }
    Ok(text)
}

fn as_json(found: &Found, script: &str, done: &Value) -> Value {
    let tokens = found.tokens.iter();
    let tokens: Vec<Value> =
        tokens.map(|(user, token)| json!({ "user": user.as_str(), "token": token.name })).collect();
    let unseen = found.unseen.iter();
    let unseen: Vec<Value> =
        unseen.map(|(what, needs)| json!({ "what": what, "needs": needs })).collect();
    json!({
        "host": found.host.as_str(),
        "tokens": tokens,
        "done": done,
        "not_checked": unseen,
        "not_looked_at": found.others,
        "sql": script,
    })
}

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
}
