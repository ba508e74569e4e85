//! Whether the acting role may: primary role with what it inherits, and secondary roles where they count.

use std::collections::BTreeSet;

use super::Engine;
use super::api::{SecondaryRoles, Session};
use super::errors::{SqlError, insufficient, unknown};
use super::state::{Grantee, Kind, OWNERSHIP, RoleRef, Securable, State, User};
use super::switches::UnseenObject;

/// The role every user and role has.
pub(super) const PUBLIC: &str = "PUBLIC";

impl State {
    /// Returns every grantee whose privileges count in the session.
    pub(super) fn acting(&self, session: &Session) -> BTreeSet<Grantee> {
        let mut start = self.primary_roles(session);
        if session.secondary_roles == SecondaryRoles::All {
            start.insert(Grantee::User(session.user.clone()));
        }
        self.grants.closure(start)
    }

    /// Returns the grantees that may create: the primary role and what it inherits.
    fn acting_as_primary(&self, session: &Session) -> BTreeSet<Grantee> {
        self.grants.closure(self.primary_roles(session))
    }

    fn primary_roles(&self, session: &Session) -> BTreeSet<Grantee> {
        let primary = session.role.iter().map(|role| Grantee::role(role));
        primary.chain([Grantee::role(PUBLIC)]).collect()
    }

    /// Returns whether one of the grantees holds one of the privileges, or owns the object.
    pub(super) fn held(&self, by: &BTreeSet<Grantee>, any_of: &[&str], on: &Securable) -> bool {
        self.grants.privileges.iter().any(|grant| {
            grant.on == *on
                && by.contains(&grant.to)
                && (grant.privilege == OWNERSHIP || any_of.contains(&grant.privilege.as_str()))
        })
    }

    /// Returns whether one of the grantees holds anything on the object.
    pub(super) fn seen(&self, by: &BTreeSet<Grantee>, on: &Securable) -> bool {
        let touches = |grant: &&super::state::PrivilegeGrant| grant.on == *on;
        self.grants.privileges.iter().filter(touches).any(|grant| by.contains(&grant.to))
    }

    /// Returns whether the user can act as this account role, directly or through another.
    pub(super) fn user_has_role(&self, user: &User, role: &str) -> bool {
        role == PUBLIC || self.available_roles(user).iter().any(|available| available == role)
    }

    /// Returns the account roles the user can act as, in order of name.
    pub(super) fn available_roles(&self, user: &User) -> Vec<String> {
        let start = [Grantee::User(user.name.clone()), Grantee::role(PUBLIC)].into();
        let account_role = |grantee| match grantee {
            Grantee::Role(RoleRef::Account(name)) => Some(name),
            Grantee::Role(RoleRef::Database(_)) | Grantee::User(_) => None,
        };
        self.grants.closure(start).into_iter().filter_map(account_role).collect()
    }
}

impl Engine {
    /// Returns the account as something privileges are granted on.
    pub(super) fn account_securable(&self) -> Securable {
        Securable::named(Kind::Account, &self.state.account.name)
    }

    /// Returns whether the session holds one of the privileges on the object, or owns it.
    pub(super) fn may(&self, session: &Session, any_of: &[&str], on: &Securable) -> bool {
        self.state.held(&self.state.acting(session), any_of, on)
    }

    /// Returns whether the session may grant and see everything.
    pub(super) fn manages_grants(&self, session: &Session) -> bool {
        self.may(session, &["MANAGE GRANTS"], &self.account_securable())
    }

    /// Demands that the object exists and the session holds one of the privileges on it.
    pub(super) fn demand(
        &self,
        session: &Session,
        any_of: &[&str],
        on: &Securable,
    ) -> Result<(), SqlError> {
        self.demand_known(on)?;
        if self.may(session, any_of, on) { Ok(()) } else { Err(self.refusal(session, on)) }
    }

    /// Demands ownership.
    pub(super) fn demand_owner(&self, session: &Session, on: &Securable) -> Result<(), SqlError> {
        self.demand(session, &[], on)
    }

    /// Demands a privilege on the account.
    pub(super) fn demand_account(
        &self,
        session: &Session,
        any_of: &[&str],
    ) -> Result<(), SqlError> {
        self.demand(session, any_of, &self.account_securable())
    }

    /// Demands a privilege to create something: secondary roles never count for that.
    /// Source: snowflake docs, user-guide/security-access-control-overview.
    pub(super) fn demand_to_create(
        &self,
        session: &Session,
        privilege: &str,
        on: &Securable,
    ) -> Result<(), SqlError> {
        self.demand_known(on)?;
        let primary = self.state.acting_as_primary(session);
        if self.state.held(&primary, &[privilege], on) {
            Ok(())
        } else {
            Err(self.refusal(session, on))
        }
    }

    /// Demands that the object exists.
    pub(super) fn demand_known(&self, on: &Securable) -> Result<(), SqlError> {
        if self.state.holds(on) {
            Ok(())
        } else {
            Err(unknown(on.kind.title(), &on.path.to_string()))
        }
    }

    /// Returns the error for an existing object the session may not operate on.
    pub(super) fn refusal(&self, session: &Session, on: &Securable) -> SqlError {
        let seen = self.state.seen(&self.state.acting(session), on) || self.manages_grants(session);
        let hidden = !seen && on.kind != Kind::Account;
        if hidden && self.switches.unseen_object == UnseenObject::DoesNotExist {
            unknown(on.kind.title(), &on.path.to_string())
        } else {
            insufficient(&on.kind.words().to_lowercase(), &on.path.to_string())
        }
    }

    /// Returns the name of a user as SHOW prints it: the number once the user was dropped.
    pub(super) fn user_or_id(&self, id: u64) -> String {
        self.state.user_by_id(id).map_or_else(|| id.to_string(), |user| user.name.clone())
    }

    /// Returns the owner a new object gets: the primary role.
    pub(super) fn creator(&self, session: &Session) -> Grantee {
        Grantee::role(session.role.as_deref().unwrap_or(PUBLIC))
    }
}
