//! GRANT and REVOKE: privileges on objects, ownership, roles to users and roles.

use super::Outcome;
use super::common::done;
use super::privileges::{spelled_out, wrong_privilege};
use crate::engine::Engine;
use crate::engine::api::Session;
use crate::engine::clock::Millis;
use crate::engine::errors::{DEPENDENT_GRANT, GRANT_CYCLE, SqlError};
use crate::engine::state::{
    Grantee, Kind, OWNERSHIP, Path, PrivilegeGrant, RoleGrant, RoleRef, Securable,
};
use crate::engine::text::Cursor;

/// GRANT or REVOKE.
pub(super) enum Command {
    Privileges { give: bool, privileges: Vec<String>, on: Object, who: Who, option: bool },
    Ownership { on: Object, to: Who, current: Option<CurrentGrants> },
    Role { give: bool, role: Vec<String>, in_database: bool, who: Who },
}

/// An object as the statement names it.
pub(super) struct Object {
    kind: Kind,
    name: Vec<String>,
}

/// A grantee as the statement names it.
pub(super) enum Who {
    Role(String),
    DatabaseRole(Vec<String>),
    User(String),
}

/// What GRANT OWNERSHIP does with the other grants on the object.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum CurrentGrants {
    Copy,
    Revoke,
}

pub(super) fn grant(cursor: &mut Cursor) -> Result<Command, SqlError> {
    if let Some(in_database) = role_word(cursor) {
        let role = cursor.object_name()?;
        cursor.expect("TO")?;
        return Ok(Command::Role { give: true, role, in_database, who: who(cursor)? });
    }
    let privileges = privileges(cursor)?;
    cursor.expect("ON")?;
    let on = object(cursor)?;
    cursor.expect("TO")?;
    let who = who(cursor)?;
    if privileges == [OWNERSHIP] {
        return Ok(Command::Ownership { on, to: who, current: current_grants(cursor) });
    }
    let option = cursor.take("WITH GRANT OPTION");
    Ok(Command::Privileges { give: true, privileges, on, who, option })
}

pub(super) fn revoke(cursor: &mut Cursor) -> Result<Command, SqlError> {
    if let Some(in_database) = role_word(cursor) {
        let role = cursor.object_name()?;
        cursor.expect("FROM")?;
        return Ok(Command::Role { give: false, role, in_database, who: who(cursor)? });
    }
    let option = cursor.take("GRANT OPTION FOR");
    let privileges = privileges(cursor)?;
    cursor.expect("ON")?;
    let on = object(cursor)?;
    cursor.expect("FROM")?;
    let who = who(cursor)?;
    cursor.take_any(&["RESTRICT", "CASCADE"]);
    Ok(Command::Privileges { give: false, privileges, on, who, option })
}

fn role_word(cursor: &mut Cursor) -> Option<bool> {
    if cursor.take("DATABASE ROLE") {
        Some(true)
    } else if cursor.take("ROLE") {
        Some(false)
    } else {
        None
    }
}

fn who(cursor: &mut Cursor) -> Result<Who, SqlError> {
    match cursor.take_any(&["ROLE", "DATABASE ROLE", "USER"]) {
        Some("DATABASE ROLE") => cursor.object_name().map(Who::DatabaseRole),
        Some("USER") => cursor.identifier().map(Who::User),
        Some(_) => cursor.identifier().map(Who::Role),
        None => Err(cursor.unexpected()),
    }
}

fn object(cursor: &mut Cursor) -> Result<Object, SqlError> {
    if cursor.take("ACCOUNT") {
        return Ok(Object { kind: Kind::Account, name: Vec::new() });
    }
    let kind = Kind::NAMED.into_iter().find(|kind| cursor.take(kind.words()));
    let kind = kind.ok_or_else(|| cursor.unexpected())?;
    Ok(Object { kind, name: cursor.object_name()? })
}

/// Reads privileges: words up to a comma or ON.
fn privileges(cursor: &mut Cursor) -> Result<Vec<String>, SqlError> {
    let mut found = Vec::new();
    loop {
        let mut words = vec![cursor.word()?];
        while !cursor.sees("ON") && !cursor.sees_symbol(",") {
            words.push(cursor.word()?);
        }
        found.push(words.join(" "));
        if !cursor.symbol(",") {
            return Ok(found);
        }
    }
}

