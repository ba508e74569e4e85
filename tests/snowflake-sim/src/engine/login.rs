//! Logins: who may open a session with what, and whether an open one may go on.
//! Order of checks: network policy, authentication policy, the credential's own state, the role.
//! Source: snowflake docs, user-guide/authentication-policies and user-guide/programmatic-access-tokens.

use std::net::IpAddr;

use super::Engine;
use super::address;
use super::api::{Credential, KeySlot, LoginAttempt, LoginMethod, Session, Via};
use super::clock::Millis;
use super::errors::{LoginFailure, login as failure};
use super::random::SECRET_PREFIX;
use super::state::{AuthPolicy, Evaluation, Token, User, UserType, fingerprint};
use super::switches::MissingPolicyCode;

/// A login that passed: what the session will be.
pub(super) struct Admission {
    pub(super) user: String,
    pub(super) credential: Credential,
    pub(super) role: String,
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

    fn judge(&self, attempt: &LoginAttempt, now: Millis) -> Result<Admission, LoginFailure> {
        match &attempt.method {
            LoginMethod::Pat { secret } => self.judge_token(attempt, secret, now),
            LoginMethod::Password { password } if self.is_token(password) => {
                self.judge_token(attempt, password, now)
            }
            LoginMethod::Password { password } => self.judge_password(attempt, password, now),
            LoginMethod::Browser => self.judge_browser(attempt, now),
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

    pub(super) fn check_address(&self, user: &User, client_ip: IpAddr) -> Result<(), LoginFailure> {
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

    /// Who it is was decided by the identity provider; the policies hold all the same.
    fn judge_browser(
        &self,
        attempt: &LoginAttempt,
        now: Millis,
    ) -> Result<Admission, LoginFailure> {
        let user = self.person(attempt, "SAML", now)?;
        let role = self.free_role(user, attempt)?;
        Ok(Admission { user: user.name.clone(), credential: Credential::Browser, role })
    }

    fn judge_password(
        &self,
        attempt: &LoginAttempt,
        password: &str,
        now: Millis,
    ) -> Result<Admission, LoginFailure> {
        let user = self.person(attempt, "PASSWORD", now)?;
        if user.is_locked(now) {
            return Err(failure::password_wrong("the user is locked"));
        }
        if user.password.as_deref() != Some(password) {
            return Err(failure::password_wrong("wrong password"));
        }
        let role = self.free_role(user, attempt)?;
        Ok(Admission { user: user.name.clone(), credential: Credential::Password, role })
    }

    /// Returns the user who is named, where that user may come in this way.
    fn person(
        &self,
        attempt: &LoginAttempt,
        method: &str,
        now: Millis,
    ) -> Result<&User, LoginFailure> {
        let user = attempt.login_name.as_ref().and_then(|name| self.state.user_by_login(name));
        let user = user.ok_or_else(|| failure::password_wrong("no such user"))?;
        self.check_address(user, attempt.client_ip)?;
        let policy = self.state.effective_auth_policy(user, &self.switches).policy;
        check_method(&policy, method)?;
        check_client(&policy, attempt)?;
        if user.disabled || user.is_expired(now) {
            return Err(failure::password_wrong("the user is disabled"));
        }
        Ok(user)
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
            (None, LoginMethod::KeyPair { .. } | LoginMethod::Browser) => None,
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
}

/// Returns whether tokens of the user need a role restriction.
pub(super) fn restriction_required(user: &User, policy: &AuthPolicy) -> bool {
    if user.is_person() { policy.pat.restrict_persons } else { policy.pat.restrict_services }
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
