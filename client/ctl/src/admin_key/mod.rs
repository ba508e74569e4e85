//! `patctl admin-key rotate`: a new key for the broker's user, here and at Snowflake. Looks, does one step, looks again;
//! so a run that was cut off, at whatever step, is finished by another one.

mod hand_over;
mod journal;
mod login;
mod next;

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};

use pat_wire::secret::Secret;
use patd_config::{AccountConfig, Config};
use patd_core::sql::KeySlot;
use patd_keys::Succession;
use patd_snowflake::chain::chain;
use patd_snowflake::key::{KeyError, SigningKey};
use serde_json::{Value, json};

use crate::answer::{Answer, Exit, Failure};
use crate::cli::{AdminKeyVerb, Cli, RotateKeyArgs};
use crate::crash::between;
use crate::public_key::{self, PublicKey};
use crate::{files, init, target};

use hand_over::{Heard, hand_over};
use login::Login;
use next::{Facts, Next, Pair, Stop, next};

pub(crate) fn run(cli: &Cli, verb: &AdminKeyVerb) -> Result<Answer, Failure> {
    match verb {
        AdminKeyVerb::Rotate(args) => rotate(cli, args),
    }
}

/// An account that cannot be done keeps none of the others waiting.
fn rotate(cli: &Cli, args: &RotateKeyArgs) -> Result<Answer, Failure> {
    let config = patd_config::load(&cli.config)?;
    let accounts: Vec<&AccountConfig> = match &args.account {
        Some(named) => vec![target::account(&config, Some(named))?],
        None => config.accounts.values().collect(),
    };
    let _alone = alone(&cli.config)?;
    let (mut text, mut rows, mut failed) = (String::new(), Vec::new(), None::<Failure>);
    for account in accounts {
        match Rotation::of(cli, &config, account).and_then(|rotation| rotation.carry_out()) {
            Ok(done) => {
                text.push_str(&done.text());
                rows.push(done.json());
            }
            Err(failure) => {
                failed = Some(match failed {
                    None => failure,
                    Some(first) => first.and(failure),
                });
            }
        }
    }
    match failed {
        None => Ok(Answer::ok(text, json!({ "accounts": rows }))),
        Some(failure) => Err(failure.with_json("accounts", Value::Array(rows))),
    }
}

/// Two rotations at once would take each other's steps. Who may open the lock may keep it: the folder itself, which
/// everybody reads, would let any user stop every rotation.
fn alone(dir: &Path) -> Result<File, Failure> {
    let path = dir.join(LOCK);
    let lock = files::open_lock(&path).map_err(|error| Failure::io("open", &path, &error))?;
    match lock.try_lock() {
        Ok(()) => Ok(lock),
        Err(TryLockError::WouldBlock) => {
            Err(Failure::new(Exit::Failed, "another rotation runs", "wait for its end"))
        }
        Err(TryLockError::Error(error)) => Err(Failure::io("lock", &path, &error)),
    }
}

const LOCK: &str = "admin-key.lock";

/// The rotation of one account's key.
struct Rotation<'a> {
    cli: &'a Cli,
    account: &'a AccountConfig,
    keys: Succession,
    journal: journal::Place,
    public: PathBuf,
}

/// A rotation that came to its end.
struct Done<'a> {
    account: &'a AccountConfig,
    keys: Pair,
    heard: Heard,
}

/// What is there, and the keys to act with.
struct Seen {
    facts: Facts,
    present: Login,
    present_half: PublicKey,
    next: Option<(SigningKey, PublicKey)>,
}

impl<'a> Rotation<'a> {
    fn of(cli: &'a Cli, config: &Config, account: &'a AccountConfig) -> Result<Self, Failure> {
        let admin = &account.admin;
        let same =
            |other: &&AccountConfig| other.name != account.name && other.admin.key == admin.key;
        if let Some(other) = config.accounts.values().find(same) {
            let what = format!("{} and {} log in with the same key", account.name, other.name);
            let next_step = "give each account an admin key of its own";
            return Err(Failure::new(Exit::BadConfig, what, next_step));
        }
        let public = public_key::path(&cli.config, &account.name, config.accounts.len() == 1);
        Ok(Self {
            cli,
            account,
            keys: Succession::of(&admin.key, &init::sealed_file(&cli.config, &admin.key)),
            journal: journal::Place::of(&cli.config, &account.name, admin.user.as_str()),
            public,
        })
    }

