//! Refusals of Snowflake's that are about where a login comes from, or how it is made, in words: which rule it was,
//! which address Snowflake saw, and what to change.

use crate::{Fact, Finding, Id};

/// What Snowflake refused somebody.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Refused {
    /// Whom: a slot, an account.
    pub whom: String,
    /// In Snowflake's words, with its code.
    pub text: String,
    /// Who was to log in.
    pub login: Login,
}

/// A login.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Login {
    /// A token's, to prove it from here.
    Token,
    /// The broker's own, by its key.
    Broker,
}

/// A rule that refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Rule {
    /// The network policy does not admit the address, if one was named.
    Address(Option<String>),
    /// There is no network policy, and a token needs one.
    NoPolicy,
    /// The authentication policy does not admit this kind of login.
    Method,
}

/// Returns which rule a refusal speaks of; none, if it is about something else.
///
/// snowflake docs: user-guide/programmatic-access-tokens. By the words too: for a missing policy some report the code
/// of an invalid token.
pub fn rule(text: &str) -> Option<Rule> {
    if text.contains("390422") || text.contains("is not allowed to access Snowflake") {
        return Some(Rule::Address(address(text)));
    }
    // To issue a token without one is refused, too, by a code that is not published.
    let words = text.to_lowercase();
    let is_demanded = words.contains("network policy")
        && ["requir", "must"].iter().any(|word| words.contains(word));
    if text.contains("390432") || is_demanded {
        return Some(Rule::NoPolicy);
    }
    let is_method = text.contains("390202") || text.contains("AUTHN_POLICY_AUTHN_ATTEMPT_REJECTED");
    is_method.then_some(Rule::Method)
}

/// "Incoming request with IP/Token 192.0.2.1 is not allowed to access Snowflake."
fn address(text: &str) -> Option<String> {
    let (_, rest) = text.split_once("IP/Token ")?;
    let word = rest.split_whitespace().next()?;
    word.parse::<std::net::IpAddr>().ok().map(|address| address.to_string())
}

/// Judges what the daemon was refused in an account since it last succeeded.
pub fn refusals(subject: &str, refused: Fact<Vec<Refused>>) -> Vec<Finding> {
    let refused = match refused {
        Ok(refused) => refused,
        Err(needs) => return vec![Finding::unseen(Id::NetworkPolicy, subject, &needs)],
    };
    let found = |refused: &Refused| Some(finding(subject, refused, rule(&refused.text)?));
    let mut findings: Vec<Finding> = refused.iter().filter_map(found).collect();
    // A trouble of a slot is an alarm, too.
    let mut said = std::collections::BTreeSet::new();
    findings.retain(|finding| said.insert(finding.evidence.clone()));
    if findings.is_empty() {
        findings.push(Finding::ok(
            Id::NetworkPolicy,
            subject,
            "the daemon is refused nothing for its address",
        ));
    }
    findings
}

fn finding(subject: &str, refused: &Refused, rule: Rule) -> Finding {
    let Refused { whom, login, .. } = refused;
    let whose = match login {
        Login::Token => "the token is good",
        Login::Broker => "it was the broker's own login",
    };
    // Whoever is refused here cannot ask Snowflake for a plan either.
    let (what, next) = match rule {
        Rule::Address(Some(address)) => (
            format!(
                "{whom}: Snowflake saw this host at {address}, which the network policy does not admit (390422); {whose}"
            ),
            format!(
                "if this host belongs at {address}, add it to network in [provision], and an admin who is admitted runs: {APPLY}. If not (a VPN that is off, another network), go back; it is tried again by itself"
            ),
        ),
        Rule::Address(None) => (
            format!(
                "{whom}: the network policy does not admit the address of this host (390422); {whose}"
            ),
            format!(
                "see LOGIN_HISTORY for the address that Snowflake saw; add it to network in [provision], and an admin who is admitted runs: {APPLY}"
            ),
        ),
        Rule::NoPolicy => (
            format!(
                "{whom}: no network policy governs this user, and Snowflake neither issues nor takes a token of a service user without one (390432)"
            ),
            format!(
                "patctl plan shows the policy that is missing; an admin of the account runs: {APPLY}"
            ),
        ),
        Rule::Method => (
            format!(
                "{whom}: the user's authentication policy does not admit this kind of login (390202)"
            ),
            format!(
                "an admin of the account puts it as it should be (tokens for a service user, key pairs for the broker): {APPLY}"
            ),
        ),
    };
    Finding::failed(Id::NetworkPolicy, subject, what, next)
}

const APPLY: &str = "patctl apply --as USER --key-file FILE, or --via snow";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Needs, Outcome};

    fn of(text: &str) -> Vec<Finding> {
        by(text, Login::Token)
    }

    fn by(text: &str, login: Login) -> Vec<Finding> {
        let refused = Refused { whom: "A/M".into(), text: text.into(), login };
        refusals("account A", Ok(vec![refused.clone(), refused]))
    }

    #[test]
    fn the_address_that_snowflake_saw_is_in_the_finding() {
        let found = of(
            "Snowflake refuses logins from this address: 390422 Incoming request with IP/Token 203.0.113.7 is not allowed to access Snowflake.",
        );
        let [found] = found.as_slice() else { panic!("{found:?}") };
        assert_eq!(found.outcome, Outcome::Failed);
        assert!(found.evidence.contains("203.0.113.7") && found.next_step.contains("203.0.113.7"));
    }

    #[test]
    fn only_of_a_token_that_was_tried_is_it_said_that_it_is_good() {
        for text in ["390422 with IP/Token 203.0.113.7 is not allowed", "390422"] {
            let says = |login| by(text, login)[0].evidence.contains("the token is good");
            assert!(says(Login::Token) && !says(Login::Broker), "{text}");
        }
    }

    #[test]
    fn the_way_out_is_one_that_the_refusal_does_not_shut() {
        for text in
            ["390422 with IP/Token 203.0.113.7 is not allowed", "390422", "390432", "390202"]
        {
            let next = &by(text, Login::Broker)[0].next_step;
            assert!(next.contains("patctl apply --as USER"), "{text}: {next}");
        }
    }

    #[test]
    fn each_rule_is_known_by_its_code_or_its_words() {
        assert_eq!(rule("390432 Network policy is required."), Some(Rule::NoPolicy));
        assert_eq!(rule("394400 Fail : Network policy is required."), Some(Rule::NoPolicy));
        let issuing =
            "refused to issue a token: 399999 A network policy must be attached to the user";
        assert_eq!(rule(issuing), Some(Rule::NoPolicy));
        assert_eq!(rule("an authentication policy must allow it"), None);
        assert_eq!(rule("390202 rejected"), Some(Rule::Method));
        assert_eq!(rule("390422 IP/Token evil\u{1b}[2J is not allowed"), Some(Rule::Address(None)));
        assert_eq!(rule("394400 Programmatic access token is invalid."), None);
    }

    #[test]
    fn another_refusal_is_not_called_one_of_the_network() {
        assert_eq!(of("003001 insufficient privileges")[0].outcome, Outcome::Ok);
        assert_eq!(refusals("account A", Ok(vec![]))[0].outcome, Outcome::Ok);
        let unseen = refusals("account A", Err(Needs::new("a daemon that answers")));
        assert!(matches!(unseen[0].outcome, Outcome::NotChecked { .. }));
    }
}
