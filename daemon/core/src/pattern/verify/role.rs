//! Whether a service user's role is as narrow as declared, leads nowhere, and is nobody else's.

use std::collections::BTreeSet;

use super::Evidence;
use super::grants::{
    is_database_role, is_declared, is_own_making, is_privilege, is_role, said, widens,
};
use super::id::Id;
use super::verdict::{Page, Verdict, by_plan, judged, seen};
use crate::names::{Role, User};
use crate::pattern::desired::{Management, ServiceUser};
use crate::pattern::observed::{Grant, Observed, RoleFacts};

/// Writes the checks of the role of a service user.
pub(super) fn check(
    page: &mut Page<'_>,
    wanted: &ServiceUser,
    observed: &Observed,
    login: Option<&Evidence>,
) {
    let Some(role) = existing(page, &wanted.role, observed) else { return };
    let grants = grants(role, login);
    let grants = grants.as_deref().map_err(|needs| *needs);
    page.note(Id::RoleCannotMint, judged(grants, cannot_mint));
    page.note(Id::RoleInheritsNothing, judged(grants, inherits_nothing));
    page.note(Id::RoleNothingMore, judged(grants, |found| nothing_more(found, wanted)));
    page.note(Id::RoleAsDeclared, judged(grants, |found| as_declared(found, wanted)));
    check_holders(page, role, &wanted.user, &held_by(wanted), wanted.role_management);
    if wants_cortex(wanted) {
        page.note(Id::ReachesCortex, reaches_cortex(grants, login));
    }
}

/// Writes whether the role exists and returns it, or what would show it. None: it is not there.
pub(super) fn existing<'a>(
    page: &mut Page<'_>,
    role: &Role,
    observed: &'a Observed,
) -> Option<Result<&'a RoleFacts, &'a str>> {
    let found = observed.roles.get(role.as_str());
    let fact = found.map_or(Err("a reading of this role"), seen).map(Option::as_ref);
    let verdict = judged(fact, |there| {
        let shown = if there.is_some() { "is there" } else { "does not exist" };
        let next = by_plan(&format!("make {role}"));
        Verdict::when(there.is_some(), format!("role {role} {shown}"), next)
    });
    page.note(Id::RoleExists, verdict);
    fact.transpose()
}

/// Writes whether nobody but this user and these roles holds the role. The site's own role is the site's affair.
pub(super) fn check_holders(
    page: &mut Page<'_>,
    role: Result<&RoleFacts, &str>,
    user: &User,
    roles: &[&str],
    management: Management,
) {
    let others = |found: &BTreeSet<String>, wanted: &[&str], what: &str| {
        let others = found.iter().filter(|name| !wanted.contains(&name.as_str()));
        let others: Vec<String> = others.map(|name| format!("{what} {name}")).collect();
        match management {
            Management::Existing if !others.is_empty() => {
                Verdict::Holds(format!("the site's own role, held also by {}", others.join(", ")))
            }
            Management::Ours | Management::Existing => Verdict::none_of(
                &others,
                &format!("no other {what}"),
                "revoke the role from them, or from the user if it is meant for others",
            ),
        }
    };
    let users = role.and_then(|role| seen(&role.held_by_users));
    let users = judged(users, |found| others(found, &[user.as_str()], "user"));
    let by_roles = role.and_then(|role| seen(&role.held_by_roles));
    let by_roles = judged(by_roles, |found| others(found, roles, "role"));
    page.note(Id::RoleHolders, users.and(by_roles));
}

/// A session sees the grants of its own role, where the acting role may not.
fn grants<'a>(
    role: Result<&'a RoleFacts, &'a str>,
    login: Option<&'a Evidence>,
) -> Result<Vec<&'a Grant>, &'a str> {
    let own = login.and_then(|login| login.grants.known());
    match (role.and_then(|role| seen(&role.grants)), own) {
        (Ok(grants), _) => Ok(grants.iter().collect()),
        (Err(_), Some(own)) => Ok(own.iter().collect()),
        (Err(needs), None) => Err(needs),
    }
}

fn held_by(wanted: &ServiceUser) -> Vec<&'static str> {
    if wanted.to_sysadmin { vec!["SYSADMIN"] } else { Vec::new() }
}

fn cannot_mint(grants: &[&Grant]) -> Verdict {
    let found: Vec<String> = grants.iter().filter(|g| widens(g)).map(|g| said(g)).collect();
    let next = "revoke it: with it the role could make itself another way in";
    Verdict::none_of(&found, "nothing that makes users, roles, policies or tokens", next)
}

fn inherits_nothing(grants: &[&Grant]) -> Verdict {
    let found: Vec<String> = grants.iter().filter(|g| is_role(g)).map(|g| said(g)).collect();
    Verdict::none_of(&found, "inherits no role", "revoke it and grant the role what it needs")
}

/// The site's own role may hold more: nothing was promised about it but that it leads nowhere.
fn nothing_more(grants: &[&Grant], wanted: &ServiceUser) -> Verdict {
    let more = grants.iter().filter(|grant| {
        !is_declared(grant, wanted) && !widens(grant) && !is_role(grant) && !is_own_making(grant)
    });
    let more: Vec<String> = more.map(|grant| said(grant)).collect();
    match wanted.role_management {
        Management::Existing if !more.is_empty() => {
            Verdict::Holds(format!("the site's own role, with also {}", more.join(", ")))
        }
        Management::Ours | Management::Existing => {
            let next = "revoke it, or declare it in privileges of [provision]";
            Verdict::none_of(&more, "nothing that is not declared", next)
        }
    }
}

fn as_declared(grants: &[&Grant], wanted: &ServiceUser) -> Verdict {
    let privileges = wanted.privileges.iter().filter_map(|declared| {
        let held = grants.iter().any(|grant| is_privilege(grant, declared));
        let name =
            || format!("{} ON {} {}", declared.privilege, declared.on, declared.name.join("."));
        (!held).then(name)
    });
    let roles = wanted.database_roles.iter().filter(|role| !is_cortex(role)).filter_map(|role| {
        let held = grants.iter().any(|grant| is_database_role(grant, role));
        (!held).then(|| format!("database role {}", role.join(".")))
    });
    let missing: Vec<String> = privileges.chain(roles).collect();
    Verdict::none_of(&missing, "holds all that is declared", by_plan("grant it"))
}

/// Without it a perfect token meets a dead agent. Accounts may grant it to PUBLIC, which only a session of the user
/// shows without looking at what everybody holds (snowflake docs: snowflake-cortex/aisql, "Required privileges").
fn reaches_cortex(grants: Result<&[&Grant], &str>, login: Option<&Evidence>) -> Verdict {
    let cortex = cortex_user();
    let name = cortex.join(".");
    if login.is_some_and(|login| login.public_database_roles.contains(&name)) {
        return Verdict::Holds(format!("{name} through PUBLIC"));
    }
    judged(grants, |grants| {
        let held = grants.iter().any(|grant| is_database_role(grant, &cortex));
        let shown = format!("{} {name}", if held { "holds" } else { "lacks" });
        Verdict::when(held, shown, by_plan("grant it"))
    })
}

fn wants_cortex(wanted: &ServiceUser) -> bool {
    wanted.database_roles.iter().any(is_cortex)
}

fn is_cortex(role: &[String; 2]) -> bool {
    *role == cortex_user()
}

fn cortex_user() -> [String; 2] {
    ["SNOWFLAKE".to_owned(), "CORTEX_USER".to_owned()]
}
