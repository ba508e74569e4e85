//! What went wrong, in words with a next step, and when it is tried again.

use crate::schedule::{LONGEST_WAIT, backoff};
use crate::time::Timestamp;

use super::turn::Turn;
use super::{Effect, Failure, Refusal, RefusalKind, Trouble};

/// What was being asked when it went wrong.
#[derive(Clone, Copy)]
pub(super) enum During {
    Add,
    Rotate,
    List,
    Remove,
}

impl During {
    fn words(self) -> &'static str {
        match self {
            Self::Add => "issue a token",
            Self::Rotate => "give the token a new secret",
            Self::List => "list the tokens",
            Self::Remove => "remove a token",
        }
    }
}

/// Something that went wrong, before it is known how often.
pub(super) struct Fault {
    pub(super) id: &'static str,
    pub(super) message: String,
    pub(super) next_step: String,
}

impl Turn<'_> {
    /// Notes a fault and when it is tried again; the first of its kind is an alarm unless it may pass by itself.
    pub(super) fn note(&mut self, fault: Fault) {
        let times = self.slot.trouble.as_ref().map_or(0, |last| last.times).saturating_add(1);
        if self.slot.trouble.as_ref().is_none_or(|last| last.id != fault.id) {
            self.clear_trouble();
            if !may_pass(fault.id) {
                self.alarm(fault.id, fault.message.clone(), fault.next_step.clone());
            }
        }
        self.slot.trouble = Some(Trouble {
            id: fault.id.to_owned(),
            message: fault.message,
            next_step: fault.next_step,
            times,
            retry_at: self.now.plus(backoff(times, self.rules.jitter)),
        });
        self.alarm_before_expiry();
    }

    /// Notes that an admin call failed.
    pub(super) fn note_failure(&mut self, during: During, failure: &Failure) {
        match failure {
            Failure::Unclear(text) => self.note(offline(during.words(), text)),
            Failure::Refused(refusal) => self.note(self.refused(during, refusal)),
        }
    }

    /// Ends the trouble: the last try went well.
    pub(super) fn settle(&mut self) {
        if self.slot.trouble.is_some() {
            self.clear_trouble();
            self.say(Effect::Clear(EXPIRING));
            self.slot.trouble = None;
        }
    }

    /// Lets the next try happen at once.
    pub(super) fn try_now(&mut self) {
        if let Some(trouble) = &mut self.slot.trouble {
            trouble.retry_at = self.now;
        }
    }

    /// Returns whether something may be tried now. A moment too far away is a clock that went back.
    pub(super) fn may_try(&self) -> bool {
        self.retry_at() <= self.now
    }

    /// Returns when something may be tried next: now, unless a failure is being waited out.
    pub(super) fn retry_at(&self) -> Timestamp {
        let wait = self.slot.trouble.as_ref().map_or(0, |trouble| trouble.retry_at.since(self.now));
        if (1..=LONGEST_WAIT * 2).contains(&wait) { self.now.plus(wait) } else { self.now }
    }

    /// Raises the alarms of the persisted state again: a daemon that starts knows of none.
    pub(super) fn alarm_again(&mut self) {
        let Some(trouble) = self.slot.trouble.clone() else { return };
        if let Some(id) = static_id(&trouble.id) {
            self.alarm(id, trouble.message, trouble.next_step);
        }
        self.alarm_before_expiry();
    }

    fn clear_trouble(&mut self) {
        let id = self.slot.trouble.as_ref().and_then(|trouble| static_id(&trouble.id));
        if let Some(id) = id {
            self.say(Effect::Clear(id));
        }
    }

    /// A passing failure is nobody's business until the secret in use comes near its end.
    fn alarm_before_expiry(&mut self) {
        let Some(serving) = &self.slot.serving else { return };
        let left = serving.expires_at.since(self.now);
        if left >= self.rules.life() / 4 {
            return;
        }
        // The moment, and not the hours left: a text that changes is an alarm that is raised anew.
        let message = format!(
            "the secret of {} is valid until {} and could not be replaced",
            self.rules.user,
            serving.expires_at.utc()
        );
        self.alarm(EXPIRING, message, "see the problem of this slot in patctl status".to_owned());
    }

    fn refused(&self, during: During, refusal: &Refusal) -> Fault {
        let Refusal { kind, code, message } = refusal;
        Fault {
            id: kind_id(*kind),
            message: format!("Snowflake refused to {}: {code} {message}", during.words()),
            next_step: self.way_out(*kind),
        }
    }

    pub(super) fn way_out(&self, kind: RefusalKind) -> String {
        let (user, role) = (&self.rules.user, &self.rules.role);
        match kind {
            RefusalKind::AdminLogin => {
                "check that the broker user is enabled and has this host's public key; patctl bootstrap prints the SQL".to_owned()
            }
            RefusalKind::AdminNetwork => {
                "allow the address Snowflake names in the network policy of the broker user".to_owned()
            }
            // The configuration need not name it any more, and then nothing prints the SQL.
            RefusalKind::Privilege if self.is_tombstoned() => format!(
                "grant MODIFY PROGRAMMATIC AUTHENTICATION METHODS on user {user} to the broker role; if there is no such \
                 user any more: patctl revoke --user {user} --gone, once no connection names it"
            ),
            RefusalKind::Privilege => format!(
                "grant MODIFY PROGRAMMATIC AUTHENTICATION METHODS on user {user} to the broker role; patctl bootstrap prints the SQL"
            ),
            RefusalKind::LimitReached => format!(
                "remove tokens of {user} that nobody uses: SHOW USER PROGRAMMATIC ACCESS TOKENS FOR USER {user}"
            ),
            RefusalKind::Policy => format!(
                "attach a network policy to {user} and allow PROGRAMMATIC_ACCESS_TOKEN in its authentication policy; patctl bootstrap prints the SQL"
            ),
            RefusalKind::RoleNotGranted => format!("grant role {role} to user {user}"),
            RefusalKind::UserDisabled => format!("enable user {user} at Snowflake, or remove its connections here"),
            RefusalKind::ExpiryTooLong => format!(
                "lower days_to_expiry of {user}, or raise MAX_EXPIRY_IN_DAYS of its authentication policy"
            ),
            RefusalKind::NameTaken | RefusalKind::Other => {
                "read Snowflake's text; patctl explain and patctl bootstrap show what should be there".to_owned()
            }
        }
    }
}

