//! Logins: who may open a session with what, and whether an open one may go on.
//! Order of checks: network policy, authentication policy, the credential's own state, the role.
//! Source: snowflake docs, user-guide/authentication-policies and user-guide/programmatic-access-tokens.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};

use super::Engine;
use super::access::PUBLIC;
use super::address;
use super::api::{Credential, KeySlot, LoginAttempt, LoginMethod, SecondaryRoles, Session, Via};
use super::clock::Millis;
use super::errors::{LoginFailure, login as failure};
use super::random::SECRET_PREFIX;
use super::state::{AuthPolicy, Evaluation, Token, User, UserType, fingerprint};
use super::switches::{MissingPolicyCode, RestrictedDefault};
use super::text::resolve_identifier;

/// A login that passed: what the session will be.
struct Admission {
    user: String,
    credential: Credential,
    role: String,
}

impl Engine {
    /// Returns the keys the user of this login name may sign with now.
    pub fn public_keys(&self, login_name: &str, now: Millis) -> Vec<KeySlot> {
        let Some(user) = self.state.user_by_login(login_name) else { return Vec::new() };
        let slot = |name: &str, key: &super::state::PublicKey| KeySlot {
            fingerprint: key.fingerprint.clone(),
            spki: key.spki.clone(),
            name: name.to_owned(),
        };
        let properties = ["PUBLIC_KEY_1", "PUBLIC_KEY_2"].into_iter().zip(&user.rsa_keys);
        let legacy = properties.filter_map(|(name, key)| key.as_ref().map(|key| slot(name, key)));
        let named = user.key_pairs.iter().filter(|pair| pair.is_active(now));
        legacy.chain(named.map(|pair| slot(&pair.name, &pair.key))).collect()
    }

    /// Decides a login and records it either way.
    ///
    /// # Errors
    /// What the client is told; `cause` has the real reason.
    pub fn login(&mut self, attempt: &LoginAttempt, now: Millis) -> Result<Session, LoginFailure> {
        self.forget_old_tokens(now);
        let user = self.identified(attempt);
        match self.judge(attempt, now) {
            Ok(admission) => {
                let session = self.open(attempt, admission, now);
                self.history.record_login(attempt, user, Ok(&session), now);
                Ok(session)
            }
            Err(refused) => {
                self.count_failure(attempt, user.as_deref(), now);
                self.history.record_login(attempt, user, Err(&refused), now);
                Err(refused)
            }
        }
    }

    /// Records a login that failed before the engine was asked, e.g. on a bad signature.
    pub fn record_refused_login(
        &mut self,
        attempt: &LoginAttempt,
        refused: &LoginFailure,
        now: Millis,
    ) {
        let user = self.identified(attempt);
        self.history.record_login(attempt, user, Err(refused), now);
    }

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

    fn judge(&self, attempt: &LoginAttempt, now: Millis) -> Result<Admission, LoginFailure> {
        match &attempt.method {
            LoginMethod::Pat { secret } => self.judge_token(attempt, secret, now),
            LoginMethod::Password { password } if self.is_token(password) => {
                self.judge_token(attempt, password, now)
            }
            LoginMethod::Password { password } => self.judge_password(attempt, password, now),
            LoginMethod::KeyPair { fingerprint } => self.judge_key(attempt, fingerprint, now),
        }
    }

    fn is_token(&self, password: &str) -> bool {
        password.starts_with(SECRET_PREFIX)
            || self.state.token_by_fingerprint(&fingerprint(password)).is_some()
    }

    fn judge_token(
        &self,
        attempt: &LoginAttempt,
        secret: &str,
        now: Millis,
    ) -> Result<Admission, LoginFailure> {
        let found = self.state.token_by_fingerprint(&fingerprint(secret));
        let (user, token) = found.ok_or_else(|| failure::pat_invalid("no such token"))?;
        let other = |name: &String| !user.login_name.eq_ignore_ascii_case(name);
        if attempt.login_name.as_ref().is_some_and(other) {
            return Err(failure::pat_invalid("the token belongs to another user"));
        }
        let policy = self.state.effective_auth_policy(user, &self.switches).policy;
        self.check_token_network(user, token, policy.pat.evaluation, attempt.client_ip, now)?;
        check_method(&policy, "PROGRAMMATIC_ACCESS_TOKEN")?;
        check_client(&policy, attempt)?;
        self.check_token_state(user, token, &policy, now)?;
        let credential = Credential::Pat {
            id: token.id,
            name: token.name.clone(),
            role_restriction: token.role_restriction.clone(),
        };
        let role = self.token_role(user, token, &policy, attempt)?;
        Ok(Admission { user: user.name.clone(), credential, role })
    }

    fn check_token_network(
        &self,
        user: &User,
        token: &Token,
        evaluation: Evaluation,
        client_ip: IpAddr,
        now: Millis,
    ) -> Result<(), LoginFailure> {
        if evaluation == Evaluation::NotEnforced {
            return Ok(());
        }
        self.check_address(user, client_ip)?;
        let bypassed = user.is_person() && token.bypass_minutes(now).is_some();
        let exempt = user.effective_kind() == UserType::ServiceAgent || bypassed;
        if evaluation == Evaluation::EnforcedRequired && !exempt && !self.has_network_policy(user) {
            return Err(self.missing_network_policy());
        }
        Ok(())
    }

