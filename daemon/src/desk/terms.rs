//! What a hand-out says besides the secret: the grant, and what configuration has for the generated entry.

use pat_wire::message::{self as wire, EntryForm, Terms};
use patd_config::{AccountConfig, ConnectionConfig};
use patd_core::lifecycle::Held;
use patd_core::policy::{Delivery, Grant};

use crate::house::Trust;
use crate::leases::LeaseId;

/// Returns the terms of a hand-out; none if the configuration does not know the connection any more.
pub(super) fn terms(trust: &Trust, grant: &Grant, held: &Held, lease: &LeaseId) -> Option<Terms> {
    let connection = trust.config.connections.get(grant.connection())?;
    let account = trust.config.accounts.get(&grant.slot().account)?;
    let (host, port, protocol) = endpoint(account);
    let ConnectionConfig { warehouse, database, schema, token_form, .. } = connection;
    Some(Terms {
        lease: lease.as_str().to_owned(),
        generation: held.generation.0,
        connection: grant.connection().as_str().to_owned(),
        deliver: delivery(grant.deliver()),
        expires_at: held.expires_at.0,
        gated: grant.gated(),
        entry_form: if *token_form { EntryForm::Token } else { EntryForm::Password },
        keep_connections: connection.keep_connections,
        account: account.name.as_str().to_owned(),
        user: grant.slot().user.as_str().to_owned(),
        role: held.role.as_str().to_owned(),
        warehouse: warehouse.clone(),
        database: database.clone(),
        schema: schema.clone(),
        host,
        port,
        protocol,
        env: connection.env.clone(),
        targets: grant.targets().iter().map(|target| target.as_str().to_owned()).collect(),
    })
}

/// A delivery as the wire spells it.
pub(super) fn delivery(delivery: Delivery) -> wire::Delivery {
    match delivery {
        Delivery::Home => wire::Delivery::Home,
        Delivery::Env => wire::Delivery::Env,
    }
}

/// Clients find the account's own endpoint by themselves; only another one is told.
fn endpoint(account: &AccountConfig) -> (Option<String>, Option<u16>, Option<String>) {
    if !account.explicit_endpoint {
        return (None, None, None);
    }
    let protocol = if account.tls { "https" } else { "http" };
    (Some(account.host.clone()), Some(account.port), Some(protocol.to_owned()))
}