    fn carry_out(self) -> Result<Done<'a>, Failure> {
        let mut heard = Heard::NotRunning;
        for _ in 0..MOST_STEPS {
            let seen = self.look()?;
            let step = next(&seen.facts).map_err(|stop| self.stopped(stop))?;
            let written = seen.facts.journal.clone().filter(|_| step == Next::Finish);
            self.step(seen, step, &mut heard)?;
            if let Some(keys) = written {
                return Ok(Done { account: self.account, keys, heard });
            }
        }
        Err(Failure::new(Exit::Failed, "the rotation comes to no end", "report it"))
    }

    /// Looks with the key in force. So each step begins with a proof that it works.
    fn look(&self) -> Result<Seen, Failure> {
        let present = self.parsed(self.keys.present()?)?;
        // One that cannot be parsed was cut off while it was written.
        let next = self.keys.next()?.and_then(|key| self.parsed(key).ok());
        let next = next.map(|key| Ok::<_, Failure>((public_half(&key)?, key))).transpose()?;
        let present_half = public_half(&present)?;
        let fingerprint = present.fingerprint();
        let login = Login::new(self.account, present)?;
        let facts = Facts {
            present: fingerprint,
            next: next.as_ref().map(|(half, _)| half.fingerprint()),
            slots: login.keys()?,
            journal: self.journal.read()?,
        };
        let next = next.map(|(half, key)| (key, half));
        Ok(Seen { facts, present: login, present_half, next })
    }

    fn step(&self, seen: Seen, step: Next, heard: &mut Heard) -> Result<(), Failure> {
        match step {
            Next::Make => self.make(),
            Next::Announce(keys) => between(|| self.journal.write(keys)),
            Next::Set(slot) => {
                let (_, half) = seen.next.ok_or_else(gone)?;
                between(|| seen.present.set(slot, &half))
            }
            Next::Promote => {
                let (key, half) = seen.next.ok_or_else(gone)?;
                self.promote(key, &half)
            }
            Next::End(slot) => {
                *heard = self.hand_over(&seen.facts.present)?;
                between(|| seen.present.unset(slot))
            }
            Next::TakeBack(slot) => between(|| seen.present.unset(slot)),
            Next::Forget | Next::Finish => self.forget(&seen.present_half),
        }
    }

    fn hand_over(&self, key: &str) -> Result<Heard, Failure> {
        let done = "the new key is in force on this host, and the old one was kept at Snowflake";
        hand_over(self.cli, self.account, key).map_err(|failure| failure.after(done))
    }

    fn make(&self) -> Result<(), Failure> {
        let (_, private) = SigningKey::generate().map_err(|error| self.unusable(&error))?;
        between(|| self.keys.keep_next(&private)).map_err(Failure::from)
    }

    /// The public half first: wherever there is a private key, its public half is known.
    fn promote(&self, key: SigningKey, half: &PublicKey) -> Result<(), Failure> {
        Login::new(self.account, key)?.keys().map_err(|failure| {
            failure.after("the new key was let in, and the old one is in force")
        })?;
        between(|| files::replace(&self.public, &half.pem()))?;
        between(|| self.keys.promote()).map_err(Failure::from)
    }

    fn forget(&self, present: &PublicKey) -> Result<(), Failure> {
        between(|| files::replace(&self.public, &present.pem()))?;
        between(|| self.keys.forget_next())?;
        between(|| self.journal.remove())
    }

    fn parsed(&self, key: Secret) -> Result<SigningKey, Failure> {
        let parsed = SigningKey::from_pem(key.expose().as_bytes(), None);
        parsed.map_err(|error| match matches!(error, KeyError::PassphraseNeeded) {
            true => self.encrypted(),
            false => self.unusable(&error),
        })
    }

    fn encrypted(&self) -> Failure {
        let what = format!("the admin key of {} has a passphrase", self.account.name);
        let next_step = "keep it without one (openssl pkcs8 -in OLD -out NEW), or replace it by hand: the keys that patctl makes have none";
        Failure::new(Exit::Failed, what, next_step)
    }

    fn unusable(&self, error: &KeyError) -> Failure {
        let what = format!("admin key of {}: {}", self.account.name, chain(error));
        Failure::new(Exit::Failed, what, "")
    }

    fn stopped(&self, stop: Stop) -> Failure {
        let user = &self.account.admin.user;
        let (what, next_step) = match stop {
            Stop::Foreign(slot, key) => foreign(user.as_str(), slot, &key),
            Stop::NotInASlot => (
                format!("the key of this host is in neither slot of {user}, but can log in"),
                "it may be a named key pair: rotate that by hand (SHOW USER KEY PAIRS)".to_owned(),
            ),
            Stop::Strange(pair) => (
                format!(
                    "{} is of a rotation from {} to {}, and this host has another key",
                    self.journal.path().display(),
                    pair.old,
                    pair.new
                ),
                format!(
                    "see which keys {user} has (DESCRIBE USER), end the ones nobody uses, then remove that file"
                ),
            ),
        };
        Failure::new(Exit::Failed, what, next_step)
    }
}

fn foreign(user: &str, slot: KeySlot, key: &str) -> (String, String) {
    let slot = slot.property();
    (
        format!("{user} has a key in {slot} that this host did not put there: {key}"),
        format!(
            "find out whose it is: who has it can act as the broker. If it is nobody's, a security admin runs ALTER USER {user} UNSET {slot}"
        ),
    )
}

fn gone() -> Failure {
    Failure::new(Exit::Failed, "the key that was kept beside is gone", "run it again")
}

fn public_half(key: &SigningKey) -> Result<PublicKey, Failure> {
    PublicKey::parse(&key.public_key_body()).ok_or_else(|| {
        Failure::new(Exit::Failed, "the crypto library gave no public key", "try again")
    })
}

impl Done<'_> {
    fn text(&self) -> String {
        let Self { account, keys, heard } = self;
        format!(
            "{}: {} has a new key\n  in force  {}\n  ended     {}\n  {}\n",
            account.name,
            account.admin.user,
            keys.new,
            keys.old,
            heard.said()
        )
    }

    fn json(&self) -> Value {
        json!({
            "account": self.account.name.as_str(),
            "user": self.account.admin.user.as_str(),
            "in_force": self.keys.new,
            "ended": self.keys.old,
            "daemon_logged_in": self.heard == Heard::LoggedIn,
        })
    }
}

/// A rotation that begins by taking back the one before it has ten.
const MOST_STEPS: usize = 16;
