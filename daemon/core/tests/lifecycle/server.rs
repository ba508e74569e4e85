//! The tokens of one user at Snowflake, with faults. It knows who made each token and who asked for its end.

use patd_core::lifecycle::{
    AddOutcome, Failure, Intent, ProbeOutcome, Refusal, RefusalKind, RemoveOutcome, RotateOutcome,
    TokenRow, TokenStatus,
};
use patd_core::names::{Generation, Role, TokenName};
use patd_core::time::Timestamp;

/// What happens to the next call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    /// It never arrives.
    LostBefore,
    /// It is carried out, the answer is lost.
    LostAfter,
    /// It is carried out this many seconds after the caller gave up.
    Late(u32),
    /// It is carried out twice, and the second answer is the one that arrives.
    Doubled,
    /// A definite no.
    Refused(RefusalKind),
}

/// What a login with a good secret of ours shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) enum Logins {
    #[default]
    Right,
    Wrong,
    RefusedHere,
    RefusedSecret,
    /// The store has no secret to log in with.
    NoSecret,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Maker {
    Us,
    Clone,
    Stranger,
}

#[derive(Clone, Debug)]
pub(crate) struct Token {
    pub(crate) row: TokenRow,
    pub(crate) secret: u64,
    /// Who made it, and so whose its secret is.
    pub(crate) maker: Maker,
    /// Which secret of ours it has.
    pub(crate) generation: Option<Generation>,
}

#[derive(Debug, Default)]
pub(crate) struct Server {
    pub(crate) tokens: Vec<Token>,
    pub(crate) offline: bool,
    pub(crate) refuses: Option<RefusalKind>,
    pub(crate) logins: Logins,
    pub(crate) unrestricted: bool,
    pub(crate) next: Option<Fault>,
    /// What happens to the next ROTATE.
    pub(crate) at_rotation: Option<Fault>,
    /// What happens to the call that is on its way when the daemon dies. The daemon never sees it.
    pub(crate) fate: Option<Fault>,
    pub(crate) late: Vec<(Timestamp, Intent)>,
    pub(crate) days: u32,
    /// It has let a secret of ours log in as someone else, or made one without its restriction.
    pub(crate) wronged: bool,
    /// Someone else gave a token of ours another secret.
    meddled: bool,
    /// The last of our secrets that a ROTATE of ours ended on the spot.
    pub(crate) ended: Option<Generation>,
    secrets: u64,
    turns: u32,
}

impl Server {
    pub(crate) fn issuing_for(days: u32) -> Self {
        Self { days, ..Self::default() }
    }

    /// Carries out what arrived late and ends what expired.
    pub(crate) fn pass(&mut self, now: Timestamp) {
        let (landed, late) = self.late.drain(..).partition(|(at, _)| *at <= now);
        self.late = late;
        let landed: Vec<(Timestamp, Intent)> = landed;
        for (at, intent) in landed {
            self.land(&intent, at);
        }
        for token in &mut self.tokens {
            if token.row.expires_at.is_some_and(|at| at <= now) {
                token.row.status = TokenStatus::Expired;
            }
        }
    }

    pub(crate) fn add(&mut self, intent: &Intent, now: Timestamp) -> (AddOutcome, Option<u64>) {
        match self.fault() {
            Some(Fault::LostBefore) => (unclear_add(), None),
            Some(Fault::LostAfter) => {
                let _ = self.mint(intent, now);
                (unclear_add(), None)
            }
            Some(Fault::Late(seconds)) => {
                self.late.push((now.plus(seconds.into()), intent.clone()));
                (unclear_add(), None)
            }
            Some(Fault::Doubled) => {
                let _ = self.mint(intent, now);
                self.minted(intent, now)
            }
            Some(Fault::Refused(kind)) => (AddOutcome::Refused(refusal(kind)), None),
            None => self.minted(intent, now),
        }
    }

    pub(crate) fn rotate(
        &mut self,
        intent: &Intent,
        now: Timestamp,
    ) -> (RotateOutcome, Option<u64>) {
        match self.at_rotation.take().or_else(|| self.fault()) {
            Some(Fault::LostBefore) => (unclear_rotation(), None),
            Some(Fault::LostAfter) => {
                self.land(intent, now);
                (unclear_rotation(), None)
            }
            Some(Fault::Late(seconds)) => {
                self.late.push((now.plus(seconds.into()), intent.clone()));
                (unclear_rotation(), None)
            }
            Some(Fault::Doubled) => {
                self.land(intent, now);
                self.rotated(intent, Some(intent.generation), now)
            }
            Some(Fault::Refused(kind)) => (RotateOutcome::Refused(refusal(kind)), None),
            None => self.rotated(intent, Some(intent.generation), now),
        }
    }