fn current_grants(cursor: &mut Cursor) -> Option<CurrentGrants> {
    match cursor.take_any(&["COPY CURRENT GRANTS", "REVOKE CURRENT GRANTS"]) {
        Some("COPY CURRENT GRANTS") => Some(CurrentGrants::Copy),
        Some(_) => Some(CurrentGrants::Revoke),
        None => None,
    }
}

pub(super) fn run(
    engine: &mut Engine,
    session: &mut Session,
    command: Command,
    now: Millis,
) -> Outcome {
    match command {
        Command::Privileges { give, privileges, on, who, option } => {
            let on = engine.securable(session, on)?;
            let to = engine.grantee(session, who)?;
            let privileges = spelled_out(&privileges, on.kind)?;
            if give {
                engine.grant_privileges(session, &privileges, &on, &to, option, now)
            } else {
                engine.revoke_privileges(session, &privileges, &on, &to, option)
            }
        }
        Command::Ownership { on, to, current } => {
            let on = engine.securable(session, on)?;
            let to = engine.grantee(session, to)?;
            engine.grant_ownership(session, &on, to, current, now)
        }
        Command::Role { give, role, in_database, who } => {
            let role = engine.role_ref(session, role, in_database)?;
            let to = engine.grantee(session, who)?;
            if give {
                engine.grant_role(session, role, to, now)
            } else {
                engine.revoke_role(session, &role, &to)
            }
        }
    }
}

impl Engine {
    fn securable(&self, session: &Session, object: Object) -> Result<Securable, SqlError> {
        let Object { kind, name } = object;
        let path = match (kind, kind.depth()) {
            (Kind::Account, _) => return Ok(self.account_securable()),
            (_, 1) => Path::new(name),
            (_, 2) => self.in_database(session, name, "GRANT")?,
            (_, _) => self.in_schema(session, name, "GRANT")?,
        };
        let on = Securable::new(kind, path);
        self.demand_known(&on)?;
        Ok(on)
    }

    fn grantee(&self, session: &Session, who: Who) -> Result<Grantee, SqlError> {
        let (kind, path) = match who {
            Who::Role(name) => (Kind::Role, Path::one(name)),
            Who::User(name) => (Kind::User, Path::one(name)),
            Who::DatabaseRole(name) => {
                (Kind::DatabaseRole, self.in_database(session, name, "GRANT")?)
            }
        };
        let on = Securable::new(kind, path);
        self.demand_known(&on)?;
        Ok(Grantee::of(&on).unwrap_or_else(|| Grantee::role(on.path.leaf())))
    }

    /// Demands OWNERSHIP, MANAGE GRANTS or, for one privilege, its grant option.
    fn demand_to_grant(
        &self,
        session: &Session,
        on: &Securable,
        privilege: &str,
    ) -> Result<(), SqlError> {
        let acting = self.state.acting(session);
        let optional = self.state.grants.privileges.iter().any(|held| {
            held.with_grant_option
                && held.on == *on
                && held.privilege == privilege
                && acting.contains(&held.to)
        });
        if optional || self.manages_grants(session) {
            return Ok(());
        }
        self.demand_owner(session, on)
    }

    fn grant_privileges(
        &mut self,
        session: &Session,
        privileges: &[String],
        on: &Securable,
        to: &Grantee,
        option: bool,
        now: Millis,
    ) -> Outcome {
        for privilege in privileges {
            self.demand_to_grant(session, on, privilege)?;
        }
        for privilege in privileges {
            self.state.grants.add_privilege(PrivilegeGrant {
                privilege: privilege.clone(),
                on: on.clone(),
                to: to.clone(),
                with_grant_option: option,
                granted_by: session.role.clone().unwrap_or_default(),
                created_on: now,
            });
        }
        done()
    }

