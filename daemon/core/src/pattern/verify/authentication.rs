//! Whether the authentication policy that governs a user is the wanted one, and what it admits.

use std::collections::BTreeMap;

use super::id::Id;
use super::verdict::{Page, Verdict, by_plan, judged, seen};
use crate::pattern::desired::{Desired, Evaluation, TokenPolicy};
use crate::pattern::observed::{AuthenticationPolicy, Effective, Observed, UserFacts};
use crate::pattern::ours::dotted;
use crate::pattern::reading::value;

/// Writes the checks of the policy that governs a service user.
pub(super) fn check(
    page: &mut Page<'_>,
    desired: &Desired,
    observed: &Observed,
    user: Result<&UserFacts, &str>,
) {
    let effective = user.and_then(|user| seen(&user.authentication_policy));
    let wanted = dotted(&desired.token_policy());
    page.note(Id::TokenPolicy, judged(effective, |found| governed_by(found, &wanted)));
    let policy = effective.and_then(|found| governing(found, observed));
    page.note(Id::TokensOnly, judged(policy, |p| only(p, "PROGRAMMATIC_ACCESS_TOKEN")));
    let tokens = policy.and_then(|policy| policy.map(pat_policy).transpose());
    let tokens = tokens.as_ref().map(Option::as_ref).map_err(|needs| *needs);
    page.note(Id::RestrictionRequired, judged(tokens, restriction_required));
    if matches!(desired.tokens, TokenPolicy::Ours { .. }) {
        check_blocked(page, desired, tokens.and_then(|tokens| tokens.ok_or("a policy of ours")));
    }
    page.note(Id::TokenLife, judged(tokens, |found| life(found, &desired.tokens)));
    page.note(Id::NetworkEnforced, judged(tokens, |found| enforced(found, &desired.tokens)));
}

/// Writes whether the broker can log in with its key and nothing else.
pub(super) fn check_key_only(
    page: &mut Page<'_>,
    desired: &Desired,
    observed: &Observed,
    user: Result<&UserFacts, &str>,
) {
    let effective = user.and_then(|user| seen(&user.authentication_policy));
    let policy = effective.and_then(|found| governing(found, observed));
    let mut verdict = judged(policy, |policy| only(policy, "KEYPAIR"));
    if let Some(wanted) = desired.broker_policy() {
        verdict = judged(effective, |found| governed_by(found, &dotted(&wanted))).and(verdict);
    }
    page.note(Id::BrokerKeyOnly, verdict);
}

/// Writes whether a policy lets no token be bound to a blocked role, where roles are to be blocked.
pub(super) fn check_blocked(
    page: &mut Page<'_>,
    desired: &Desired,
    tokens: Result<&BTreeMap<String, String>, &str>,
) {
    let wanted = &desired.scopes.blocked_roles;
    if wanted.is_empty() {
        return;
    }
    let verdict = judged(tokens, |tokens| {
        let blocked = tokens.get("BLOCKED_ROLES_LIST").and_then(|text| value::list(text));
        let Some(blocked) = blocked else {
            return Verdict::Unseen { needs: "an account that knows BLOCKED_ROLES_LIST".into() };
        };
        let open = wanted.iter().filter(|role| !blocked.iter().any(|b| b == role.as_str()));
        let open: Vec<String> = open.map(|role| format!("{role} is not blocked")).collect();
        Verdict::none_of(&open, &format!("blocked: {}", blocked.join(", ")), by_plan(WANTED))
    });
    page.note(Id::BlockedRoles, verdict);
}

/// Returns the policy in force; none is Snowflake's own, which admits every method.
pub(super) fn governing<'a>(
    effective: &Effective,
    observed: &'a Observed,
) -> Result<Option<&'a AuthenticationPolicy>, &'a str> {
    let Some(name) = &effective.policy else { return Ok(None) };
    named(name, observed).map(Some)
}

/// Returns a policy by its full name.
pub(super) fn named<'a>(
    name: &str,
    observed: &'a Observed,
) -> Result<&'a AuthenticationPolicy, &'a str> {
    let found = observed.authentication_policies.get(name);
    let found = found.map_or(Err("a reading of the policy"), seen)?;
    found.as_ref().ok_or("a policy that is still there")
}

