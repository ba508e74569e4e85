//! Who holds what: privileges on objects, and roles granted to users and roles.

use std::collections::BTreeSet;
use std::fmt;

use super::Path;
use crate::engine::clock::Millis;

/// Kinds of objects privileges are granted on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::engine) enum Kind {
    Account,
    User,
    Role,
    DatabaseRole,
    Database,
    Schema,
    Warehouse,
    NetworkRule,
    NetworkPolicy,
    AuthenticationPolicy,
}

impl Kind {
    pub(in crate::engine) const NAMED: [Self; 9] = [
        Self::DatabaseRole,
        Self::User,
        Self::Role,
        Self::Database,
        Self::Schema,
        Self::Warehouse,
        Self::NetworkRule,
        Self::NetworkPolicy,
        Self::AuthenticationPolicy,
    ];

    /// Returns the words SQL uses for the kind.
    pub(in crate::engine) fn words(self) -> &'static str {
        match self {
            Self::Account => "ACCOUNT",
            Self::User => "USER",
            Self::Role => "ROLE",
            Self::DatabaseRole => "DATABASE ROLE",
            Self::Database => "DATABASE",
            Self::Schema => "SCHEMA",
            Self::Warehouse => "WAREHOUSE",
            Self::NetworkRule => "NETWORK RULE",
            Self::NetworkPolicy => "NETWORK POLICY",
            Self::AuthenticationPolicy => "AUTHENTICATION POLICY",
        }
    }

    /// Returns the kind as SHOW GRANTS prints it.
    pub(in crate::engine) fn column(self) -> String {
        self.words().replace(' ', "_")
    }

    /// Returns the kind as error messages begin with it.
    pub(in crate::engine) fn title(self) -> &'static str {
        match self {
            Self::Account => "Account",
            Self::User => "User",
            Self::Role => "Role",
            Self::DatabaseRole => "Database role",
            Self::Database => "Database",
            Self::Schema => "Schema",
            Self::Warehouse => "Warehouse",
            Self::NetworkRule => "Network rule",
            Self::NetworkPolicy => "Network policy",
            Self::AuthenticationPolicy => "Authentication policy",
        }
    }

    /// Returns how many parts the full name has.
    pub(in crate::engine) fn depth(self) -> usize {
        match self {
            Self::Schema | Self::DatabaseRole => 2,
            Self::NetworkRule | Self::AuthenticationPolicy => 3,
            Self::Account
            | Self::User
            | Self::Role
            | Self::Database
            | Self::Warehouse
            | Self::NetworkPolicy => 1,
        }
    }
}

/// An object something is granted on.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::engine) struct Securable {
    pub(in crate::engine) kind: Kind,
    pub(in crate::engine) path: Path,
}

impl Securable {
    pub(in crate::engine) fn new(kind: Kind, path: Path) -> Self {
        Self { kind, path }
    }

    pub(in crate::engine) fn named(kind: Kind, name: &str) -> Self {
        Self::new(kind, Path::one(name))
    }

    pub(in crate::engine) fn user(name: &str) -> Self {
        Self::named(Kind::User, name)
    }
}

/// An account role or a database role.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::engine) enum RoleRef {
    Account(String),
    Database(Path),
}

impl RoleRef {
    pub(in crate::engine) fn securable(&self) -> Securable {
        match self {
            Self::Account(name) => Securable::named(Kind::Role, name),
            Self::Database(path) => Securable::new(Kind::DatabaseRole, path.clone()),
        }
    }
}

impl fmt::Display for RoleRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Account(name) => f.write_str(name),
            Self::Database(path) => path.fmt(f),
        }
    }
}

/// Who can hold a grant.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(in crate::engine) enum Grantee {
    Role(RoleRef),
    User(String),
}

impl Grantee {
    pub(in crate::engine) fn role(name: &str) -> Self {
        Self::Role(RoleRef::Account(name.to_owned()))
    }

    /// Returns the grantee an object is, when it can be one.
    pub(in crate::engine) fn of(on: &Securable) -> Option<Self> {
        match on.kind {
            Kind::User => Some(Self::User(on.path.leaf().to_owned())),
            Kind::Role => Some(Self::role(on.path.leaf())),
            Kind::DatabaseRole => Some(Self::Role(RoleRef::Database(on.path.clone()))),
            Kind::Account
            | Kind::Database
            | Kind::Schema
            | Kind::Warehouse
            | Kind::NetworkRule
            | Kind::NetworkPolicy
            | Kind::AuthenticationPolicy => None,
        }
    }

    /// Returns the word of the `granted_to` column.
    pub(in crate::engine) fn word(&self) -> &'static str {
        match self {
            Self::Role(RoleRef::Account(_)) => "ROLE",
            Self::Role(RoleRef::Database(_)) => "DATABASE_ROLE",
            Self::User(_) => "USER",
        }
    }

    pub(in crate::engine) fn name(&self) -> String {
        match self {
            Self::Role(role) => role.to_string(),
            Self::User(name) => name.clone(),
        }
    }
}

