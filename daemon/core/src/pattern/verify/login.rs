//! What real logins with the current token showed: the one role, and no way out of it.

use super::id::Id;
use super::verdict::{Page, Verdict};
use super::{Attempt, Evidence};
use crate::names::Role;
use crate::pattern::desired::ServiceUser;

/// Writes the checks that only a real login can make.
pub(super) fn check(page: &mut Page<'_>, wanted: &ServiceUser, login: Option<&Evidence>) {
    let role = &wanted.role;
    let on = |judge: &dyn Fn(&Evidence) -> Verdict| match login {
        Some(login) => judge(login),
        None => Verdict::Unseen { needs: "a login with the current token".into() },
    };
    page.note(
        Id::LoginUser,
        on(&|login| {
            let shown = format!("CURRENT_USER() {}", login.current_user);
            Verdict::when(login.current_user == wanted.user.as_str(), shown, REVOKE)
        }),
    );
    page.note(
        Id::LoginRole,
        on(&|login| {
            let shown = format!("CURRENT_ROLE() {}", login.current_role);
            Verdict::when(login.current_role == role.as_str(), shown, REVOKE)
        }),
    );
    page.note(
        Id::LoginNoSecondaryRoles,
        on(&|login| Verdict::none_of(&login.secondary_roles, "no secondary roles", REVOKE)),
    );
    page.note(Id::NoRoleSwitch, on(&|login| no_role(&login.role_switch, role)));
    page.note(Id::NoSecondarySwitch, on(&|login| no_secondary(&login.secondary_switch)));
    page.note(Id::NoOtherRoleLogin, on(&|login| no_role(&login.other_role_login, role)));
}

/// Accepted and still the one role is no way out of it.
fn no_role(attempt: &Attempt, role: &Role) -> Verdict {
    match attempt {
        Attempt::Refused(words) => Verdict::Holds(format!("refused: {words}")),
        Attempt::Accepted(after) => {
            Verdict::when(after == role.as_str(), format!("accepted: then role {after}"), REVOKE)
        }
        Attempt::Unclear(why) => unclear(why),
    }
}

fn no_secondary(attempt: &Attempt) -> Verdict {
    match attempt {
        Attempt::Refused(words) => Verdict::Holds(format!("refused: {words}")),
        Attempt::Accepted(after) if after.is_empty() => {
            Verdict::Holds("accepted, and no role was active afterwards".into())
        }
        Attempt::Accepted(after) => {
            Verdict::when(false, format!("accepted: then also {after}"), REVOKE)
        }
        Attempt::Unclear(why) => unclear(why),
    }
}

fn unclear(why: &str) -> Verdict {
    Verdict::Unseen { needs: format!("a clear answer of Snowflake ({why})") }
}

const REVOKE: &str = "the token is not bound to its role: patctl revoke, then patctl verify";