/// Returns the methods a policy admits; none if its text cannot be read.
pub(super) fn methods(policy: &AuthenticationPolicy) -> Option<Vec<String>> {
    value::list(policy.properties.get("AUTHENTICATION_METHODS")?)
}

/// Returns the properties of `PAT_POLICY`, or what would show them.
pub(super) fn pat_policy(policy: &AuthenticationPolicy) -> Result<BTreeMap<String, String>, &str> {
    let text = policy.properties.get("PAT_POLICY");
    text.and_then(|text| value::fields(text)).ok_or("a readable PAT_POLICY")
}

fn governed_by(found: &Effective, wanted: &str) -> Verdict {
    let shown = found.policy.as_deref().unwrap_or("Snowflake's own policy");
    let set_on = found.set_on.as_deref().unwrap_or("nothing");
    let holds = found.policy.as_deref() == Some(wanted) && set_on == "USER";
    let next = by_plan(&format!("attach {wanted} to the user"));
    Verdict::when(holds, format!("governed by {shown}, set on {set_on}"), next)
}

fn only(policy: Option<&AuthenticationPolicy>, wanted: &str) -> Verdict {
    let Some(policy) = policy else { return built_in() };
    let Some(methods) = methods(policy) else {
        return Verdict::Unseen { needs: "a readable AUTHENTICATION_METHODS".into() };
    };
    let holds = methods.iter().all(|method| method == wanted) && !methods.is_empty();
    Verdict::when(holds, format!("admits {}", methods.join(", ")), by_plan(WANTED))
}

fn restriction_required(tokens: Option<&BTreeMap<String, String>>) -> Verdict {
    with(tokens, "REQUIRE_ROLE_RESTRICTION_FOR_SERVICE_USERS", |demanded| {
        Verdict::when(
            demanded.eq_ignore_ascii_case("true"),
            format!("role restriction required: {}", demanded.to_lowercase()),
            by_plan(WANTED),
        )
    })
}

/// Of the site's own policy any life will do: it is the site's to choose. One of ours governs the users of other hosts,
/// too: more than ours need is right unless a limit is written.
fn life(tokens: Option<&BTreeMap<String, String>>, wanted: &TokenPolicy) -> Verdict {
    with(tokens, "DEFAULT_EXPIRY_IN_DAYS", |default| {
        with(tokens, "MAX_EXPIRY_IN_DAYS", |max| {
            let holds = match wanted {
                TokenPolicy::Existing(_) => true,
                TokenPolicy::Ours { default_days, max_days, is_limit: true, .. } => {
                    default.parse() == Ok(*default_days) && max.parse() == Ok(*max_days)
                }
                TokenPolicy::Ours { max_days, is_limit: false, .. } => {
                    max.parse().is_ok_and(|max: u32| max >= *max_days)
                }
            };
            Verdict::when(
                holds,
                format!("{default} days by default, {max} at the most"),
                by_plan(WANTED),
            )
        })
    })
}

/// NOT_ENFORCED is never right, whoever wanted it: a stolen token then works from anywhere.
fn enforced(tokens: Option<&BTreeMap<String, String>>, wanted: &TokenPolicy) -> Verdict {
    with(tokens, "NETWORK_POLICY_EVALUATION", |found| {
        let as_wanted = match wanted {
            TokenPolicy::Existing(_) => true,
            TokenPolicy::Ours { evaluation, .. } => found == evaluation.as_sql(),
        };
        let known = [Evaluation::EnforcedRequired, Evaluation::EnforcedNotRequired];
        let obeyed = known.iter().any(|word| found == word.as_sql());
        let next = match obeyed {
            true => by_plan(WANTED),
            false => {
                "set network_evaluation = \"enforced_required\": a stolen token works anywhere"
                    .to_owned()
            }
        };
        Verdict::when(obeyed && as_wanted, format!("network policy {found}"), next)
    })
}

fn with(
    tokens: Option<&BTreeMap<String, String>>,
    name: &str,
    judge: impl FnOnce(&str) -> Verdict,
) -> Verdict {
    let Some(tokens) = tokens else { return built_in() };
    match tokens.get(name) {
        Some(text) => judge(text),
        None => Verdict::Unseen { needs: format!("a PAT_POLICY that says {name}") },
    }
}

fn built_in() -> Verdict {
    Verdict::when(false, "Snowflake's own policy, which admits every method", by_plan(WANTED))
}

const WANTED: &str = "bring it to what is wanted";