    /// Someone else rotates a token, for a day at the most.
    pub(crate) fn rotate_for(&mut self, maker: Maker, name: &TokenName, now: Timestamp) {
        let left = self.find(name).and_then(|token| token.row.expires_at);
        let hours = left.map_or(0, |at| at.since(now).max(0) / 3_600).min(24);
        let hours = u32::try_from(hours).expect("a day");
        self.meddled |= self.turn_over(name, hours, (maker, None), now).is_ok();
    }

    pub(crate) fn list(&mut self) -> Result<Vec<TokenRow>, Failure> {
        match self.fault() {
            Some(Fault::LostBefore | Fault::LostAfter | Fault::Late(_)) => Err(unclear()),
            Some(Fault::Refused(kind)) => Err(Failure::Refused(refusal(kind))),
            Some(Fault::Doubled) | None => {
                Ok(self.tokens.iter().map(|token| token.row.clone()).collect())
            }
        }
    }

    pub(crate) fn remove(&mut self, name: &TokenName) -> RemoveOutcome {
        match self.fault() {
            Some(Fault::LostBefore | Fault::Late(_)) => RemoveOutcome::Failed(unclear()),
            Some(Fault::LostAfter) => {
                self.delete(name);
                RemoveOutcome::Failed(unclear())
            }
            Some(Fault::Doubled) => {
                self.delete(name);
                self.delete(name)
            }
            Some(Fault::Refused(kind)) => RemoveOutcome::Failed(Failure::Refused(refusal(kind))),
            None => self.delete(name),
        }
    }

    pub(crate) fn probe(&mut self, secret: u64) -> ProbeOutcome {
        let refused = || ProbeOutcome::RefusedSecret {
            code: "394400".to_owned(),
            message: "Programmatic access token is invalid.".to_owned(),
        };
        if self.offline || self.next.take().is_some() {
            return ProbeOutcome::Unclear("connection reset".to_owned());
        }
        match self.logins {
            Logins::Wrong => {
                self.wronged = true;
                ProbeOutcome::Wrong { shown: "role PUBLIC".to_owned() }
            }
            Logins::RefusedHere => ProbeOutcome::RefusedHere {
                code: "390422".to_owned(),
                message: "Incoming request with IP 192.0.2.1 is not allowed".to_owned(),
            },
            Logins::RefusedSecret => refused(),
            Logins::NoSecret => ProbeOutcome::NoSecret("the store has no secret".to_owned()),
            Logins::Right if self.accepts(secret) => ProbeOutcome::Proved,
            Logins::Right => refused(),
        }
    }

    pub(crate) fn accepts(&self, secret: u64) -> bool {
        self.tokens
            .iter()
            .any(|token| token.secret == secret && token.row.status == TokenStatus::Active)
    }

    pub(crate) fn live(&self, made_by: &[Maker]) -> usize {
        let live = |token: &&Token| {
            token.row.status != TokenStatus::Expired && made_by.contains(&token.maker)
        };
        self.tokens.iter().filter(live).count()
    }

    pub(crate) fn plant(&mut self, name: &str, maker: Maker, expires_at: Timestamp) {
        self.secrets += 1;
        let row = TokenRow {
            name: TokenName::new(name),
            role: Some(Role::new("ROLE")),
            expires_at: Some(expires_at),
            status: TokenStatus::Active,
        };
        self.tokens.push(Token { row, secret: self.secrets, maker, generation: None });
    }

    pub(crate) fn heal(&mut self) {
        self.offline = false;
        self.refuses = None;
        self.logins = Logins::Right;
        self.unrestricted = false;
        self.next = None;
        self.tokens.retain(|token| token.maker != Maker::Stranger);
    }

    pub(crate) fn answers(&self) -> bool {
        !self.offline && self.refuses.is_none()
    }

    pub(crate) fn has_clones(&self) -> bool {
        self.meddled || self.tokens.iter().any(|token| token.maker == Maker::Clone)
    }

    pub(crate) fn find(&self, name: &TokenName) -> Option<&Token> {
        self.tokens.iter().find(|token| token.row.name == *name)
    }

    fn minted(&mut self, intent: &Intent, now: Timestamp) -> (AddOutcome, Option<u64>) {
        match self.mint(intent, now) {
            Ok(secret) => (AddOutcome::Minted, Some(secret)),
            Err(kind) => (AddOutcome::Refused(refusal(kind)), None),
        }
    }

