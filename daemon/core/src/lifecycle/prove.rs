//! From "sealed" to "served": the row SHOW lists, the login with the new secret, the promotion.

use std::mem;

use crate::names::TokenName;
use crate::time::Timestamp;

use super::trouble::{
    CUT, Fault, LOST, NEW_TOKEN, PROBE_HERE, PROBE_REFUSED, PROBE_WRONG, USER_DISABLED, offline,
};
use super::turn::Turn;
use super::{
    Draining, Effect, Held, Intent, ProbeOutcome, RefusalKind, Standing, TokenRow, TokenStatus,
    Work,
};

impl Turn<'_> {
    /// Compares the new token with what was asked for, takes over the server's expiry, then logs in with it.
    pub(super) fn listed_while_proving(
        &mut self,
        staged: &Held,
        intent: Intent,
        rows: &[TokenRow],
    ) {
        let Some(row) = rows.iter().find(|row| row.name == staged.name) else {
            return self.new_token_missing(intent);
        };
        match row.status {
            TokenStatus::Active | TokenStatus::Unknown
                if row.role.as_ref() == Some(&staged.role) =>
            {
                self.take_expiry(row);
                self.ask_probe(staged.generation);
            }
            TokenStatus::Active | TokenStatus::Unknown => {
                self.quarantine(&row.name, &shown_by(row));
                self.ask_remove(row.name.clone());
            }
            TokenStatus::Expired | TokenStatus::Disabled => self.new_token_dead(row),
        }
    }

    /// The answer to the login with the new secret.
    pub(super) fn probed(&mut self, outcome: &ProbeOutcome) {
        let Some(staged) = self.slot.staged() else { return };
        let name = staged.name.clone();
        match outcome {
            ProbeOutcome::Proved => self.promote(),
            ProbeOutcome::Wrong { shown } => {
                self.quarantine(&name, shown);
                // The list is from before the login, and REMOVE goes by name: another may have rotated it since.
                self.ask_list();
            }
            ProbeOutcome::RefusedHere { code, message } => self.note(refused_here(code, message)),
            ProbeOutcome::RefusedSecret { code, message } => {
                self.note(self.refused_secret(code, message));
                self.slot.work =
                    Work::Discarding { name, why: "Snowflake refused its secret".to_owned() };
                self.ask_list();
            }
            ProbeOutcome::NoSecret(text) => {
                self.note(not_kept(&name, text));
                self.slot.work =
                    Work::Discarding { name, why: "its secret is not in the store".to_owned() };
                self.ask_list();
            }
            ProbeOutcome::Unclear(text) => self.note(offline("log in with the new secret", text)),
        }
    }

    /// One durable write makes the new generation the served one and the old one a draining one.
    fn promote(&mut self) {
        let Work::Proving { staged, intent } = mem::replace(&mut self.slot.work, Work::Idle) else {
            return;
        };
        let tainted = self.slot.taint.take().is_some() || intent.tainted;
        let soonest = self.soonest_after(&staged);
        self.plan_rotation(staged.expires_at, soonest);
        self.settle();
        if tainted {
            self.say(Effect::Clear(LOST));
        }
        let role = staged.role.clone();
        if let Some(held) = self.slot.serving.replace(staged) {
            self.say(Effect::Clear(CUT));
            let tainted = tainted || held.role != role;
            self.slot.draining.push(Draining { held, since: self.now, released_at: None, tainted });
        }
        self.say(Effect::Publish);
    }

    /// Never so soon that a wrong clock makes it rotate without end; and if proving took a good part of the life, by the same
    /// clock, in the middle of what is left.
    fn soonest_after(&self, staged: &Held) -> Timestamp {
        let quarter = self.rules.life() / 4;
        let left = staged.expires_at.since(self.now);
        let is_late = left > 0 && self.now.since(staged.issued_at) > quarter / 2;
        self.now.plus(if is_late { quarter.min(left / 2) } else { quarter })
    }

    fn quarantine(&mut self, name: &TokenName, shown: &str) {
        self.alarm(
            PROBE_WRONG,
            format!(
                "the new secret of {} showed {shown}, not role {} alone; it is removed",
                self.rules.user, self.rules.role
            ),
            "check the user's roles and policies at Snowflake, then patctl enrol".to_owned(),
        );
        self.slot.standing = Standing::Quarantined { shown: shown.to_owned() };
        let why = "it showed another user or role".to_owned();
        self.slot.work = Work::Discarding { name: name.clone(), why };
    }

    fn take_expiry(&mut self, row: &TokenRow) {
        if let (Work::Proving { staged, .. }, Some(expires_at)) =
            (&mut self.slot.work, row.expires_at)
        {
            staged.expires_at = expires_at;
        }
    }

    /// Somebody removed it, or SHOW does not list it yet: it counts until it cannot turn up any more.
    fn new_token_missing(&mut self, intent: Intent) {
        self.slot.work = Work::Idle;
        self.note(Fault {
            id: NEW_TOKEN,
            message: format!("Snowflake does not list {} though it just made it", intent.name),
            next_step: "find out who removes tokens of this user; another one is made by itself"
                .to_owned(),
        });
        self.doubt(&intent);
    }

    fn new_token_dead(&mut self, row: &TokenRow) {
        self.note(match row.status {
            TokenStatus::Disabled => {
                self.user_disabled(&format!("Snowflake lists the new token {} as disabled", row.name))
            }
            TokenStatus::Active | TokenStatus::Expired | TokenStatus::Unknown => Fault {
                id: NEW_TOKEN,
                message: format!("Snowflake lists the new token {} as expired", row.name),
                next_step: "set the clock of this host right, and look at the token: SHOW USER PROGRAMMATIC ACCESS TOKENS".to_owned(),
            },
        });
        self.discard(row.name.clone(), "it was not active");
    }

    /// Snowflake issues tokens to a disabled user, disables those it had, and refuses a login with any of them
    /// as "invalid" (snowflake docs: user-guide/programmatic-access-tokens).
    fn user_disabled(&self, shown: &str) -> Fault {
        Fault {
            id: USER_DISABLED,
            message: format!("{shown}, as it is when the user is disabled"),
            next_step: self.way_out(RefusalKind::UserDisabled),
        }
    }

    fn refused_secret(&self, code: &str, message: &str) -> Fault {
        let (user, role) = (&self.rules.user, &self.rules.role);
        if self.slot.flight.saw_disabled {
            return self.user_disabled(&format!(
                "Snowflake refused a login with the new secret ({code} {message}) and lists an older token as disabled"
            ));
        }
        Fault {
            id: PROBE_REFUSED,
            message: format!("Snowflake refused a login with the new secret: {code} {message}"),
            next_step: format!(
                "check that role {role} is granted to {user}, that {user} is enabled and that no policy blocks the role"
            ),
        }
    }
}

fn not_kept(name: &TokenName, text: &str) -> Fault {
    Fault {
        id: NEW_TOKEN,
        message: format!("the secret of {name} cannot be proven: {text}"),
        next_step: "look at the disk: journalctl -k; another token is made by itself".to_owned(),
    }
}

fn refused_here(code: &str, message: &str) -> Fault {
    Fault {
        id: PROBE_HERE,
        message: format!("Snowflake refuses logins from this address: {code} {message}"),
        next_step: "allow the address it names in the network policy of the user".to_owned(),
    }
}

fn shown_by(row: &TokenRow) -> String {
    match &row.role {
        Some(role) => format!("a token for role {role}"),
        None => "a token without a role restriction".to_owned(),
    }
}
