//! Which questions show what is there, and what the answers mean. A conversation: whoever holds a session asks
//! [`Reading::next`], runs the statement, and hands the outcome to [`Reading::answer`], until there is no more.
//!
//! What it costs: about ten statements for each wanted user, three for each wanted role, one for each role that the
//! acting role inherits (200 at most), a dozen for the rest. [`Breadth::Whole`] adds one or two for every other user
//! of the account: 1,000 persons are about 2,000 statements, and one for each page of 1,000.

mod answers;
mod ask;
mod conclusion;
mod facts;
mod rows;
mod sight;
mod site;
pub mod value;
mod wanted;

use std::collections::BTreeSet;

use crate::names::Role;
use crate::sql::{SqlError, Statement};

use super::desired::Desired;
use super::observed::{Grant, Observed};
use answers::Answers;
use ask::Ask;
use conclusion::Conclusion;
pub use rows::{Denied, Fault, Rows, Unreadable};
use sight::Sight;

/// How much is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Breadth {
    /// Everything, every user of the account included.
    Whole,
    /// Only the broker, the service users and what they are under: what the daemon watches.
    Resident,
}

/// A question to be asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// What to run. It only reads.
    pub statement: Statement,
    ask: Ask,
}

/// A conversation about one account.
#[derive(Clone, Debug)]
pub struct Reading {
    desired: Desired,
    breadth: Breadth,
    answers: Answers,
}

impl Reading {
    /// Begins a conversation.
    ///
    /// # Errors
    /// When a name that is wanted cannot be quoted.
    pub fn new(desired: &Desired, breadth: Breadth) -> Result<Self, SqlError> {
        for ask in wanted::by_name(desired) {
            ask.statement()?;
        }
        Ok(Self { desired: desired.clone(), breadth, answers: Answers::default() })
    }

    /// Returns the questions that can be asked now, in whatever order; none when the conversation is over.
    pub fn next(&self) -> Vec<Question> {
        let wanted = wanted::wanted(&self.desired, self.breadth, &self.answers);
        let open = wanted.into_iter().filter(|ask| !self.answers.has(ask));
        // A name read from the account may be one that cannot be quoted: what it names stays hidden.
        open.filter_map(|ask| ask.statement().ok().map(|statement| Question { statement, ask }))
            .collect()
    }

    /// Takes an answer.
    ///
    /// # Errors
    /// When no fact can be read from it, or the session is in another account: the conversation is at its end, and
    /// there is no observation.
    pub fn answer(
        &mut self,
        question: &Question,
        outcome: Result<Rows, Denied>,
    ) -> Result<(), Unreadable> {
        let policy = self.desired.network_policy();
        let taken = self.answers.take(&question.ask, outcome, policy);
        taken.map_err(|source| Unreadable::Answer {
            statement: question.statement.text.clone(),
            source,
        })?;
        self.is_of_this_account()
    }

    /// A session of an admin's own may be of any account; what is seen there says nothing about this one.
    fn is_of_this_account(&self) -> Result<(), Unreadable> {
        let wanted = &self.desired.account;
        match &self.answers.who {
            Some(who) if !who.site.is(wanted) => Err(Unreadable::AnotherAccount {
                found: who.site.said(),
                wanted: wanted.to_string(),
            }),
            Some(_) | None => Ok(()),
        }
    }

    /// Returns what was observed. How the session logged in is left to whoever holds it.
    ///
    /// # Errors
    /// When there are open questions, or the session is in another account.
    pub fn finish(self) -> Result<Observed, Unreadable> {
        self.is_of_this_account()?;
        let open = self.next().len();
        let (0, Some(who)) = (open, &self.answers.who) else {
            return Err(Unreadable::Unfinished(open));
        };
        let sight = Sight::of(&self.answers, &self.desired.home.database);
        let (desired, breadth, answers) = (&self.desired, self.breadth, &self.answers);
        Ok(Conclusion { desired, breadth, answers, sight }.observed(who))
    }
}

/// Returns the question what a role holds, for a session of that role.
///
/// # Errors
/// When the name cannot be quoted.
pub fn grants_of(role: &Role) -> Result<Statement, SqlError> {
    Ask::GrantsToRole(role.as_str().to_owned()).statement()
}

/// Returns what the answer to [`grants_of`] says.
///
/// # Errors
/// When no fact can be read from it.
pub fn read_grants(rows: &Rows) -> Result<BTreeSet<Grant>, Fault> {
    facts::grants_to_role(rows)
}
