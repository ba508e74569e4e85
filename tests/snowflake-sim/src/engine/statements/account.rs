//! ALTER ACCOUNT: the account's network policy and its authentication policies.
//! Source: snowflake docs, sql-reference/sql/alter-account.

use super::Outcome;
use super::auth_policies::{already_attached, not_attached};
use super::common::{NameText, done};
use crate::engine::Engine;
use crate::engine::address;
use crate::engine::api::{Credential, Session};
use crate::engine::errors::{OWN_ADDRESS, SqlError, invalid_property};
use crate::engine::state::PolicyScope;
use crate::engine::text::{Cursor, Property, property};

/// ALTER ACCOUNT.
pub(super) enum Command {
    SetParameter(Property),
    UnsetParameter(String),
    SetAuthPolicy { policy: NameText, scope: PolicyScope, force: bool },
    UnsetAuthPolicy(PolicyScope),
}

pub(super) fn alter(cursor: &mut Cursor) -> Result<Command, SqlError> {
    match cursor.take_any(&["SET", "UNSET"]) {
        Some("SET") if cursor.take("AUTHENTICATION POLICY") => {
            let policy = NameText::read(cursor)?;
            let scope = scope(cursor);
            Ok(Command::SetAuthPolicy { policy, scope, force: cursor.take("FORCE") })
        }
        Some("SET") => property(cursor).map(Command::SetParameter),
        Some(_) if cursor.take("AUTHENTICATION POLICY") => {
            Ok(Command::UnsetAuthPolicy(scope(cursor)))
        }
        Some(_) => cursor.word().map(Command::UnsetParameter),
        None => Err(cursor.unexpected()),
    }
}

fn scope(cursor: &mut Cursor) -> PolicyScope {
    match cursor.take_any(&["FOR ALL PERSON USERS", "FOR ALL SERVICE USERS"]) {
        Some("FOR ALL PERSON USERS") => PolicyScope::Persons,
        Some(_) => PolicyScope::Services,
        None => PolicyScope::Account,
    }
}

pub(super) fn run(engine: &mut Engine, session: &Session, command: Command) -> Outcome {
    match command {
        Command::SetParameter(property) => engine.set_account_parameter(session, &property),
        Command::UnsetParameter(name) => engine.unset_account_parameter(session, &name),
        Command::SetAuthPolicy { policy, scope, force } => {
            engine.attach_to_account(session, &policy, scope, force)
        }
        Command::UnsetAuthPolicy(scope) => engine.detach_from_account(session, scope),
    }
}

impl Engine {
    fn set_account_parameter(&mut self, session: &Session, property: &Property) -> Outcome {
        if property.name != "NETWORK_POLICY" {
            return Err(invalid_property(&property.name, "ACCOUNT"));
        }
        self.demand_account(session, &["ATTACH POLICY"])?;
        let name = self.network_policy_in(property)?;
        self.demand_own_address(session, &name)?;
        self.state.network_policy = Some(name);
        done()
    }

    /// A caller cannot lock itself out; the control API is no network client and is exempt.
    fn demand_own_address(&self, session: &Session, policy: &str) -> Result<(), SqlError> {
        let Some(found) = self.state.network_policies.get(policy) else { return Ok(()) };
        let client = session.client_ip;
        let exempt = session.credential == Credential::Control;
        if exempt || address::allows(found, &self.state.network_rules, client) {
            return Ok(());
        }
        Err(OWN_ADDRESS.compilation(format!(
            "Network policy {policy} cannot be activated: it does not allow your IP address {client}."
        )))
    }

    fn unset_account_parameter(&mut self, session: &Session, name: &str) -> Outcome {
        if name != "NETWORK_POLICY" {
            return Err(invalid_property(name, "ACCOUNT"));
        }
        self.demand_account(session, &["ATTACH POLICY"])?;
        self.state.network_policy = None;
        done()
    }

    fn attach_to_account(
        &mut self,
        session: &Session,
        policy: &NameText,
        scope: PolicyScope,
        force: bool,
    ) -> Outcome {
        self.demand_account(session, &["APPLY AUTHENTICATION POLICY"])?;
        let path = self.attachable(session, policy)?;
        if self.state.account_auth_policies.contains_key(&scope) && !force {
            return Err(already_attached("ACCOUNT"));
        }
        self.state.account_auth_policies.insert(scope, path);
        if force && self.switches.account_force_detaches_users {
            self.state.users.values_mut().for_each(|user| user.auth_policy = None);
        }
        done()
    }

    fn detach_from_account(&mut self, session: &Session, scope: PolicyScope) -> Outcome {
        self.demand_account(session, &["APPLY AUTHENTICATION POLICY"])?;
        match self.state.account_auth_policies.remove(&scope) {
            Some(_) => done(),
            None => Err(not_attached("ACCOUNT")),
        }
    }
}
