//! Whether a user's tokens are bound to its one role, made by PAT Broker, and to be made by nobody else.

use std::collections::{BTreeMap, BTreeSet};

use super::grants::{is_mint, leads_into_a_user};
use super::id::Id;
use super::verdict::{Page, Verdict, judged, seen};
use crate::names::Role;
use crate::pattern::desired::{Broker, ServiceUser};
use crate::pattern::observed::{Token, UserFacts};

/// Writes the checks of the tokens a service user has, and of who may make more.
pub(super) fn check(
    page: &mut Page<'_>,
    wanted: &ServiceUser,
    broker: &Broker,
    user: Result<&UserFacts, &str>,
) {
    let tokens = user.and_then(|user| seen(&user.tokens)).map(|tokens| live(tokens));
    let tokens = tokens.as_deref().map_err(|needs| *needs);
    page.note(Id::TokensRestricted, judged(tokens, restricted));
    page.note(Id::TokensOfTheRole, judged(tokens, |found| of_the_role(found, &wanted.role)));
    page.note(Id::NoForeignToken, judged(tokens, |found| no_foreign(found, wanted.rotates)));
    let holders = user.and_then(|user| seen(&user.grants_on));
    page.note(Id::Minters, judged(holders, |found| minters(found, wanted, broker)));
}

/// Writes that the broker has no token: it could not manage tokens with one, and nobody watches its life
/// (snowflake docs: alter-user-rotate-programmatic-access-token).
pub(super) fn check_none(page: &mut Page<'_>, user: Result<&UserFacts, &str>) {
    let tokens = user.and_then(|user| seen(&user.tokens));
    let verdict = judged(tokens, |tokens| {
        let found: Vec<String> = live(tokens).iter().map(|token| said(token)).collect();
        Verdict::none_of(&found, "no token", "remove them: the broker logs in with its key only")
    });
    page.note(Id::BrokerNoToken, verdict);
}

/// A disabled token can be enabled again; an expired one is gone for good.
fn live(tokens: &[Token]) -> Vec<&Token> {
    tokens.iter().filter(|token| token.status != "EXPIRED").collect()
}

fn restricted(tokens: &[&Token]) -> Verdict {
    let free = tokens.iter().filter(|token| token.role.is_none());
    let free: Vec<String> = free.map(|token| said(token)).collect();
    let next =
        "remove them, they carry every role of the user: patctl adopt shows and removes them";
    Verdict::none_of(&free, &format!("{} live, each bound to a role", tokens.len()), next)
}

fn of_the_role(tokens: &[&Token], role: &Role) -> Verdict {
    let others =
        tokens.iter().filter(|token| token.role.as_ref().is_some_and(|r| r != role.as_str()));
    let others: Vec<String> = others.map(|token| said(token)).collect();
    let next = "remove them: patctl adopt shows and removes them";
    Verdict::none_of(&others, &format!("{} live, none of another role", tokens.len()), next)
}

fn no_foreign(tokens: &[&Token], rotates: bool) -> Verdict {
    let is_ours = |token: &&&Token| token.is_ours() || (rotates && token.is_of_a_rotation());
    let foreign = tokens.iter().filter(|token| !is_ours(token));
    let foreign: Vec<String> = foreign.map(|token| said(token)).collect();
    let next = "find out who made them; patctl adopt lists them and removes those you name";
    Verdict::none_of(&foreign, &format!("{} live, all made by PAT Broker", tokens.len()), next)
}

fn minters(
    holders: &BTreeMap<String, BTreeSet<String>>,
    wanted: &ServiceUser,
    broker: &Broker,
) -> Verdict {
    let is_broker = |name: &str| {
        let brokers = std::iter::once(&broker.role).chain(&broker.other_roles);
        brokers.into_iter().any(|role| role.as_str() == name)
    };
    let (mut expected, mut others) = (Vec::new(), Vec::new());
    for (name, privileges) in holders {
        for held in privileges.iter().filter(|held| leads_into_a_user(held)) {
            let owner = held == "OWNERSHIP" && name != wanted.role.as_str();
            let of =
                if owner || is_mint(held) && is_broker(name) { &mut expected } else { &mut others };
            of.push(format!("{name} holds {held}"));
        }
    }
    let next = "revoke it, or name another host's broker role in other_brokers of [provision]";
    let nobody = if expected.is_empty() { "nobody else".into() } else { expected.join(", ") };
    Verdict::none_of(&others, &nobody, next)
}

fn said(token: &Token) -> String {
    let role = token.role.as_deref().unwrap_or("no role");
    let by = token.created_by.as_deref().unwrap_or("unknown");
    format!("{} ({role}, {}, made by {by})", token.name, token.status.to_lowercase())
}
