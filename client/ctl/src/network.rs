//! From where broker and service users connect, for verbs that ask nobody: what the command line says, else the
//! configuration. Where Snowflake sees us come from, no script can know.

use patd_config::source;
use patd_core::pattern::desired::{Network, Source};

use crate::answer::{Exit, Failure};
use crate::target::Target;

/// Returns the network as ranges, rules and policies that are known here.
///
/// # Errors
/// When nothing is, or a range is not one.
pub(crate) fn known(
    cidrs: &[String],
    policy: Option<&str>,
    target: &Target,
) -> Result<Network, Failure> {
    let sources = ranges(cidrs)?;
    let network = match (policy, sources.is_empty()) {
        (Some(policy), true) => Network::Existing { policy: policy.to_owned() },
        (Some(policy), false) => Network::Allow { policy: policy.to_owned(), sources },
        (None, false) => Network::Allow { policy: name_of_ours(target), sources },
        (None, true) => target.desired.network.clone(),
    };
    let Network::Allow { policy, sources } = network else { return Ok(network) };
    let known: Vec<Source> =
        sources.into_iter().filter(|source| *source != Source::AsSeen).collect();
    if known.is_empty() {
        return Err(Failure::new(
            Exit::Usage,
            "Snowflake gives a service user no token without a network policy",
            "add --network-cidr with every address broker and users connect from, or name a policy \
             (network_policy in [provision]; bootstrap: --network-policy NAME)",
        ));
    }
    Ok(Network::Allow { policy, sources: known })
}

fn name_of_ours(target: &Target) -> String {
    match &target.desired.network {
        Network::Allow { policy, .. } => policy.clone(),
        Network::Existing { .. } => format!("{}_NETWORK", target.account.admin.user),
    }
}

fn ranges(cidrs: &[String]) -> Result<Vec<Source>, Failure> {
    let one = |text: &String| {
        let next_step = match source(text) {
            Ok(range @ Source::Range(_)) => return Ok(range),
            Err((_, next_step)) if text.starts_with(|c: char| c.is_ascii_digit()) => next_step,
            Ok(Source::Rule(_) | Source::AsSeen) | Err(_) => {
                "write it like 192.0.2.7 or 198.51.100.0/24".to_owned()
            }
        };
        let what = format!("--network-cidr {text:?} is no IPv4 address or range");
        Err(Failure::new(Exit::Usage, what, next_step))
    };
    cidrs.iter().map(one).collect()
}
