//! What an account shows of a user that is to be taken over: whether it can be one of ours at all, and which tokens
//! it has that PAT Broker did not make.

use patd_core::lifecycle::NO_ADD_FROM;
use patd_core::lifecycle::lineage;
use patd_core::names::TokenName;
use patd_core::pattern::desired::ServiceUser;
use patd_core::pattern::observed::{Observed, Seen, Token, UserFacts};
use serde_json::{Value, json};

use crate::answer::{Exit, Failure};
use crate::table::{self, Cell};
use crate::text::{Colour, plain};
use crate::time::from_now;

/// The tokens of a service user, as they were found.
#[derive(Debug)]
pub(super) struct Found {
    user: String,
    role: String,
    /// None: they could not be seen, and why.
    tokens: Result<Vec<Token>, String>,
}

impl Found {
    /// Returns what was found.
    ///
    /// # Errors
    /// When the user is not there, not to be seen, or not of TYPE SERVICE.
    pub(super) fn of(wanted: &ServiceUser, observed: &Observed) -> Result<Self, Failure> {
        let user = wanted.user.as_str();
        let facts = facts(user, observed)?;
        refuse_other_types(user, facts)?;
        let tokens = match &facts.tokens {
            Seen::Known(tokens) => Ok(tokens.clone()),
            Seen::Hidden { needs } => Err(needs.clone()),
        };
        Ok(Self { user: user.to_owned(), role: wanted.role.as_str().to_owned(), tokens })
    }

    /// Returns the tokens of these names.
    ///
    /// # Errors
    /// When one is not there, or is PAT Broker's own.
    pub(super) fn named(&self, names: &[String]) -> Result<Vec<TokenName>, Failure> {
        names.iter().map(|name| self.one(name)).collect()
    }

    fn one(&self, name: &str) -> Result<TokenName, Failure> {
        let name = TokenName::new(name);
        let known = self.tokens.as_ref().map_err(|needs| unseen(&self.user, needs))?;
        if !known.iter().any(|token| token.name == name.as_str()) {
            let what = format!("nothing was done: {} has no token {:?}", self.user, name.as_str());
            return Err(Failure::new(
                Exit::Failed,
                plain(&what),
                "leave out --remove-token to see them",
            ));
        }
        match lineage::of(&name) {
            None => Ok(name),
            Some(lineage) => {
                let what = format!("nothing was done: token {name} is PAT Broker's own");
                let next_step =
                    format!("patctl revoke there, or patctl retire --host {}", lineage.host);
                Err(Failure::new(Exit::Failed, what, next_step))
            }
        }
    }

    /// Returns what a person must know of a token, if anything.
    fn finding(&self, token: &Token) -> Option<String> {
        match token.role.as_deref() {
            None => Some(format!(
                "no role restriction: whoever has it can be every role of {}",
                self.user
            )),
            Some(role) if role != self.role => {
                Some(format!("bound to another role than {}", self.role))
            }
            Some(_) => None,
        }
    }

    /// Returns what a person must know of all tokens together.
    fn findings(&self) -> Vec<String> {
        let tokens = match &self.tokens {
            Ok(tokens) => tokens,
            Err(needs) => {
                return vec![format!("tokens of {}: not checked (needs {needs})", self.user)];
            }
        };
        let one = |token: &Token| {
            self.finding(token).map(|found| format!("token {}: {found}", token.name))
        };
        let mut findings: Vec<String> = tokens.iter().filter_map(one).collect();
        if tokens.len() >= NO_ADD_FROM {
            let count = tokens.len();
            findings.push(format!(
                "{count} tokens leave no room for PAT Broker's own: name those that can go with --remove-token"
            ));
        }
        findings
    }

    /// Returns whether anything was found that a person must act on.
    pub(super) fn has_findings(&self) -> bool {
        !self.findings().is_empty()
    }

    /// Returns the tokens as a table, and what was found of them.
    pub(super) fn shown(&self, now: i64, in_colour: bool) -> String {
        let tokens = self.tokens.as_deref().unwrap_or_default();
        let mut text = match (tokens.is_empty(), &self.tokens) {
            (true, Ok(_)) => format!("{} has no tokens\n", plain(&self.user)),
            (_, _) => String::new(),
        };
        if !tokens.is_empty() {
            let rows: Vec<Vec<Cell>> = tokens.iter().map(|token| self.row(token, now)).collect();
            text.push_str(&table::render(&HEADING, &rows, in_colour));
        }
        for finding in self.findings() {
            text.push_str(&format!("! {}\n", Colour::Bad.paint(&plain(&finding), in_colour)));
        }
        text
    }

    fn row(&self, token: &Token, now: i64) -> Vec<Cell> {
        let colour = if self.finding(token).is_some() { Colour::Bad } else { Colour::Plain };
        let cell = |text: &str| (plain(text), colour);
        let expires = token.expires_at.map_or_else(|| "never".to_owned(), |at| from_now(at, now));
        vec![
            cell(&token.name),
            cell(token.role.as_deref().unwrap_or("any")),
            cell(&token.status.to_ascii_lowercase()),
            cell(&expires),
            cell(&maker(token)),
        ]
    }

