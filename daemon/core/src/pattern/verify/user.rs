//! Whether a user is a service user with one role and no way in but the wanted one: type, properties, grants.

use std::collections::BTreeSet;

use super::grants::{is_role, is_the_role, said};
use super::id::Id;
use super::verdict::{Page, Verdict, by_plan, judged, seen};
use crate::names::{Role, User};
use crate::pattern::observed::{Grant, Seen, UserFacts, UserProperties};

/// Writes whether the user exists and returns it, or what would show it. None: it is not there.
pub(super) fn existing<'a>(
    page: &mut Page<'_>,
    user: &User,
    found: Option<&'a Seen<Option<UserFacts>>>,
) -> Option<Result<&'a UserFacts, &'a str>> {
    let fact = found.map_or(Err("a reading of this user"), seen).map(Option::as_ref);
    let verdict = judged(fact, |there| {
        let said = if there.is_some() { "it is there" } else { "there is no such user" };
        Verdict::when(there.is_some(), said, by_plan(&format!("make {user}")))
    });
    page.note(Id::UserExists, verdict);
    fact.transpose()
}

/// Writes the checks that hold for every user of ours: no person, no password, one role.
pub(super) fn check(page: &mut Page<'_>, user: Result<&UserFacts, &str>, role: &Role) {
    let properties = user.and_then(|user| seen(&user.properties));
    page.note(Id::ServiceType, judged(properties, service_type));
    page.note(Id::Enabled, judged(properties, enabled));
    page.note(Id::DefaultRole, judged(properties, |found| default_role(found, role)));
    page.note(Id::NoSecondaryRoles, judged(properties, no_secondary_roles));
    let password = properties.and_then(|found| seen(&found.has_password));
    page.note(Id::NoPassword, judged(password, |has| no_password(*has)));
    let identity = properties.and_then(|found| seen(&found.has_workload_identity));
    page.note(Id::NoWorkloadIdentity, judged(identity, |has| no_workload_identity(*has)));
    let grants = user.and_then(|user| seen(&user.grants));
    page.note(Id::OneRole, judged(grants, |found| one_role(found, role)));
    page.note(Id::NoDirectPrivilege, judged(grants, no_direct_privilege));
}

/// Writes whether a service user is free of keys: legacy slots and named pairs.
pub(super) fn check_no_key(page: &mut Page<'_>, user: Result<&UserFacts, &str>) {
    let legacy = judged(user.and_then(|user| seen(&user.properties)), |found| {
        Verdict::none_of(&legacy_keys(found), "no key in either slot", UNSET_KEYS)
    });
    let named = judged(user.and_then(|user| seen(&user.key_pairs)), |found| {
        let found: Vec<String> = found.iter().map(|name| format!("key pair {name}")).collect();
        Verdict::none_of(&found, "no named key pair", "remove them: ALTER USER … REMOVE KEY PAIR")
    });
    page.note(Id::NoKeyPair, legacy.and(named));
}

/// Returns the keys in the two slots, as evidence.
pub(super) fn legacy_keys(found: &UserProperties) -> Vec<String> {
    let slots = found.key_fingerprints.iter().zip(["RSA_PUBLIC_KEY", "RSA_PUBLIC_KEY_2"]);
    slots.filter_map(|(key, slot)| key.as_ref().map(|key| format!("{slot} {key}"))).collect()
}

fn service_type(found: &UserProperties) -> Verdict {
    let shown = found.user_type.as_deref().unwrap_or("none (a person)");
    let next = "make it a service user: ALTER USER … SET TYPE = SERVICE";
    Verdict::when(found.user_type.as_deref() == Some("SERVICE"), format!("TYPE {shown}"), next)
}

fn enabled(found: &UserProperties) -> Verdict {
    let next = "find out who disabled it; its tokens stay disabled when it is enabled again";
    Verdict::when(!found.disabled, if found.disabled { "disabled" } else { "enabled" }, next)
}

fn default_role(found: &UserProperties, role: &Role) -> Verdict {
    let shown = found.default_role.as_deref().unwrap_or("none");
    let next = by_plan(&format!("set it to {role}"));
    Verdict::when(shown == role.as_str(), format!("default role {shown}"), next)
}

fn no_secondary_roles(found: &UserProperties) -> Verdict {
    let shown = if found.no_secondary_roles { "none by default" } else { "all by default" };
    let next = by_plan("set DEFAULT_SECONDARY_ROLES = ()");
    Verdict::when(found.no_secondary_roles, format!("secondary roles: {shown}"), next)
}

fn no_password(has: bool) -> Verdict {
    let shown = if has { "has a password" } else { "has no password" };
    Verdict::when(!has, shown, "take it away: ALTER USER … UNSET PASSWORD")
}

fn no_workload_identity(has: bool) -> Verdict {
    let shown = if has { "has a workload identity" } else { "has no workload identity" };
    Verdict::when(!has, shown, "take it away: ALTER USER … UNSET WORKLOAD_IDENTITY")
}

fn one_role(found: &BTreeSet<Grant>, role: &Role) -> Verdict {
    let held: Vec<&Grant> = found.iter().filter(|grant| is_role(grant)).collect();
    let others: Vec<&&Grant> = held.iter().filter(|grant| !is_the_role(grant, role)).collect();
    let names: Vec<&str> = held.iter().map(|grant| grant.name.as_str()).collect();
    let shown =
        format!("roles: {}", if names.is_empty() { "none".into() } else { names.join(", ") });
    let next = match others.is_empty() {
        true => by_plan(&format!("grant {role} to it")),
        false => format!("revoke every role but {role} from it"),
    };
    Verdict::when(others.is_empty() && held.len() == 1, shown, next)
}

fn no_direct_privilege(found: &BTreeSet<Grant>) -> Verdict {
    let direct: Vec<String> = found.iter().filter(|grant| !is_role(grant)).map(said).collect();
    let next = "revoke them from the user; its role is where privileges belong";
    Verdict::none_of(&direct, "no privilege granted to the user itself", next)
}

const UNSET_KEYS: &str = "take them away: ALTER USER … UNSET RSA_PUBLIC_KEY, RSA_PUBLIC_KEY_2";