    fn mint(&mut self, intent: &Intent, now: Timestamp) -> Result<u64, RefusalKind> {
        if self.find(&intent.name).is_some() {
            return Err(RefusalKind::NameTaken);
        }
        if self.live(&[Maker::Us, Maker::Clone, Maker::Stranger]) >= 15 {
            return Err(RefusalKind::LimitReached);
        }
        self.secrets += 1;
        self.wronged |= self.unrestricted;
        let row = TokenRow {
            name: intent.name.clone(),
            role: (!self.unrestricted).then(|| intent.role.clone()),
            expires_at: Some(now.plus(i64::from(self.days) * 86_400)),
            status: TokenStatus::Active,
        };
        let generation = Some(intent.generation);
        self.tokens.push(Token { row, secret: self.secrets, maker: Maker::Us, generation });
        Ok(self.secrets)
    }

    /// Carries out what nobody waits for any more.
    fn land(&mut self, intent: &Intent, now: Timestamp) {
        let _ = match intent.overlap {
            Some(_) => self.rotated(intent, None, now).1,
            None => self.mint(intent, now).ok(),
        };
    }

    /// Without an answer that is heard nobody has the secret.
    fn rotated(
        &mut self,
        intent: &Intent,
        heard: Option<Generation>,
        now: Timestamp,
    ) -> (RotateOutcome, Option<u64>) {
        let hours = intent.overlap.expect("a ROTATE");
        let before = self.find(&intent.name).and_then(|token| token.generation);
        let by = (Maker::Us, heard);
        match self.turn_over(&intent.name, hours, by, now) {
            Ok((secret, predecessor)) => {
                self.ended = if hours == 0 { before } else { self.ended };
                (RotateOutcome::Minted { predecessor }, Some(secret))
            }
            Err(kind) => (RotateOutcome::Refused(refusal(kind)), None),
        }
    }

    /// The name gets another secret; the one it had moves to a name that says when, for these hours.
    fn turn_over(
        &mut self,
        name: &TokenName,
        hours: u32,
        (maker, generation): (Maker, Option<Generation>),
        now: Timestamp,
    ) -> Result<(u64, TokenName), RefusalKind> {
        let full = self.live(&[Maker::Us, Maker::Clone, Maker::Stranger]) >= 15;
        let life = i64::from(self.days) * 86_400;
        let (at, secret) = (now.0 * 1_000 + i64::from(self.turns), self.secrets + 1);
        let token = self.tokens.iter_mut().find(|token| token.row.name == *name);
        let token = token.ok_or(RefusalKind::Other)?;
        let end = now.plus(i64::from(hours) * 3_600);
        if hours > 0 && token.row.expires_at.is_some_and(|expires_at| end > expires_at) {
            return Err(RefusalKind::Other);
        }
        if hours > 0 && full {
            return Err(RefusalKind::LimitReached);
        }
        let mut old = token.clone();
        old.row.name = TokenName::new(format!("{name}_ROTATED_{at}"));
        old.row.expires_at = old.row.expires_at.min(Some(end));
        if hours == 0 {
            old.row.status = TokenStatus::Expired;
        }
        token.row.expires_at = Some(now.plus(life));
        (token.secret, token.maker, token.generation) = (secret, maker, generation);
        (self.secrets, self.turns) = (secret, self.turns + 1);
        let predecessor = old.row.name.clone();
        self.tokens.push(old);
        Ok((secret, predecessor))
    }

    fn delete(&mut self, name: &TokenName) -> RemoveOutcome {
        let before = self.tokens.len();
        self.tokens.retain(|token| token.row.name != *name);
        if self.tokens.len() < before { RemoveOutcome::Removed } else { RemoveOutcome::Absent }
    }

    /// Being offline or refusing goes on; the next fault happens once.
    fn fault(&mut self) -> Option<Fault> {
        let once = self.next.take();
        if self.offline {
            return Some(Fault::LostBefore);
        }
        once.or(self.refuses.map(Fault::Refused))
    }
}

fn unclear_add() -> AddOutcome {
    AddOutcome::Unclear("timeout".to_owned())
}

fn unclear_rotation() -> RotateOutcome {
    RotateOutcome::Unclear("timeout".to_owned())
}

fn unclear() -> Failure {
    Failure::Unclear("timeout".to_owned())
}

fn refusal(kind: RefusalKind) -> Refusal {
    Refusal { kind, code: "003001".to_owned(), message: format!("{kind:?}") }
}
