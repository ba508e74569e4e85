//! A file of `users.d`: which secret, what the child gets, and who may have it.

use std::collections::BTreeMap;

use patd_core::lifecycle::Strategy;
use patd_core::names::{Connection, Role, SlotId, User};
use patd_core::policy::{Delivery, Entry};
use patd_core::window::Window;

use crate::at::At;
use crate::check::access::{self, Access};
use crate::check::account::Accounts;
use crate::check::main_file::GateGroup;
use crate::check::service_user::Registration;
use crate::check::{choice, required};
use crate::fault::{Faults, Wrong};
use crate::local::Local;
use crate::raw::{RawEntry, RawToken};
use crate::{Config, ConnectionConfig, Inert, syntax};

/// An entry without faults of its own.
pub(crate) struct Checked {
    pub(crate) role: At<Role>,
    pub(crate) token: Token,
    pub(crate) registration: Registration,
    pub(crate) config: ConnectionConfig,
    entry: Entry,
    inert: Vec<Inert>,
}

/// What the entry says about its slot's tokens, which others may share.
pub(crate) struct Token {
    pub(crate) days_to_expiry: Option<At<u32>>,
    pub(crate) drain_min: Option<At<u32>>,
    pub(crate) drain_max: Option<At<u32>>,
    pub(crate) window: Option<At<Window>>,
    pub(crate) strategy: Option<At<Strategy>>,
    pub(crate) retire_at_exit: Option<At<bool>>,
}

impl Checked {
    pub(crate) fn check(
        raw: &RawEntry,
        accounts: &Accounts,
        gate: Option<&GateGroup>,
        local: &mut Local,
        faults: &mut Faults,
    ) -> Option<Self> {
        let connection = connection(raw, faults);
        let slot = slot(raw, accounts, faults);
        let role = role(raw, slot.as_ref(), accounts, faults);
        let token = Token::check(&raw.token, faults);
        let registration = Registration::check(&raw.provision, faults);
        let access = access::check(raw, gate, local, faults);
        let config = connection_config(raw, slot.as_ref(), access.as_ref(), faults);
        let (connection, slot, access, config) = (connection?, slot?, access?, config?);
        let Access { any_of, deliver, gate, targets, absent, .. } = access;
        let inert = absent.into_iter().map(|absent| absent.of(&connection)).collect();
        let entry = Entry { connection, slot, any_of, deliver, gate, targets };
        let (role, token, registration) = (role?, token?, registration?);
        Some(Self { role, token, registration, config, entry, inert })
    }

    pub(crate) fn slot(&self) -> &SlotId {
        &self.entry.slot
    }

    /// Adds the entry to a configuration, and returns its connection.
    pub(crate) fn join(self, config: &mut Config) -> (Connection, ConnectionConfig) {
        let connection = (self.entry.connection.clone(), self.config);
        config.entries.push(self.entry);
        config.inert.extend(self.inert);
        connection
    }
}

impl Token {
    fn check(raw: &RawToken, faults: &mut Faults) -> Option<Self> {
        let days = number(raw.days_to_expiry.as_ref(), "days_to_expiry", 1..=365, faults);
        let min = number(raw.drain_min_seconds.as_ref(), "drain_min_seconds", 1..=86_400, faults);
        let max = number(raw.drain_max_seconds.as_ref(), "drain_max_seconds", 1..=86_400, faults);
        let retire_at_exit = raw.retire_at_exit.clone();
        let strategy = strategy(raw.strategy.as_ref(), faults);
        let window = window(raw.window.as_ref(), faults)?;
        let (days_to_expiry, drain_min, drain_max, strategy) = (days?, min?, max?, strategy?);
        Some(Self { days_to_expiry, drain_min, drain_max, window, strategy, retire_at_exit })
    }
}

#[expect(clippy::option_option, reason = "no value at all, or a fault that was reported")]
fn number(
    value: Option<&At<i64>>,
    key: &str,
    range: std::ops::RangeInclusive<u32>,
    faults: &mut Faults,
) -> Option<Option<At<u32>>> {
    let Some(written) = value else { return Some(None) };
    let value = written.checked(faults, |value| syntax::in_range(key, *value, range))?;
    Some(Some(At { value, place: written.place.clone() }))
}

#[expect(clippy::option_option, reason = "no value at all, or a fault that was reported")]
fn strategy(value: Option<&At<String>>, faults: &mut Faults) -> Option<Option<At<Strategy>>> {
    let Some(written) = value else { return Some(None) };
    let ways = [("add", Strategy::Add), ("rotate", Strategy::Rotate)];
    let value = choice(Some(written), "strategy", Strategy::Add, &ways, faults)?;
    Some(Some(At { value, place: written.place.clone() }))
}

#[expect(clippy::option_option, reason = "no value at all, or a fault that was reported")]
fn window(value: Option<&At<String>>, faults: &mut Faults) -> Option<Option<At<Window>>> {
    let Some(written) = value else { return Some(None) };
    let value = written.checked(faults, |text| {
        Window::read(text).map_err(|why| {
            let next_step = "write second, minute, hour, day, month and weekday in UTC: window = \"0 0 3 * * *\"";
            Wrong::new(format!("window = {text:?}: {why}"), next_step)
        })
    })?;
    Some(Some(At { value, place: written.place.clone() }))
}

fn connection(raw: &RawEntry, faults: &mut Faults) -> Option<Connection> {
    let example = "connection = \"miguel_cli\", the name that -c takes";
    required(raw.connection.as_ref(), "connection", example, &raw.place, faults)?
        .checked(faults, |text| syntax::connection(text))
        .map(Connection::new)
}