    /// Returns whether a network policy that counts for tokens covers the user.
    pub(super) fn has_network_policy(&self, user: &User) -> bool {
        let ip_list_counts = self.switches.ip_list_satisfies_policy_requirement;
        self.state
            .effective_network_policy(user)
            .is_some_and(|policy| address::satisfies_requirement(policy, ip_list_counts))
    }

    fn missing_network_policy(&self) -> LoginFailure {
        match self.switches.missing_network_policy {
            MissingPolicyCode::Own => failure::network_policy_required(),
            MissingPolicyCode::Generic => failure::pat_invalid("no network policy covers the user"),
        }
    }

    fn check_address(&self, user: &User, client_ip: IpAddr) -> Result<(), LoginFailure> {
        match self.state.effective_network_policy(user) {
            Some(policy) if !address::allows(policy, &self.state.network_rules, client_ip) => {
                Err(failure::address_refused(client_ip))
            }
            Some(_) | None => Ok(()),
        }
    }

    fn check_token_state(
        &self,
        user: &User,
        token: &Token,
        policy: &AuthPolicy,
        now: Millis,
    ) -> Result<(), LoginFailure> {
        let required = restriction_required(user, policy);
        let faults = [
            (user.disabled || user.is_expired(now), "the user is disabled"),
            (token.disabled, "the token is disabled"),
            (token.is_expired(now), "the token has expired"),
            (token.days_to_expiry > policy.pat.max_days, "the token's span is over the maximum"),
            (required && token.role_restriction.is_none(), "the token has no role restriction"),
        ];
        match faults.into_iter().find(|(at_fault, _)| *at_fault) {
            Some((_, cause)) => Err(failure::pat_invalid(cause)),
            None => Ok(()),
        }
    }

    fn token_role(
        &self,
        user: &User,
        token: &Token,
        policy: &AuthPolicy,
        attempt: &LoginAttempt,
    ) -> Result<String, LoginFailure> {
        let Some(restriction) = &token.role_restriction else {
            return self.free_role(user, attempt);
        };
        let revived = self.switches.regrant_revives_token || !token.role_was_revoked;
        if !self.state.roles.contains_key(restriction)
            || !self.state.user_has_role(user, restriction)
            || !revived
        {
            return Err(failure::pat_invalid("the token's role is gone"));
        }
        if policy.pat.blocked_roles.contains(restriction) {
            return Err(failure::pat_invalid("the token's role is blocked"));
        }
        match self.role_asked_of_restriction(user, attempt) {
            Some(asked) if asked != *restriction => {
                Err(failure::pat_invalid("another role than the token's was requested"))
            }
            Some(_) | None => Ok(restriction.clone()),
        }
    }

    fn role_asked_of_restriction(&self, user: &User, attempt: &LoginAttempt) -> Option<String> {
        let default = match self.switches.restricted_default {
            RestrictedDefault::Restriction => None,
            RestrictedDefault::DefaultRoleOrFailure => user.default_role.clone(),
        };
        asked(attempt, attempt.role.as_ref()).or(default)
    }

    /// Returns the role of a session that is not bound to one: as asked, else the default, else PUBLIC.
    fn free_role(&self, user: &User, attempt: &LoginAttempt) -> Result<String, LoginFailure> {
        if let Some(role) = asked(attempt, attempt.role.as_ref()) {
            let available =
                self.state.roles.contains_key(&role) && self.state.user_has_role(user, &role);
            return if available { Ok(role) } else { Err(failure::role_refused(&role)) };
        }
        let default = user.default_role.clone();
        Ok(default
            .filter(|role| self.state.user_has_role(user, role))
            .unwrap_or_else(|| PUBLIC.to_owned()))
    }

    fn judge_key(
        &self,
        attempt: &LoginAttempt,
        fingerprint: &str,
        now: Millis,
    ) -> Result<Admission, LoginFailure> {
        let user = attempt.login_name.as_ref().and_then(|name| self.state.user_by_login(name));
        let user = user.ok_or_else(|| failure::jwt_invalid("no such user"))?;
        let keys = self.public_keys(&user.login_name, now);
        let slot = keys.into_iter().find(|slot| slot.fingerprint == fingerprint);
        let slot = slot.ok_or_else(|| failure::jwt_invalid("the user has no such key"))?;
        self.check_address(user, attempt.client_ip)?;
        let policy = self.state.effective_auth_policy(user, &self.switches).policy;
        check_method(&policy, "KEYPAIR")?;
        check_client(&policy, attempt)?;
        if user.disabled || user.is_expired(now) {
            return Err(failure::jwt_invalid("the user is disabled"));
        }
        let restriction = user
            .key_pairs
            .iter()
            .find(|pair| pair.name == slot.name)
            .and_then(|pair| pair.role_restriction.clone());
        let role = self.key_role(user, restriction.as_deref(), attempt)?;
        let credential = Credential::KeyPair { name: slot.name, role_restriction: restriction };
        Ok(Admission { user: user.name.clone(), credential, role })
    }

