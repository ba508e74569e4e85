//! Plans that an administrator may have run: the daemon's own, made of its own configuration and its own look. One an
//! account, for a short while; a step is run only when it is the next one, and only once.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use patd_core::names::Account;
use patd_core::pattern::plan::{Confirmation, Plan, Step};
use tokio::sync::Semaphore;

use crate::house::Trust;

/// The plans that are kept. One for the daemon.
pub struct Provisioning {
    kept: Mutex<BTreeMap<Account, Kept>>,
    /// Looks of administrators at once: each may be thousands of questions.
    pub looks: Semaphore,
    /// Logins of administrators at once.
    pub logins: Semaphore,
}

/// A plan that may be run from where it stands.
pub struct Kept {
    plan: Plan,
    done: usize,
    /// What it was made of; under another configuration it is worth nothing.
    trust: Weak<Trust>,
    used: Duration,
}

/// What somebody wants run.
#[derive(Clone, Copy)]
pub struct Asked<'a> {
    /// Of the observation the plan was made of.
    pub fingerprint: &'a str,
    /// The next step, byte for byte.
    pub statement: &'a str,
    /// The dangers that were confirmed.
    pub confirmed: &'a [String],
}

/// Why a statement is not run.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NotNow {
    /// There is none, or no more.
    #[error(
        "there is no plan for this account: it was not looked at, or too long ago, or a step failed since"
    )]
    NoPlan,
    /// It was made of another look.
    #[error("the daemon's plan was made of another look at the account")]
    OtherLook,
    /// A note says that it must not be run.
    #[error("the plan must not be run: {0}")]
    Stopped(String),
    /// Every step was run.
    #[error("every step of the plan was run")]
    Finished,
    /// It is not the next one.
    #[error("the next step of the daemon's own plan is another: {0}")]
    OtherStep(String),
    /// A person has to confirm it first.
    #[error("this step needs the confirmation {}: {}", .0.as_str(), .0.meaning())]
    Unconfirmed(Confirmation),
}

impl Default for Provisioning {
    fn default() -> Self {
        let (looks, logins) = (Semaphore::new(LOOKS), Semaphore::new(LOGINS));
        Self { kept: Mutex::default(), looks, logins }
    }
}

impl Provisioning {
    /// Keeps a plan, in the place of the one before. `now` is on the boot clock.
    pub fn keep(&self, account: &Account, plan: Plan, trust: &Arc<Trust>, now: Duration) {
        let kept = Kept { plan, done: 0, trust: Arc::downgrade(trust), used: now };
        self.kept().insert(account.clone(), kept);
    }

    /// Drops the plan of an account.
    pub fn drop_plan(&self, account: &Account) {
        self.kept().remove(account);
    }

    /// Takes the plan out to run its next step. Until it is put back there is none: nobody runs a step twice.
    ///
    /// # Errors
    /// Says why this statement is not run.
    pub fn take(
        &self,
        account: &Account,
        asked: Asked<'_>,
        trust: &Arc<Trust>,
        now: Duration,
    ) -> Result<Kept, NotNow> {
        let mut all = self.kept();
        let kept = all.remove(account).ok_or(NotNow::NoPlan)?;
        if !std::ptr::eq(kept.trust.as_ptr(), Arc::as_ptr(trust))
            || now.saturating_sub(kept.used) >= KEPT_FOR
        {
            return Err(NotNow::NoPlan);
        }
        match kept.admits(asked) {
            Ok(()) => Ok(kept),
            Err(not_now) => {
                all.insert(account.clone(), kept);
                Err(not_now)
            }
        }
    }

    /// Puts the plan back, one step further: the step was done.
    pub fn put_back(&self, account: &Account, mut kept: Kept, now: Duration) {
        kept.done = kept.done.saturating_add(1);
        kept.used = now;
        // A plan that was made meanwhile is newer.
        self.kept().entry(account.clone()).or_insert(kept);
    }

    fn kept(&self) -> MutexGuard<'_, BTreeMap<Account, Kept>> {
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    fn admits(&self, asked: Asked<'_>) -> Result<(), NotNow> {
        if self.plan.fingerprint != asked.fingerprint {
            return Err(NotNow::OtherLook);
        }
        if let Some(note) = self.plan.notes.iter().find(|note| note.stops_apply) {
            return Err(NotNow::Stopped(format!("{}: {}", note.object, note.text)));
        }
        let step = self.next().ok_or(NotNow::Finished)?;
        if step.statement != asked.statement {
            return Err(NotNow::OtherStep(step.statement.clone()));
        }
        match &step.danger {
            Some(danger) if !is_confirmed(danger.confirm, asked.confirmed) => {
                Err(NotNow::Unconfirmed(danger.confirm))
            }
            Some(_) | None => Ok(()),
        }
    }

    fn next(&self) -> Option<&Step> {
        self.plan.steps.get(self.done)
    }
}

impl NotNow {
    /// Returns what to do.
    pub fn next_step(&self) -> &'static str {
        match self {
            Self::NoPlan | Self::OtherLook | Self::Finished => {
                "run patctl apply again: it looks anew"
            }
            Self::Stopped(_) => "mend that first; see: patctl plan",
            Self::OtherStep(_) => {
                "see that patctl and the daemon read the same configuration: systemctl reload patd; then run patctl apply again"
            }
            Self::Unconfirmed(_) => {
                "see who would be locked out: patctl plan; then: patctl apply --confirm"
            }
        }
    }
}

fn is_confirmed(danger: Confirmation, confirmed: &[String]) -> bool {
    confirmed.iter().any(|word| word == danger.as_str())
}

const LOOKS: usize = 1;
const LOGINS: usize = 4;
/// How long a plan waits for its next step.
const KEPT_FOR: Duration = Duration::from_secs(600);
