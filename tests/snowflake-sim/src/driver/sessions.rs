//! Driver sessions: their tokens, how long those live, and what a bad one is answered.

use std::collections::BTreeMap;

use crate::chance::Chance;
use crate::engine::{Millis, Session};

/// Seconds a session token lives.
pub(crate) const SESSION_SECONDS: i64 = 3600;
/// Seconds a master token lives.
pub(crate) const MASTER_SECONDS: i64 = 14_400;

/// A session and master token, as a client gets them.
#[derive(Clone, Debug)]
pub(crate) struct Tokens {
    pub(crate) session: String,
    pub(crate) master: String,
}

/// Why a presented token is not good.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Stale {
    /// 390112: renew it with the master token.
    SessionExpired,
    /// 390114: log in again.
    MasterExpired,
    /// 390111: the session was ended, or never was.
    Gone,
}

impl Stale {
    pub(crate) fn code(self) -> &'static str {
        match self {
            Stale::SessionExpired => "390112",
            Stale::MasterExpired => "390114",
            Stale::Gone => "390111",
        }
    }

    pub(crate) fn message(self) -> &'static str {
        match self {
            Stale::SessionExpired => "Your session has expired. Renew the session token.",
            Stale::MasterExpired => {
                "Authentication token has expired. The user must authenticate again."
            }
            Stale::Gone => "Session no longer exists. New login required to access the service.",
        }
    }
}

/// Every session opened and every token ever given out.
#[derive(Clone, Debug, Default)]
pub(crate) struct Sessions {
    open: BTreeMap<u64, Open>,
    /// Every token ever made, what it is, and the session it was made for.
    owners: BTreeMap<String, (Use, u64)>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Use {
    Session,
    Master,
}

#[derive(Clone, Debug)]
struct Open {
    session: Session,
    tokens: Tokens,
    session_ends: Millis,
    master_ends: Millis,
}

impl Sessions {
    pub(crate) fn open(&mut self, session: Session, chance: &mut Chance, now: Millis) -> Tokens {
        let id = session.id;
        let open = Open {
            session,
            tokens: Tokens { session: String::new(), master: String::new() },
            session_ends: now,
            master_ends: now,
        };
        self.open.insert(id, open);
        self.issue(id, chance, now)
    }

    /// Gives an open session new tokens; the old ones are no longer good.
    fn issue(&mut self, id: u64, chance: &mut Chance, now: Millis) -> Tokens {
        let tokens = Tokens { session: chance.session_token(), master: chance.session_token() };
        self.owners.insert(tokens.session.clone(), (Use::Session, id));
        self.owners.insert(tokens.master.clone(), (Use::Master, id));
        if let Some(open) = self.open.get_mut(&id) {
            open.tokens = tokens.clone();
            open.session_ends = Millis(now.0 + SESSION_SECONDS * 1000);
            open.master_ends = Millis(now.0 + MASTER_SECONDS * 1000);
        }
        tokens
    }

    /// The session a session token is good for.
    pub(crate) fn find(&mut self, token: &str, now: Millis) -> Result<&mut Session, Stale> {
        let open = self.owned(token, Use::Session)?;
        let is_current = open.tokens.session == token;
        if !is_current || now >= open.session_ends {
            return Err(Stale::SessionExpired);
        }
        Ok(&mut open.session)
    }

    /// Renews a session by its master token.
    pub(crate) fn renew(
        &mut self,
        master: &str,
        chance: &mut Chance,
        now: Millis,
    ) -> Result<(u64, Tokens), Stale> {
        let open = self.owned(master, Use::Master)?;
        let is_current = open.tokens.master == master;
        if !is_current || now >= open.master_ends {
            return Err(Stale::MasterExpired);
        }
        let id = open.session.id;
        Ok((id, self.issue(id, chance, now)))
    }

    /// Ends a session for good.
    pub(crate) fn end(&mut self, token: &str) -> Result<(), Stale> {
        let id = self.owned(token, Use::Session)?.session.id;
        self.open.remove(&id);
        Ok(())
    }

    /// How many sessions nobody has ended.
    pub(crate) fn count(&self) -> usize {
        self.open.len()
    }

    /// Every session and master token ever made.
    pub(crate) fn secrets(&self) -> impl Iterator<Item = &String> {
        self.owners.keys()
    }

    fn owned(&mut self, token: &str, used_as: Use) -> Result<&mut Open, Stale> {
        let owner = self.owners.get(token).filter(|(made_as, _)| *made_as == used_as);
        let (_, id) = owner.ok_or(Stale::Gone)?;
        self.open.get_mut(id).ok_or(Stale::Gone)
    }
}