/// A privilege somebody holds on an object.
#[derive(Clone, Debug)]
pub(in crate::engine) struct PrivilegeGrant {
    pub(in crate::engine) privilege: String,
    pub(in crate::engine) on: Securable,
    pub(in crate::engine) to: Grantee,
    pub(in crate::engine) with_grant_option: bool,
    pub(in crate::engine) granted_by: String,
    pub(in crate::engine) created_on: Millis,
}

/// A role somebody has.
#[derive(Clone, Debug)]
pub(in crate::engine) struct RoleGrant {
    pub(in crate::engine) role: RoleRef,
    pub(in crate::engine) to: Grantee,
    pub(in crate::engine) granted_by: String,
    pub(in crate::engine) created_on: Millis,
}

/// All grants of the account.
#[derive(Clone, Default)]
pub(in crate::engine) struct Grants {
    pub(in crate::engine) privileges: Vec<PrivilegeGrant>,
    pub(in crate::engine) roles: Vec<RoleGrant>,
}

/// The privilege that includes every other.
pub(in crate::engine) const OWNERSHIP: &str = "OWNERSHIP";

impl Grants {
    /// Adds a privilege; granting it again only can add the grant option.
    pub(in crate::engine) fn add_privilege(&mut self, grant: PrivilegeGrant) {
        let same = |held: &&mut PrivilegeGrant| {
            held.privilege == grant.privilege && held.on == grant.on && held.to == grant.to
        };
        match self.privileges.iter_mut().find(same) {
            Some(held) => held.with_grant_option |= grant.with_grant_option,
            None => self.privileges.push(grant),
        }
    }

    pub(in crate::engine) fn add_role(&mut self, grant: RoleGrant) {
        if !self.roles.iter().any(|held| held.role == grant.role && held.to == grant.to) {
            self.roles.push(grant);
        }
    }

    /// Makes a grantee the one owner of an object.
    pub(in crate::engine) fn set_owner(&mut self, on: &Securable, owner: Grantee, now: Millis) {
        self.privileges.retain(|held| !(held.on == *on && held.privilege == OWNERSHIP));
        self.privileges.push(PrivilegeGrant {
            privilege: OWNERSHIP.into(),
            on: on.clone(),
            granted_by: owner.name(),
            to: owner,
            with_grant_option: true,
            created_on: now,
        });
    }

    pub(in crate::engine) fn owner(&self, on: &Securable) -> Option<&Grantee> {
        self.privileges.iter().find(|g| g.on == *on && g.privilege == OWNERSHIP).map(|g| &g.to)
    }

    /// Returns the name of the owner as SHOW prints it, empty for what Snowflake owns.
    pub(in crate::engine) fn owner_name(&self, on: &Securable) -> String {
        self.owner(on).map(Grantee::name).unwrap_or_default()
    }

    /// Returns everybody whose privileges the holder of these grantees may use.
    pub(in crate::engine) fn closure(&self, start: BTreeSet<Grantee>) -> BTreeSet<Grantee> {
        let mut reached = start.clone();
        let mut frontier: Vec<Grantee> = start.into_iter().collect();
        while let Some(holder) = frontier.pop() {
            for grant in self.roles.iter().filter(|grant| grant.to == holder) {
                let role = Grantee::Role(grant.role.clone());
                if reached.insert(role.clone()) {
                    frontier.push(role);
                }
            }
        }
        reached
    }

    pub(super) fn forget_object(&mut self, on: &Securable) {
        self.privileges.retain(|held| held.on != *on);
    }

    pub(super) fn forget_grantee(&mut self, gone: &Grantee, heir: Option<&Grantee>) {
        for grant in self.privileges.iter_mut() {
            if let (true, OWNERSHIP, Some(heir)) = (grant.to == *gone, &*grant.privilege, heir) {
                grant.to = heir.clone();
            }
        }
        self.privileges.retain(|held| held.to != *gone);
        self.roles.retain(|held| held.to != *gone && Grantee::Role(held.role.clone()) != *gone);
    }

    /// Gives an object, and the grantee it may be, another name.
    pub(in crate::engine) fn rename(&mut self, from: &Securable, to: &Securable) {
        for grant in self.privileges.iter_mut().filter(|grant| grant.on == *from) {
            grant.on = to.clone();
        }
        let (Some(old), Some(new)) = (Grantee::of(from), Grantee::of(to)) else { return };
        for grant in self.privileges.iter_mut().filter(|grant| grant.to == old) {
            grant.to = new.clone();
        }
        for grant in &mut self.roles {
            if grant.to == old {
                grant.to = new.clone();
            }
            if let (Grantee::Role(old), Grantee::Role(new)) = (&old, &new)
                && grant.role == *old
            {
                grant.role = new.clone();
            }
        }
    }
}
