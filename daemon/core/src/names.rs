//! A newtype for every identifier that crosses a room's border, with the only ways to make one. Copies share one text:
//! each of thousands of slots has a dozen of them.

use std::sync::Arc;

use serde::{Deserialize, Serialize};

macro_rules! name {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(from = "String", into = "String")]
        pub struct $name(Arc<str>);

        impl $name {
            /// Takes a text that its source has already checked.
            pub fn new(text: impl Into<String>) -> Self {
                Self(text.into().into())
            }

            /// Returns the text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl From<String> for $name {
            fn from(text: String) -> Self {
                Self(text.into())
            }
        }

        impl From<$name> for String {
            fn from(name: $name) -> Self {
                name.as_str().to_owned()
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }
    };
}

name!(
    /// A Snowflake account identifier as configured, e.g. `MYORG-MYACCOUNT`.
    Account
);
name!(
    /// A Snowflake user, exactly as SHOW spells it.
    User
);
name!(
    /// A Snowflake role, exactly as SHOW spells it.
    Role
);
name!(
    /// What `-c` takes.
    Connection
);
name!(
    /// The absolute path of a program that an entry allows.
    Target
);
name!(
    /// The name of a token at Snowflake.
    TokenName
);
name!(
    /// The random id of this host's lineage: 8 upper-case hexadecimal digits.
    HostId
);
name!(
    /// The id of one intent: 6 upper-case hexadecimal digits, random.
    IntentId
);

/// One managed token: account × user, on this host. Connections may share it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct SlotId {
    /// The account.
    pub account: Account,
    /// The service user.
    pub user: User,
}

impl std::fmt::Display for SlotId {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}/{}", self.account, self.user)
    }
}

/// The n-th secret of a slot's lineage, from 1.
#[derive(
    Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize,
)]
#[serde(transparent)]
pub struct Generation(pub u64);

impl Generation {
    /// Returns the generation after this one.
    pub fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }
}

impl std::fmt::Display for Generation {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}
