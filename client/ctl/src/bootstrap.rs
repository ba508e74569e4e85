//! `patctl bootstrap`: the SQL that a security admin runs once. Reads the configuration and the public key,
//! and asks nobody.

use std::net::Ipv4Addr;

use patd_config::{AccountConfig, Config, ConnectionConfig, as_shown};
use patd_core::bootstrap::{Bootstrap, Broker, Home, Network, ServiceUser, render, script};
use patd_core::names::{Role, SlotId};
use patd_core::sql::Statement;
use serde_json::json;

use crate::answer::{Answer, Exit, Failure};
use crate::cli::{BootstrapArgs, Cli, Format};
use crate::public_key::{self, PublicKey};

pub(crate) fn run(cli: &Cli, args: &BootstrapArgs) -> Result<Answer, Failure> {
    if args.format != Format::Sql {
        let what = format!("the format {:?} is not offered yet", args.format).to_lowercase();
        return Err(Failure::new(Exit::Usage, what, "use --format sql"));
    }
    let config = patd_config::load(&cli.config)?;
    let account = account(&config, args)?;
    let key_file = public_key::path(&cli.config, &account.name, config.accounts.len() == 1);
    let key = PublicKey::read(&key_file)?;
    let wanted = wanted(&config, account, &key, args)?;
    let statements =
        script(&wanted).map_err(|error| Failure::new(Exit::Failed, error.to_string(), ""))?;
    let notes = notes(&config, account);
    let list: Vec<_> = statements.iter().map(statement_json).collect();
    let text = format!("{}{}", render(&statements), notes);
    Ok(Answer::ok(text, json!({ "account": account.name.as_str(), "statements": list })))
}

fn statement_json(statement: &Statement) -> serde_json::Value {
    json!({ "text": statement.text, "why": statement.why })
}

fn account<'c>(config: &'c Config, args: &BootstrapArgs) -> Result<&'c AccountConfig, Failure> {
    let names: Vec<&str> = config.accounts.keys().map(|name| name.as_str()).collect();
    let mut accounts = config.accounts.values();
    let found = match (&args.account, names.len()) {
        (None, 1) => accounts.next(),
        (None, _) => None,
        (Some(named), _) => {
            accounts.find(|account| account.name.as_str().eq_ignore_ascii_case(named))
        }
    };
    found.ok_or_else(|| {
        let next_step = format!("add --account with one of: {}", names.join(", "));
        Failure::new(Exit::Usage, "which account is meant is not clear", next_step)
    })
}

fn wanted(
    config: &Config,
    account: &AccountConfig,
    key: &PublicKey,
    args: &BootstrapArgs,
) -> Result<Bootstrap, Failure> {
    let slots = || config.slots.iter().filter(|(id, _)| id.account == account.name);
    let users = slots().map(|(id, slot)| service_user(config, id, &slot.role)).collect();
    let longest =
        slots().map(|(_, slot)| slot.days_to_expiry).max().unwrap_or(DAYS_WITHOUT_ENTRIES);
    Ok(Bootstrap {
        account: account.name.clone(),
        run_as: Role::new(args.run_as.as_str()),
        broker: Broker {
            user: account.admin.user.clone(),
            role: account.admin.role.clone(),
            public_key: key.body().to_owned(),
            replaces_own_key: true,
        },
        home: Home { database: args.database.clone(), schema: args.schema.clone() },
        network: network(account, args)?,
        users,
        max_days_to_expiry: longest,
    })
}

fn network(account: &AccountConfig, args: &BootstrapArgs) -> Result<Network, Failure> {
    if let Some(odd) = args.network_cidr.iter().find(|range| !is_ipv4_range(range)) {
        let what = format!("--network-cidr {odd:?} is no IPv4 address or range");
        return Err(Failure::new(Exit::Usage, what, "write it like 192.0.2.7 or 198.51.100.0/24"));
    }
    let ranges = args.network_cidr.clone();
    match &args.network_policy {
        Some(policy) if ranges.is_empty() => Ok(Network::Existing { policy: policy.clone() }),
        Some(policy) => Ok(Network::Allow { policy: policy.clone(), ranges }),
        None if ranges.is_empty() => Err(Failure::new(
            Exit::Usage,
            "Snowflake gives a service user no token without a network policy",
            "add --network-cidr with every address broker and users connect from, or --network-policy NAME",
        )),
        None => Ok(Network::Allow { policy: format!("{}_NETWORK", account.admin.user), ranges }),
    }
}

fn is_ipv4_range(text: &str) -> bool {
    let (address, bits) = text.split_once('/').unwrap_or((text, "32"));
    let bits = bits.parse::<u32>().ok().filter(|bits| *bits <= 32);
    address.parse::<Ipv4Addr>().is_ok() && bits.is_some()
}

/// Returns a service user with the defaults of its first connection.
fn service_user(config: &Config, slot: &SlotId, role: &Role) -> ServiceUser {
    let first = connections_of(config, slot).next().map(|(_, connection)| connection);
    let shown = |value: fn(&ConnectionConfig) -> &Option<String>| {
        first.and_then(|connection| value(connection).as_deref()).map(as_shown)
    };
    ServiceUser {
        user: slot.user.clone(),
        role: role.clone(),
        warehouse: shown(|connection| &connection.warehouse),
        database: shown(|connection| &connection.database),
        schema: shown(|connection| &connection.schema),
    }
}

/// Says which connections have defaults that the script grants nothing on.
fn notes(config: &Config, account: &AccountConfig) -> String {
    let mut notes = String::new();
    for (slot, slot_config) in config.slots.iter().filter(|(slot, _)| slot.account == account.name)
    {
        let mut connections = connections_of(config, slot);
        let Some((_, first)) = connections.next() else { continue };
        let defaults = |one: &ConnectionConfig| {
            (one.warehouse.clone(), one.database.clone(), one.schema.clone())
        };
        for (name, _) in connections.filter(|(_, other)| defaults(other) != defaults(first)) {
            let role = &slot_config.role;
            notes.push_str(&format!(
                "\n-- connection {name} has defaults of its own: grant their USAGE to role {role}, if it needs them\n"
            ));
        }
    }
    notes
}

fn connections_of<'c>(
    config: &'c Config,
    slot: &'c SlotId,
) -> impl Iterator<Item = (&'c str, &'c ConnectionConfig)> {
    let named = config.connections.iter().map(|(name, connection)| (name.as_str(), connection));
    named.filter(move |(_, connection)| connection.slot == *slot)
}

/// The token policy's limit while there are no entries: the default life of a token.
const DAYS_WITHOUT_ENTRIES: u32 = 7;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_ipv4_addresses_and_ranges_are_taken() {
        for text in ["192.0.2.7", "192.0.2.0/24", "0.0.0.0/0", "10.0.0.1/32"] {
            assert!(is_ipv4_range(text), "{text}");
        }
        for text in ["", "192.0.2", "192.0.2.7/33", "192.0.2.7/", "::1", "a.b.c.d", "192.0.2.7/-1"]
        {
            assert!(!is_ipv4_range(text), "{text}");
        }
    }
}
