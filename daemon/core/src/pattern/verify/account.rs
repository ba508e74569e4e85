//! Whether the account keeps persons from tokens: the two policies by user type, and every person by name.

use std::collections::BTreeMap;

use super::authentication::{check_blocked, governing, methods, named, pat_policy};
use super::id::Id;
use super::verdict::{Page, Verdict, by_plan, judged, seen};
use crate::pattern::desired::Desired;
use crate::pattern::observed::{Effective, Observed, Person};
use crate::pattern::ours::{PERSONS, SERVICES, dotted};

/// Writes the checks of the account.
pub(super) fn check(page: &mut Page<'_>, desired: &Desired, observed: &Observed) {
    let scopes = seen(&observed.scopes);
    if desired.scopes.bar_persons {
        let wanted = dotted(&desired.home.holds(PERSONS));
        page.note(
            Id::PersonsPolicy,
            judged(scopes, |found| attached(found.persons.as_deref(), &wanted)),
        );
    }
    if desired.scopes.admit_services {
        let wanted = dotted(&desired.home.holds(SERVICES));
        let tokens = named(&wanted, observed).and_then(pat_policy);
        check_blocked(page, desired, tokens.as_ref().map_err(|needs| *needs));
        page.note(
            Id::ServicesPolicy,
            judged(scopes, |found| {
                attached(found.services.as_deref(), &wanted).and(admits(&wanted, observed))
            }),
        );
    }
    let persons = seen(&observed.persons);
    page.note(Id::PersonsBarred, judged(persons, |found| all_barred(found, observed)));
    page.note(Id::PersonsTokens, judged(persons, no_tokens));
}

fn attached(found: Option<&str>, wanted: &str) -> Verdict {
    let shown = format!("policy for them all: {}", found.unwrap_or("none"));
    Verdict::when(found == Some(wanted), shown, by_plan("attach it"))
}

/// Without KEYPAIR every key-pair service user is locked out, without tokens every one of ours.
fn admits(policy: &str, observed: &Observed) -> Verdict {
    judged(named(policy, observed), |policy| {
        let Some(methods) = methods(policy) else { return unreadable() };
        let has = |method: &str| methods.iter().any(|m| m == method || m == "ALL");
        let holds = has("KEYPAIR") && has("PROGRAMMATIC_ACCESS_TOKEN");
        let next = by_plan("bring it to what is wanted");
        Verdict::when(holds, format!("admits {}", methods.join(", ")), next)
    })
}

fn all_barred(persons: &BTreeMap<String, Person>, observed: &Observed) -> Verdict {
    let (mut open, mut own, mut unseen) = (Vec::new(), Vec::new(), Vec::new());
    for (name, person) in persons {
        let effective = seen(&person.policy);
        match effective.and_then(|found| Ok((found, governing(found, observed)?))) {
            Err(needs) => unseen.push((name, needs)),
            Ok((found, policy)) => match policy.map(methods) {
                Some(None) => unseen.push((name, "a readable AUTHENTICATION_METHODS")),
                Some(Some(methods)) if !admits_tokens(&methods) => {
                    own.extend(of_its_own(found).map(|policy| format!("{name} ({policy})")));
                }
                Some(Some(_)) | None => open.push(format!("{name} ({})", said(found))),
            },
        }
    }
    let next = by_plan("give them a policy without PROGRAMMATIC_ACCESS_TOKEN")
        + "; a policy of their own must be changed or unset by its owner";
    let barred = match own.as_slice() {
        [] => format!("{} persons, all barred", persons.len()),
        own => format!("{} persons, all barred; by their own: {}", persons.len(), own.join(", ")),
    };
    Verdict::none_of(&open, &barred, next).and(all_seen(&unseen, "policy"))
}

fn no_tokens(persons: &BTreeMap<String, Person>) -> Verdict {
    let (mut found, mut unseen) = (Vec::new(), Vec::new());
    for (name, person) in persons {
        match seen(&person.live_tokens) {
            Err(needs) => unseen.push((name, needs)),
            Ok(tokens) if tokens.is_empty() => {}
            Ok(tokens) => {
                let tokens: Vec<&str> = tokens.iter().map(String::as_str).collect();
                found.push(format!("{name}: {}", tokens.join(", ")));
            }
        }
    }
    let next = "remove them: barred they do not work, but they would again without the policy";
    let none = format!("{} persons, no live token", persons.len());
    Verdict::none_of(&found, &none, next).and(all_seen(&unseen, "tokens"))
}

/// One person that cannot be seen is enough not to say "all".
fn all_seen(unseen: &[(&String, &str)], what: &str) -> Verdict {
    match unseen {
        [] => Verdict::Holds(format!("{what} of each seen")),
        [(name, needs), rest @ ..] => {
            Verdict::Unseen { needs: format!("{needs} ({what} of {name} and {} more)", rest.len()) }
        }
    }
}

fn admits_tokens(methods: &[String]) -> bool {
    methods.iter().any(|method| method == "ALL" || method == "PROGRAMMATIC_ACCESS_TOKEN")
}

fn of_its_own(found: &Effective) -> Option<&str> {
    found.policy.as_deref().filter(|_| found.set_on.as_deref() == Some("USER"))
}

fn said(found: &Effective) -> String {
    let policy = found.policy.as_deref().unwrap_or("Snowflake's own policy");
    format!("{policy}, set on {}", found.set_on.as_deref().unwrap_or("nothing"))
}

fn unreadable() -> Verdict {
    Verdict::Unseen { needs: "a readable AUTHENTICATION_METHODS".into() }
}
