//! Whether users sit under the wanted network policy, and whether it lets in what is wanted and nothing more.

use std::collections::{BTreeMap, BTreeSet};

use super::id::Id;
use super::verdict::{Page, Verdict, by_plan, judged, seen};
use crate::pattern::desired::{Desired, Network, Source};
use crate::pattern::observed::{NetworkPolicy, NetworkRule, Observed, Seen, UserFacts};
use crate::pattern::ours::dotted;

/// Writes whether the policy is set on the user itself, which beats the account's
/// (snowflake docs: network-policies, "precedence").
pub(super) fn check_attached(
    page: &mut Page<'_>,
    desired: &Desired,
    observed: &Observed,
    user: Result<&UserFacts, &str>,
) {
    let wanted = desired.network_policy();
    let policy = user.and_then(|user| seen(&user.network_policy)).map(Option::as_deref);
    let verdict = judged(policy, |found| {
        let shown = in_force(found, &observed.account_network_policy);
        Verdict::when(found == Some(wanted), shown, by_plan("attach it"))
    });
    page.note(Id::NetworkPolicy, verdict);
}

/// Says which network policy is in force for a user, and why that one.
fn in_force(own: Option<&str>, account: &Seen<Option<String>>) -> String {
    let account = account.known().map(Option::as_deref);
    match (own, account) {
        (Some(own), Some(Some(account))) => {
            format!("network policy {own}, its own, which beats the account's {account}")
        }
        (Some(own), Some(None)) => format!("network policy {own}, its own; the account has none"),
        (Some(own), None) => {
            format!("network policy {own}, its own, which beats any of the account")
        }
        (None, Some(Some(account))) => {
            format!("no network policy of its own, the account's {account}")
        }
        (None, Some(None)) => "no network policy, neither its own nor the account's".to_owned(),
        (None, None) => "no network policy of its own; the account's cannot be seen".to_owned(),
    }
}

/// Writes whether the policy's lists are as wanted. Of the site's own policy only that it is there.
pub(super) fn check_sources(page: &mut Page<'_>, desired: &Desired, observed: &Observed) {
    let policy = seen(&observed.network_policy).map(Option::as_ref);
    let verdict = judged(policy, |found| match (found, &desired.network) {
        (None, _) => Verdict::when(false, "there is no such network policy", by_plan(WANTED)),
        (Some(_), Network::Existing { .. }) => Verdict::Holds("the site's own policy".into()),
        (Some(policy), Network::Allow { sources, .. }) => {
            lists(policy, desired, sources).and(rule(observed, desired, sources))
        }
    });
    page.note(Id::NetworkSources, verdict);
}

fn lists(policy: &NetworkPolicy, desired: &Desired, sources: &[Source]) -> Verdict {
    judged(seen(&policy.lists), |lists| {
        let own = desired.network_rule().map(|name| dotted(&name));
        let named = sources.iter().filter_map(|source| match source {
            Source::Rule(name) => Some(dotted(name)),
            Source::Range(_) | Source::AsSeen => None,
        });
        let rules = differing(
            "rule",
            listed(lists, "ALLOWED_NETWORK_RULE_LIST"),
            &own.into_iter().chain(named).collect(),
        );
        let addresses = differing("address", listed(lists, "ALLOWED_IP_LIST"), &BTreeSet::new());
        let found: Vec<String> = rules.into_iter().chain(addresses).collect();
        Verdict::none_of(&found, "admits the wanted rules only", by_plan(WANTED))
    })
}

fn rule(observed: &Observed, desired: &Desired, sources: &[Source]) -> Verdict {
    if desired.network_rule().is_none() {
        return Verdict::Holds("no rule of ours".into());
    }
    judged(seen(&observed.network_rule).map(Option::as_ref), |found| match found {
        None => Verdict::when(false, "our network rule is missing", by_plan(WANTED)),
        Some(rule) => kind(rule).and(values(rule, sources)),
    })
}

fn kind(rule: &NetworkRule) -> Verdict {
    let next = "drop it and apply again: type and mode of a rule cannot be changed";
    let shown = format!("{} {}", rule.kind, rule.mode);
    Verdict::when(rule.kind == "IPV4" && rule.mode == "INGRESS", shown, next)
}

/// With `as-seen` the addresses of other hosts, each as Snowflake saw it, are wanted too.
fn values(rule: &NetworkRule, sources: &[Source]) -> Verdict {
    judged(seen(&rule.values), |values| {
        let as_seen = sources.contains(&Source::AsSeen);
        let wanted: BTreeSet<String> = sources.iter().filter_map(range).collect();
        let values: BTreeSet<String> = values.iter().map(|value| bare(value)).collect();
        let shown = values.iter().cloned().collect::<Vec<_>>().join(", ");
        let mut found = differing("address", values, &wanted);
        if as_seen {
            found.retain(|text| !text.starts_with(MORE));
        }
        Verdict::none_of(&found, &format!("admits {shown}"), by_plan(WANTED))
    })
}

fn range(source: &Source) -> Option<String> {
    match source {
        Source::Range(range) => Some(bare(range)),
        Source::Rule(_) | Source::AsSeen => None,
    }
}

/// One address may be written with or without its length.
fn bare(range: &str) -> String {
    range.strip_suffix("/32").unwrap_or(range).to_owned()
}

fn listed(lists: &BTreeMap<String, BTreeSet<String>>, name: &str) -> BTreeSet<String> {
    lists.get(name).cloned().unwrap_or_default()
}

fn differing(what: &str, found: BTreeSet<String>, wanted: &BTreeSet<String>) -> Vec<String> {
    let more = found.difference(wanted).map(|name| format!("{MORE} {what} {name}"));
    let less = wanted.difference(&found).map(|name| format!("{LESS} {what} {name}"));
    more.chain(less).collect()
}

const MORE: &str = "admits also";
const LESS: &str = "does not admit";
const WANTED: &str = "bring it to what is wanted";
