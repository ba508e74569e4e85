//! The words of a plan: what `apply` runs, shows and asks for. Data only.

use serde::{Deserialize, Serialize};

/// The statements that lead from what was observed to what is wanted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Plan {
    /// Version of this format: 1.
    pub format: u32,
    /// The account.
    pub account: String,
    /// Who looked: user and role. `apply` runs as the same role.
    pub acting_user: String,
    /// See `acting_user`.
    pub acting_role: String,
    /// SHA-256 of the observation, in hex: `apply` refuses if the account has moved since.
    pub fingerprint: String,
    /// In this order. Empty: there is nothing to do.
    pub steps: Vec<Step>,
    /// What differs and cannot be mended by a statement of ours, or could not be seen.
    pub notes: Vec<Note>,
}

/// One statement.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// Exactly what will run, without a semicolon.
    pub statement: String,
    /// What kind of change it is.
    pub sign: Sign,
    /// What it is about: `user MIGUEL_CLI`.
    pub object: String,
    /// Why it is there, in one line.
    pub why: String,
    /// The privilege it needs: `CREATE USER ON ACCOUNT`.
    pub needs: String,
    /// Whether the acting role has it.
    pub held: Held,
    /// Set where it needs a confirmation of its own.
    pub danger: Option<Danger>,
}

/// The sign in front of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Sign {
    /// `+`
    Add,
    /// `~`
    Change,
    /// `-`
    Remove,
    /// `!`: a dangerous change.
    Danger,
}

/// Whether the acting role has a privilege.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Held {
    /// It has.
    Yes,
    /// It has not: the step will be refused.
    No,
    /// Its grants could not be seen.
    Unknown,
}

/// Why a step needs a confirmation of its own.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Danger {
    /// What must be confirmed.
    pub confirm: Confirmation,
    /// Who would be locked out, by name, with the reason.
    pub locked_out: Vec<LockedOut>,
    /// What could not be seen, and so may hide more of them.
    pub unseen: Vec<String>,
}

/// What is confirmed; the words of `--confirm`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Confirmation {
    /// A policy for all persons or all service users of the account.
    AccountPolicies,
    /// Putting a policy in the place of one that is attached.
    ReplacePolicy,
    /// Dropping an object or removing a token.
    Drop,
    /// Tokens that work from anywhere (`NOT_ENFORCED`).
    AnyNetwork,
    /// A lower `MAX_EXPIRY_IN_DAYS` in the policy that all hosts share.
    ShorterLife,
}

/// A user that a step would lock out.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LockedOut {
    /// The user.
    pub user: String,
    /// Why: "has 2 live tokens", "is who runs this plan", "has no other method".
    pub why: String,
}

/// Something a person should know that is no statement.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Note {
    /// Stable id: `hidden`, `foreign-owner`, `wrong-type`, `excludes-caller`, …
    pub id: String,
    /// What it is about.
    pub object: String,
    /// What, in a sentence, with the next step.
    pub text: String,
    /// Whether a plan with this note may be applied at all.
    pub stops_apply: bool,
}

impl Sign {
    /// Returns the character.
    pub fn as_char(self) -> char {
        match self {
            Self::Add => '+',
            Self::Change => '~',
            Self::Remove => '-',
            Self::Danger => '!',
        }
    }

    /// Returns what such steps do, after a number.
    pub fn as_verb(self) -> &'static str {
        match self {
            Self::Add => "add",
            Self::Change => "change",
            Self::Remove => "remove",
            Self::Danger => "need a confirmation",
        }
    }
}

impl Confirmation {
    /// Every confirmation there is.
    pub const ALL: [Self; 5] = [
        Self::AccountPolicies,
        Self::ReplacePolicy,
        Self::Drop,
        Self::AnyNetwork,
        Self::ShorterLife,
    ];

    /// Returns the word of `--confirm`.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::AccountPolicies => "account-policies",
            Self::ReplacePolicy => "replace-policy",
            Self::Drop => "drop",
            Self::AnyNetwork => "any-network",
            Self::ShorterLife => "shorter-life",
        }
    }

    /// Returns what is confirmed, in a few words.
    pub fn meaning(self) -> &'static str {
        match self {
            Self::AccountPolicies => "this governs every user of its kind in the account",
            Self::ReplacePolicy => "this takes the place of a policy that is in force",
            Self::Drop => "this cannot be undone",
            Self::AnyNetwork => "tokens will work from anywhere",
            Self::ShorterLife => {
                "tokens of a longer life, also those of other hosts, end at once, and no more can be made"
            }
        }
    }
}