fn slot(raw: &RawEntry, accounts: &Accounts, faults: &mut Faults) -> Option<SlotId> {
    let account = accounts.meant(raw.account.as_ref(), &raw.place, faults);
    let example = "user = \"MIGUEL_CLI\", the service user";
    let written = required(raw.user.as_ref(), "user", example, &raw.place, faults)?;
    let user = written.checked(faults, |text| syntax::object_name("user", text)).map(User::new)?;
    let account = account?;
    let admin = accounts.by_name.get(&account).map(|config| &config.admin.user);
    if admin == Some(&user) {
        let what = format!("user {user} is the broker user of {account}");
        let next_step = "name a service user of its own; the broker user never has a token";
        faults.add(&written.place, Wrong::new(what, next_step));
        return None;
    }
    Some(SlotId { account, user })
}

/// The broker's role manages tokens: whoever worked as it could make its own.
fn role(
    raw: &RawEntry,
    slot: Option<&SlotId>,
    accounts: &Accounts,
    faults: &mut Faults,
) -> Option<At<Role>> {
    let example = "role = \"MIGUEL_CLI_ROLE\", the one role its tokens may use";
    let written = required(raw.role.as_ref(), "role", example, &raw.place, faults)?;
    let value = written.checked(faults, |text| syntax::object_name("role", text)).map(Role::new)?;
    let account = slot.and_then(|slot| accounts.by_name.get(&slot.account));
    if let Some(account) = account.filter(|account| account.admin.role == value) {
        let what = format!("role {value} is the broker's role of {}", account.name);
        let next_step = "name a role of its own; the broker's role manages tokens";
        faults.add(&written.place, Wrong::new(what, next_step));
        return None;
    }
    Some(At { value, place: written.place.clone() })
}

/// Returns what is written into the generated entry.
fn connection_config(
    raw: &RawEntry,
    slot: Option<&SlotId>,
    access: Option<&Access>,
    faults: &mut Faults,
) -> Option<ConnectionConfig> {
    let warehouse = session_default("warehouse", raw.warehouse.as_ref(), faults);
    let database = session_default("database", raw.database.as_ref(), faults);
    let schema = session_default("schema", raw.schema.as_ref(), faults);
    let forms = [("password", false), ("token", true)];
    let token_form = choice(raw.entry_form.as_ref(), "entry_form", false, &forms, faults);
    let env = env(raw, access, faults);
    Some(ConnectionConfig {
        slot: slot?.clone(),
        warehouse: warehouse?,
        database: database?,
        schema: schema?,
        token_form: token_form?,
        keep_connections: raw.keep_connections.as_ref().is_some_and(|keep| keep.value),
        env: env?,
        rate_per_minute: access.and_then(|access| access.rate_per_minute),
    })
}

#[expect(clippy::option_option, reason = "no value at all, or a fault that was reported")]
fn session_default(
    key: &str,
    value: Option<&At<String>>,
    faults: &mut Faults,
) -> Option<Option<String>> {
    let Some(value) = value else { return Some(None) };
    value.checked(faults, |text| syntax::session_default(key, text)).map(Some)
}

fn env(
    raw: &RawEntry,
    access: Option<&Access>,
    faults: &mut Faults,
) -> Option<BTreeMap<String, String>> {
    let Some(written) = &raw.env else { return Some(BTreeMap::new()) };
    let mut env = BTreeMap::new();
    for (name, carries) in &written.value {
        let pair = carries.checked(faults, |carries| {
            carried(raw, name, carries)?;
            Ok((syntax::variable(name)?, carries.clone()))
        });
        env.extend(pair);
    }
    if written.value.len() > MOST_VARIABLES {
        let what = format!("env names {} variables", written.value.len());
        faults.add(&written.place, Wrong::new(what, "name at the most 24"));
        return None;
    }
    if access.is_some_and(|access| !access.deliver.contains(&Delivery::Env)) {
        let next_step = "add \"env\" to deliver of [access], or remove env";
        let what = "env is set, and the delivery \"env\" is not allowed";
        faults.add(&written.place, Wrong::new(what, next_step));
    }
    if !written.value.values().any(|carries| carries.value == "secret") {
        let next_step =
            "give one variable the value \"secret\", e.g. SNOWFLAKE_PASSWORD = \"secret\"";
        faults.add(&written.place, Wrong::new("no variable of env carries the secret", next_step));
    }
    (env.len() == written.value.len()).then_some(env)
}

/// Checks that there will be something for a variable to carry. An unknown word may be a pasted secret: it is
/// not shown.
fn carried(raw: &RawEntry, name: &str, carries: &str) -> Result<(), Wrong> {
    let is_set = match carries {
        "secret" | "user" | "role" | "account" | "host" => true,
        "warehouse" => raw.warehouse.is_some(),
        "database" => raw.database.is_some(),
        "schema" => raw.schema.is_some(),
        _ => {
            let next_step =
                "write secret, user, role, account, host, warehouse, database or schema";
            return Err(Wrong::new(format!("{name:?} of env has an unknown value"), next_step));
        }
    };
    if is_set {
        return Ok(());
    }
    let what = format!("{name:?} of env carries {carries:?}, which this entry does not set");
    Err(Wrong::new(what, format!("add {carries} = \"…\" at the top of the file")))
}

/// All of them go with every hand-out, whose size is limited.
const MOST_VARIABLES: usize = 24;