/// Returns the fault of an answer that cannot be acted on.
pub(super) fn offline(doing: &str, text: &str) -> Fault {
    Fault {
        id: OFFLINE,
        message: format!("no usable answer when asked to {doing}: {text}"),
        next_step: "check the way to Snowflake; it is tried again by itself".to_owned(),
    }
}

fn kind_id(kind: RefusalKind) -> &'static str {
    match kind {
        RefusalKind::AdminLogin => "admin-login-refused",
        RefusalKind::AdminNetwork => "admin-network-refused",
        RefusalKind::Privilege => "privilege-missing",
        RefusalKind::LimitReached => LIMIT,
        RefusalKind::Policy => "policy-forbids",
        RefusalKind::RoleNotGranted => "role-not-granted",
        RefusalKind::UserDisabled => USER_DISABLED,
        RefusalKind::ExpiryTooLong => "expiry-too-long",
        RefusalKind::NameTaken => "name-taken",
        RefusalKind::Other => REFUSED,
    }
}

/// Returns whether a trouble may pass by itself.
pub(super) fn may_pass(id: &str) -> bool {
    PASSING.contains(&id)
}

/// Returns the alarm behind a persisted trouble; none if that kind never was one.
fn static_id(id: &str) -> Option<&'static str> {
    ALARMED.into_iter().find(|known| *known == id)
}

pub(super) const OFFLINE: &str = "offline";
pub(super) const UNANSWERED: &str = "add-unanswered";
pub(super) const ROTATE_UNANSWERED: &str = "rotate-unanswered";
pub(super) const ROOM: &str = "waiting-for-room";
pub(super) const LIMIT: &str = "token-limit";
pub(super) const REFUSED: &str = "refused";
pub(super) const NO_EFFECT: &str = "remove-without-effect";
pub(super) const PROBE_HERE: &str = "probe-network-policy";
pub(super) const PROBE_REFUSED: &str = "probe-refused";
pub(super) const USER_DISABLED: &str = "user-disabled";
pub(super) const NEW_TOKEN: &str = "new-token-unusable";
pub(super) const PROBE_WRONG: &str = "probe-wrong";
pub(super) const FENCED: &str = "fenced";
pub(super) const UNENROLLED: &str = "unenrolled";
pub(super) const LOST: &str = "token-lost";
pub(super) const CUT: &str = "oldest-cut";
pub(super) const REMOVE_REFUSED: &str = "remove-refused";
pub(super) const EXPIRING: &str = "secret-expiring";

/// Troubles that may pass by themselves.
const PASSING: [&str; 4] = [OFFLINE, UNANSWERED, ROTATE_UNANSWERED, ROOM];

/// Troubles that are alarms as well.
const ALARMED: [&str; 14] = [
    "admin-login-refused",
    "admin-network-refused",
    "privilege-missing",
    LIMIT,
    "policy-forbids",
    "role-not-granted",
    USER_DISABLED,
    "expiry-too-long",
    "name-taken",
    REFUSED,
    NO_EFFECT,
    PROBE_HERE,
    PROBE_REFUSED,
    NEW_TOKEN,
];
