//! Sessions: opened by a login or by the control API, and stopped when what they stand on goes away.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};

use super::Engine;
use super::access::PUBLIC;
use super::api::{Credential, LoginAttempt, SecondaryRoles, Session};
use super::clock::Millis;
use super::errors::{LoginFailure, login as failure};
use super::login::Admission;
use super::login_role::asked;
use super::state::{Evaluation, Token, User};

impl Engine {
    /// Returns a session of a user under a role without a login, for the control API.
    pub fn admin_session(&mut self, user: &str, role: &str) -> Session {
        let user_id = self.state.users.get(user).map_or(0, |found| found.id);
        Session {
            id: self.state.next_id(),
            user: user.to_owned(),
            user_id,
            role: Some(role.to_owned()),
            secondary_roles: SecondaryRoles::None,
            warehouse: None,
            database: None,
            schema: None,
            client_ip: IpAddr::V4(Ipv4Addr::LOCALHOST),
            credential: Credential::Control,
            login_event_id: 0,
            parameters: BTreeMap::new(),
        }
    }

    /// Decides whether an open session may run another statement from this address.
    ///
    /// # Errors
    /// When its user was dropped or disabled, the network policy no longer fits, or a switch says so.
    pub fn check_open_session(
        &self,
        session: &Session,
        client_ip: IpAddr,
        now: Millis,
    ) -> Result<(), LoginFailure> {
        if session.credential == Credential::Control {
            return Ok(());
        }
        let user = self.state.user_by_id(session.user_id);
        let user = user.ok_or_else(|| failure::session_gone("the user was dropped"))?;
        if user.disabled {
            return Err(failure::session_gone("the user is disabled"));
        }
        self.check_open_credential(session, user, now)?;
        self.check_open_address(session, user, client_ip)
    }

    fn check_open_credential(
        &self,
        session: &Session,
        user: &User,
        now: Millis,
    ) -> Result<(), LoginFailure> {
        if let (true, Credential::Pat { id, .. }) =
            (self.switches.removed_pat_ends_sessions, &session.credential)
        {
            let alive =
                |token: &Token| token.id == *id && !token.disabled && !token.is_expired(now);
            if !user.tokens.iter().any(alive) {
                return Err(failure::session_gone("its token was removed or disabled"));
            }
        }
        let lost = |role: &str| !self.state.user_has_role(user, role);
        let restriction = session.credential.role_restriction();
        if self.switches.revoked_role_ends_sessions && restriction.is_some_and(lost) {
            return Err(failure::session_gone("its role was revoked"));
        }
        Ok(())
    }

    fn check_open_address(
        &self,
        session: &Session,
        user: &User,
        client_ip: IpAddr,
    ) -> Result<(), LoginFailure> {
        let policy = self.state.effective_auth_policy(user, &self.switches).policy;
        let by_token = matches!(session.credential, Credential::Pat { .. });
        if by_token && policy.pat.evaluation == Evaluation::NotEnforced {
            return Ok(());
        }
        self.check_address(user, client_ip)
    }

    pub(super) fn open(
        &mut self,
        attempt: &LoginAttempt,
        admission: Admission,
        now: Millis,
    ) -> Session {
        self.mark_used(&admission, now);
        let by_token = matches!(admission.credential, Credential::Pat { .. });
        let forced_user = self.switches.forced_login_user.clone().filter(|_| by_token);
        let forced_role = self.switches.forced_login_role.clone().filter(|_| by_token);
        let name = forced_user.unwrap_or(admission.user);
        let restricted = admission.credential.role_restriction().is_some();
        let user = self.state.users.get(&name);
        let all = user.is_none_or(|user| user.all_secondary_roles);
        let secondary = match restricted {
            true => self.switches.restricted_sessions_have_secondary_roles,
            false => all,
        };
        let mut session = Session {
            id: 0,
            user_id: user.map_or(0, |user| user.id),
            role: Some(forced_role.unwrap_or(admission.role)),
            secondary_roles: if secondary { SecondaryRoles::All } else { SecondaryRoles::None },
            warehouse: None,
            database: None,
            schema: None,
            client_ip: attempt.client_ip,
            credential: admission.credential,
            login_event_id: self.history.next_event(),
            parameters: BTreeMap::new(),
            user: name,
        };
        session.id = self.state.next_id();
        self.settle(&mut session, attempt);
        session
    }

    fn mark_used(&mut self, admission: &Admission, now: Millis) {
        let Some(user) = self.state.users.get_mut(&admission.user) else { return };
        user.last_login = Some(now);
        user.failed_passwords = 0;
        match &admission.credential {
            Credential::Pat { name, .. } => {
                if let Some(token) = user.token_mut(name) {
                    token.last_used_on = Some(now);
                }
            }
            Credential::KeyPair { name, .. } => {
                if let Some(pair) = user.key_pairs.iter_mut().find(|pair| pair.name == *name) {
                    pair.last_used_on = Some(now);
                }
            }
            Credential::Password | Credential::Browser | Credential::Control => {}
        }
    }

    /// Puts the session where the client asked, else at the user's defaults; what its role may not use stays unset.
    fn settle(&self, session: &mut Session, attempt: &LoginAttempt) {
        let user = self.state.users.get(&session.user);
        let defaults = user.map(|user| (&user.default_warehouse, &user.default_namespace));
        let (warehouse, namespace) = defaults.unwrap_or((&None, &None));
        let mut place = namespace.iter().flat_map(|name| name.split('.')).map(str::to_owned);
        let (database, schema) = (place.next(), place.next());
        let warehouse = asked(attempt, attempt.warehouse.as_ref()).or_else(|| warehouse.clone());
        let asked_database = asked(attempt, attempt.database.as_ref());
        let schema = match (&asked_database, asked(attempt, attempt.schema.as_ref())) {
            (_, Some(schema)) => Some(schema),
            (Some(_), None) => Some(PUBLIC.to_owned()),
            (None, None) => schema,
        };
        session.warehouse = warehouse.filter(|name| self.may_use_warehouse(session, name));
        session.database =
            asked_database.or(database).filter(|name| self.may_use_database(session, name));
        session.schema = schema.filter(|name| self.may_use_schema(session, name));
    }
}
