//! Facts about the way to each account: an address, an answer, its clock; the proxies of clients and daemon.

use std::time::Duration;

use patd_checks::account::{Distrust, Reach, Resolved, Way, clock, dns, tls};
use patd_checks::network::refusals;
use patd_checks::proxy::{Environment, ways};
use patd_checks::{Fact, Finding, Id};
use patd_config::{AccountConfig, Config};
use patd_snowflake::endpoint::Endpoint;
use patd_snowflake::http::{Client, Limits};
use patd_snowflake::{chain, reach};
use tokio::runtime::{Builder, Runtime};

use super::asked::Asked;
use crate::answer::{Exit, Failure};

/// Returns what is to be said of each account.
pub(super) fn findings(config: &Fact<Config>, asked: &Asked) -> Result<Vec<Finding>, Failure> {
    let config = match config {
        Ok(config) => config,
        Err(needs) => {
            let unseen = |id| Finding::unseen(id, "accounts", needs);
            return Ok(OF_AN_ACCOUNT.map(unseen).into());
        }
    };
    let runtime = Builder::new_current_thread().enable_all().build().map_err(|error| {
        Failure::new(Exit::Failed, format!("cannot start a client ({error})"), "try again")
    })?;
    let each = config.accounts.values().flat_map(|account| of_account(account, asked, &runtime));
    let findings = each.collect();
    // A resolver that does not answer is not waited for.
    runtime.shutdown_background();
    Ok(findings)
}

fn of_account(account: &AccountConfig, asked: &Asked, runtime: &Runtime) -> Vec<Finding> {
    let subject = format!("account {}", account.name);
    let way = Way {
        subject: &subject,
        host: &account.host,
        port: account.port,
        tls: account.tls,
        proxy: account.proxy.as_ref().map(|proxy| proxy.address()),
    };
    let (name, port) = first_hop(&way);
    let resolved = runtime.block_on(resolve(&name, port));
    let reached = match &resolved {
        Resolved::To(..) => runtime.block_on(reached(account)),
        Resolved::Not(_) => Reach::Silent("it has no address".to_owned()),
    };
    let mut findings =
        vec![dns(&way, &name, &resolved), tls(&way, &reached), clock(&way, &reached)];
    findings.extend(refusals(&subject, asked.refused(account.name.as_str())));
    findings.push(asked.privileges(&subject, account.name.as_str()));
    findings.push(proxies(&way));
    findings
}

/// Whose address is asked for here: with a proxy the host's is the proxy's to find.
fn first_hop(way: &Way<'_>) -> (String, u16) {
    let proxy = way.proxy.and_then(|proxy| proxy.rsplit_once(':'));
    let proxy = proxy.and_then(|(host, port)| Some((host.to_owned(), port.parse().ok()?)));
    proxy.unwrap_or_else(|| (way.host.to_owned(), way.port))
}

async fn resolve(name: &str, port: u16) -> Resolved {
    let bare = name.trim_start_matches('[').trim_end_matches(']');
    match tokio::time::timeout(PATIENCE, tokio::net::lookup_host((bare, port))).await {
        Err(_) => Resolved::Not(format!("no answer within {} s", PATIENCE.as_secs())),
        Ok(Err(error)) => {
            let said = error.to_string();
            let why = said.strip_prefix("failed to lookup address information: ").unwrap_or(&said);
            Resolved::Not(why.to_owned())
        }
        Ok(Ok(found)) => {
            let found: Vec<String> = found.map(|address| address.ip().to_string()).collect();
            match found.first() {
                Some(first) => Resolved::To(first.clone(), found.len()),
                None => Resolved::Not("the answer is empty".to_owned()),
            }
        }
    }
}

async fn reached(account: &AccountConfig) -> Reach {
    let client = match client(account) {
        Ok(client) => client,
        Err(why) => return Reach::Unprepared(why),
    };
    match reach::reach(&client).await {
        Ok(ahead) => Reach::Answered(ahead),
        Err(reach::Unreached::Silent(why)) => Reach::Silent(why),
        Err(reach::Unreached::Distrusted(why, text)) => Reach::Distrusted(distrust(why), text),
    }
}

fn client(account: &AccountConfig) -> Result<Client, String> {
    let AccountConfig { name, host, port, tls, ca_file, proxy, .. } = account;
    let endpoint =
        Endpoint::new(name.clone(), host, *port, *tls, ca_file.as_deref(), proxy.as_deref());
    let endpoint = endpoint.map_err(|error| error.to_string())?;
    let limits = Limits { connect: PATIENCE, request: PATIENCE, ..Limits::default() };
    Client::with_limits(&endpoint, limits).map_err(|error| chain::chain(&error))
}

fn distrust(why: reach::Distrust) -> Distrust {
    match why {
        reach::Distrust::Issuer => Distrust::Issuer,
        reach::Distrust::Name => Distrust::Name,
        reach::Distrust::Time => Distrust::Time,
        reach::Distrust::Other => Distrust::Other,
    }
}

fn proxies(way: &Way<'_>) -> Finding {
    let set = |names: &[&str]| names.iter().find_map(|name| std::env::var(name).ok());
    let proxy = set(&["https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"]);
    let no_proxy = set(&["no_proxy", "NO_PROXY"]);
    let environment = Environment { proxy: proxy.as_deref(), no_proxy: no_proxy.as_deref() };
    ways(way.subject, way.host, environment, way.proxy)
}

const OF_AN_ACCOUNT: [Id; 6] =
    [Id::Dns, Id::Tls, Id::Clock, Id::NetworkPolicy, Id::Privileges, Id::Proxy];
const PATIENCE: Duration = Duration::from_secs(8);