    /// Returns the same for programs.
    pub(super) fn json(&self) -> Value {
        let one = |token: &Token| {
            json!({
                "name": token.name,
                "role": token.role,
                "status": token.status,
                "expires_at": token.expires_at,
                "created_by": token.created_by,
                "ours": lineage::of(&TokenName::new(token.name.as_str())).is_some(),
                "finding": self.finding(token),
            })
        };
        let tokens = self.tokens.as_deref().unwrap_or_default();
        let tokens: Vec<Value> = tokens.iter().map(one).collect();
        json!({ "user": self.user, "tokens": tokens, "findings": self.findings() })
    }
}

fn facts<'o>(user: &str, observed: &'o Observed) -> Result<&'o UserFacts, Failure> {
    match observed.users.get(user) {
        Some(Seen::Known(Some(facts))) => Ok(facts),
        Some(Seen::Hidden { needs }) => Err(unseen(user, needs)),
        Some(Seen::Known(None)) | None => {
            let role = plain(&observed.acting.role);
            let what = format!("nothing was done: role {role} sees no user {user:?}");
            let next_step = "is the name as SHOW USERS spells it? a new one is made by patctl add and patctl apply";
            Err(Failure::new(Exit::Failed, plain(&what), next_step))
        }
    }
}

fn refuse_other_types(user: &str, facts: &UserFacts) -> Result<(), Failure> {
    let properties = match &facts.properties {
        Seen::Known(properties) => properties,
        Seen::Hidden { needs } => return Err(unseen(user, needs)),
    };
    let kind = properties.user_type.as_deref().unwrap_or("PERSON");
    if kind == "SERVICE" {
        return Ok(());
    }
    let what = format!(
        "nothing was done: {user} is of TYPE {kind}, and only TYPE SERVICE can be bound to one role"
    );
    let next_step = "take a user of its own: patctl add and patctl apply make one";
    Err(Failure::new(Exit::Failed, plain(&what), next_step))
}

fn unseen(user: &str, needs: &str) -> Failure {
    let what = format!("nothing was done: {user} could not be checked (needs {needs})");
    Failure::new(Exit::NotPermitted, plain(&what), "act as a role that sees it: --role ROLE")
}

fn maker(token: &Token) -> String {
    match (lineage::of(&TokenName::new(token.name.as_str())), &token.created_by) {
        (Some(lineage), _) => format!("PAT Broker on host {}", lineage.host),
        (None, Some(maker)) => maker.clone(),
        (None, None) => "not said".to_owned(),
    }
}

const HEADING: [&str; 5] = ["TOKEN", "ROLE", "STATUS", "EXPIRES", "MADE BY"];

#[cfg(test)]
mod tests {
    use super::*;

    fn token(name: &str, role: Option<&str>) -> Token {
        Token {
            name: name.into(),
            role: role.map(str::to_owned),
            status: "ACTIVE".into(),
            comment: String::new(),
            created_by: Some("ANA".into()),
            expires_at: Some(1_000_000 + 86_400),
            rotated_to: None,
        }
    }

    fn found(tokens: Vec<Token>) -> Found {
        Found { user: "U".into(), role: "R".into(), tokens: Ok(tokens) }
    }

    #[test]
    fn a_token_without_a_role_or_of_another_is_a_finding() {
        let found = found(vec![
            token("A", Some("R")),
            token("B", None),
            token("C", Some("S")),
            token("PATD_0A1B2C3D_G1_ABCDEF", Some("R")),
        ]);

        let shown = found.shown(1_000_000, false);

        assert_eq!(found.findings().len(), 2, "{shown}");
        assert!(shown.contains("! token B: no role restriction"), "{shown}");
        assert!(shown.contains("! token C: bound to another role than R"), "{shown}");
        assert!(shown.contains("any   active  in 1 d   ANA"), "{shown}");
        assert!(shown.contains("PAT Broker on host 0A1B2C3D"), "{shown}");
    }

    #[test]
    fn only_foreign_tokens_that_are_there_can_be_named() {
        let found = found(vec![token("A", None), token("PATD_0A1B2C3D_G1_ABCDEF", Some("R"))]);
        let named = |name: &str| found.named(&[name.to_owned()]);

        assert_eq!(named("A").unwrap(), [TokenName::new("A")]);
        assert!(format!("{:?}", named("B")).contains("has no token"));
        assert!(
            format!("{:?}", named("PATD_0A1B2C3D_G1_ABCDEF")).contains("retire --host 0A1B2C3D")
        );
    }

    #[test]
    fn a_list_that_could_not_be_seen_is_a_finding_and_no_empty_list() {
        let found = Found { user: "U".into(), role: "R".into(), tokens: Err("X".into()) };

        assert_eq!(found.shown(0, false), "! tokens of U: not checked (needs X)\n");
        assert!(found.has_findings() && found.named(&["A".into()]).is_err());
    }

    #[test]
    fn a_user_that_is_full_is_a_finding() {
        let tokens = (0..NO_ADD_FROM).map(|n| token(&format!("T{n}"), Some("R"))).collect();

        assert!(found(tokens).findings()[0].contains("leave no room"));
    }
}