    fn key_role(
        &self,
        user: &User,
        restriction: Option<&str>,
        attempt: &LoginAttempt,
    ) -> Result<String, LoginFailure> {
        let Some(restriction) = restriction else { return self.free_role(user, attempt) };
        if !self.state.user_has_role(user, restriction) {
            return Err(failure::jwt_invalid("the key's role is gone"));
        }
        match asked(attempt, attempt.role.as_ref()) {
            Some(role) if role == restriction => Ok(role),
            None if !self.switches.restricted_key_needs_role => Ok(restriction.to_owned()),
            Some(_) | None => Err(failure::jwt_invalid("the key is bound to another role")),
        }
    }

    fn judge_password(
        &self,
        attempt: &LoginAttempt,
        password: &str,
        now: Millis,
    ) -> Result<Admission, LoginFailure> {
        let user = attempt.login_name.as_ref().and_then(|name| self.state.user_by_login(name));
        let user = user.ok_or_else(|| failure::password_wrong("no such user"))?;
        self.check_address(user, attempt.client_ip)?;
        let policy = self.state.effective_auth_policy(user, &self.switches).policy;
        check_method(&policy, "PASSWORD")?;
        check_client(&policy, attempt)?;
        if user.disabled || user.is_expired(now) || user.is_locked(now) {
            return Err(failure::password_wrong("the user is disabled or locked"));
        }
        if user.password.as_deref() != Some(password) {
            return Err(failure::password_wrong("wrong password"));
        }
        let role = self.free_role(user, attempt)?;
        Ok(Admission { user: user.name.clone(), credential: Credential::Password, role })
    }

    fn identified(&self, attempt: &LoginAttempt) -> Option<String> {
        let by_token = |secret: &str| {
            let found = self.state.token_by_fingerprint(&fingerprint(secret));
            found.map(|(user, _)| user.name.clone())
        };
        match (&attempt.login_name, &attempt.method) {
            (Some(name), _) => self.state.user_by_login(name).map(|user| user.name.clone()),
            (None, LoginMethod::Pat { secret }) => by_token(secret),
            (None, LoginMethod::Password { password }) => by_token(password),
            (None, LoginMethod::KeyPair { .. }) => None,
        }
    }

    /// Five wrong passwords lock the user for 15 minutes; tokens are not touched by that.
    /// Source: snowflake docs, user-guide/programmatic-access-tokens.
    fn count_failure(&mut self, attempt: &LoginAttempt, user: Option<&str>, now: Millis) {
        let LoginMethod::Password { password } = &attempt.method else { return };
        if self.is_token(password) {
            return;
        }
        let Some(user) = user.and_then(|name| self.state.users.get_mut(name)) else { return };
        user.failed_passwords += 1;
        if user.failed_passwords >= 5 {
            user.locked_until = Some(now.plus_minutes(15));
            user.failed_passwords = 0;
        }
    }

    fn open(&mut self, attempt: &LoginAttempt, admission: Admission, now: Millis) -> Session {
        self.mark_used(&admission, now);
        let forced_user = self.switches.forced_login_user.clone();
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
            role: Some(self.switches.forced_login_role.clone().unwrap_or(admission.role)),
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
            Credential::Password | Credential::Control => {}
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

/// Returns whether tokens of the user need a role restriction.
pub(super) fn restriction_required(user: &User, policy: &AuthPolicy) -> bool {
    if user.is_person() { policy.pat.restrict_persons } else { policy.pat.restrict_services }
}

/// Returns a name the client asked for: an identifier in drivers, exact on the SQL API.
/// Source: snowflake docs, developer-guide/sql-api/reference (context fields are case-sensitive).
fn asked(attempt: &LoginAttempt, name: Option<&String>) -> Option<String> {
    let name = name.filter(|name| !name.is_empty())?;
    Some(match attempt.via {
        Via::Driver => resolve_identifier(name),
        Via::SqlApi => name.clone(),
    })
}

fn check_method(policy: &AuthPolicy, method: &str) -> Result<(), LoginFailure> {
    if policy.allows_method(method) {
        Ok(())
    } else {
        Err(failure::method_rejected("the authentication policy does not list the method"))
    }
}

/// CLIENT_TYPES never restricts the SQL API. Source: snowflake docs, create-authentication-policy.
fn check_client(policy: &AuthPolicy, attempt: &LoginAttempt) -> Result<(), LoginFailure> {
    let name = attempt.client_type.to_uppercase();
    let cli = name.contains("SNOWCLI") || name.contains("SNOWFLAKE CLI");
    let kind = if cli { "SNOWFLAKE_CLI" } else { "DRIVERS" };
    let listed = policy.client_types.iter().any(|listed| listed == "ALL" || listed == kind);
    if listed || attempt.via == Via::SqlApi {
        Ok(())
    } else {
        Err(failure::method_rejected("the authentication policy does not list the client type"))
    }
}