    fn revoke_privileges(
        &mut self,
        session: &Session,
        privileges: &[String],
        on: &Securable,
        from: &Grantee,
        option_only: bool,
    ) -> Outcome {
        for privilege in privileges {
            self.demand_to_grant(session, on, privilege)?;
        }
        let meant = |held: &PrivilegeGrant| {
            held.on == *on && held.to == *from && privileges.contains(&held.privilege)
        };
        if option_only {
            let held = self.state.grants.privileges.iter_mut();
            held.filter(|held| meant(held)).for_each(|held| held.with_grant_option = false);
        } else {
            self.state.grants.privileges.retain(|held| !meant(held));
        }
        done()
    }

    /// Without COPY or REVOKE CURRENT GRANTS, other grants on the object stand in the way.
    /// Source: snowflake docs, sql-reference/sql/grant-ownership.
    fn grant_ownership(
        &mut self,
        session: &Session,
        on: &Securable,
        to: Grantee,
        current: Option<CurrentGrants>,
        now: Millis,
    ) -> Outcome {
        if !self.manages_grants(session) {
            self.demand_owner(session, on)?;
        }
        if on.kind == Kind::Account || matches!(to, Grantee::User(_)) {
            return Err(wrong_privilege(OWNERSHIP, on.kind));
        }
        let other = |held: &&PrivilegeGrant| held.on == *on && held.privilege != OWNERSHIP;
        if current.is_none()
            && let Some(held) = self.state.grants.privileges.iter().find(other)
        {
            return Err(dependent(held));
        }
        if current == Some(CurrentGrants::Revoke) {
            self.state.grants.privileges.retain(|held| !other(&held));
        }
        self.state.grants.set_owner(on, to, now);
        done()
    }

    fn grant_role(
        &mut self,
        session: &Session,
        role: RoleRef,
        to: Grantee,
        now: Millis,
    ) -> Outcome {
        self.demand_role_grant(session, &role)?;
        let holder = Grantee::Role(role.clone());
        if self.state.grants.closure([holder].into()).contains(&to) {
            return Err(GRANT_CYCLE
                .compilation(format!("Granting role '{role}' to '{}' makes a cycle.", to.name())));
        }
        let granted_by = session.role.clone().unwrap_or_default();
        self.state.grants.add_role(RoleGrant { role, to, granted_by, created_on: now });
        done()
    }

    fn revoke_role(&mut self, session: &Session, role: &RoleRef, from: &Grantee) -> Outcome {
        self.demand_role_grant(session, role)?;
        self.state.grants.roles.retain(|held| !(held.role == *role && held.to == *from));
        self.remember_lost_roles();
        done()
    }

    /// Demands OWNERSHIP of the role or MANAGE GRANTS.
    fn demand_role_grant(&self, session: &Session, role: &RoleRef) -> Result<(), SqlError> {
        let on = role.securable();
        self.demand_known(&on)?;
        if self.manages_grants(session) { Ok(()) } else { self.demand_owner(session, &on) }
    }

    /// Marks the tokens whose role their user no longer has: whether a new grant revives them is a switch.
    fn remember_lost_roles(&mut self) {
        let lost: Vec<(String, String)> = self
            .state
            .users
            .values()
            .flat_map(|user| user.tokens.iter().map(move |token| (user, token)))
            .filter(|(user, token)| {
                let role = token.role_restriction.as_deref();
                role.is_some_and(|role| !self.state.user_has_role(user, role))
            })
            .map(|(user, token)| (user.name.clone(), token.name.clone()))
            .collect();
        for (user, token) in lost {
            let user = self.state.users.get_mut(&user);
            if let Some(token) = user.and_then(|user| user.token_mut(&token)) {
                token.role_was_revoked = true;
            }
        }
    }
}

fn dependent(held: &PrivilegeGrant) -> SqlError {
    DEPENDENT_GRANT.compilation(format!(
        "Dependent grant of privilege '{}' on securable '{}' to {} '{}' exists. It must be revoked \
         first. More than one dependent grant may exist: use 'SHOW GRANTS' command to view them. To \
         revoke all dependent grants while transferring object ownership, use convenience command \
         'GRANT OWNERSHIP ON <target_objects> TO <target_role> REVOKE CURRENT GRANTS'.",
        held.privilege,
        held.on.path,
        held.to.word().to_lowercase(),
        held.to.name()
    ))
}
