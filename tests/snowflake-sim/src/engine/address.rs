//! Network policies against client addresses. Pure.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};

use super::state::{NetworkPolicy, NetworkRule, Path};

/// An IPv4 network in CIDR form.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Network {
    base: u32,
    mask: u32,
}

impl Network {
    fn read(text: &str) -> Option<Self> {
        let (address, bits) = text.trim().split_once('/').unwrap_or((text.trim(), "32"));
        let bits: u32 = bits.parse().ok().filter(|bits| *bits <= 32)?;
        let mask = u32::MAX.checked_shl(32 - bits).unwrap_or(0);
        let address: Ipv4Addr = address.parse().ok()?;
        Some(Self { base: u32::from(address) & mask, mask })
    }

    fn holds(self, address: Ipv4Addr) -> bool {
        u32::from(address) & self.mask == self.base
    }
}

/// Returns whether a text is an IPv4 address or network.
pub(super) fn is_ipv4(text: &str) -> bool {
    Network::read(text).is_some()
}

/// Returns whether the policy lets this client in. Block beats allow; what no allow entry names is
/// shut out as soon as there is one of its type; an empty policy allows no IPv4.
/// Source: snowflake docs, user-guide/network-policies.
pub(super) fn allows(
    policy: &NetworkPolicy,
    rules: &BTreeMap<Path, NetworkRule>,
    client: IpAddr,
) -> bool {
    let Some(address) = ipv4(client) else { return false };
    let allowed = Entries::of(&policy.allowed_rules, &policy.allowed_ips, rules);
    let blocked = Entries::of(&policy.blocked_rules, &policy.blocked_ips, rules);
    !blocked.name(address) && (allowed.name(address) || allowed.only_other_types)
}

/// Returns whether the policy counts as one for tokens, which the docs tie to network rules.
pub(super) fn satisfies_requirement(policy: &NetworkPolicy, ip_list_counts: bool) -> bool {
    ip_list_counts || !policy.allowed_rules.is_empty() || !policy.blocked_rules.is_empty()
}

struct Entries {
    networks: Vec<Network>,
    /// There are entries, but none of them speaks of IPv4.
    only_other_types: bool,
}

impl Entries {
    fn of(paths: &[Path], ips: &[String], rules: &BTreeMap<Path, NetworkRule>) -> Self {
        let ingress = || {
            paths.iter().filter_map(|path| rules.get(path)).filter(|rule| rule.mode == "INGRESS")
        };
        let is_ipv4_rule = |rule: &&NetworkRule| rule.kind == "IPV4";
        let values = ingress().filter(is_ipv4_rule).flat_map(|rule| &rule.values).chain(ips);
        let speaks_ipv4 = !ips.is_empty() || ingress().any(|rule| rule.kind == "IPV4");
        Self {
            networks: values.filter_map(|value| Network::read(value)).collect(),
            only_other_types: !speaks_ipv4 && ingress().next().is_some(),
        }
    }

    fn name(&self, address: Ipv4Addr) -> bool {
        self.networks.iter().any(|network| network.holds(address))
    }
}

fn ipv4(client: IpAddr) -> Option<Ipv4Addr> {
    match client {
        IpAddr::V4(address) => Some(address),
        IpAddr::V6(address) => address.to_ipv4_mapped(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::engine::clock::Millis;

    fn rule(kind: &str, mode: &str, values: &[&str]) -> NetworkRule {
        NetworkRule {
            kind: kind.into(),
            mode: mode.into(),
            values: values.iter().map(|v| (*v).to_owned()).collect(),
            comment: String::new(),
            created_on: Millis(0),
        }
    }

    fn policy(allowed: &[&str], blocked: &[&str]) -> NetworkPolicy {
        let owned = |ips: &[&str]| ips.iter().map(|ip| (*ip).to_owned()).collect();
        NetworkPolicy {
            allowed_rules: Vec::new(),
            blocked_rules: Vec::new(),
            allowed_ips: owned(allowed),
            blocked_ips: owned(blocked),
            comment: String::new(),
            created_on: Millis(0),
        }
    }

    fn lets_in(policy: &NetworkPolicy, client: &str) -> bool {
        let rules = BTreeMap::from([
            (Path::one("OFFICE"), rule("IPV4", "INGRESS", &["10.1.0.0/16"])),
            (Path::one("PRINTER"), rule("IPV4", "INGRESS", &["10.1.2.3"])),
            (Path::one("OUT"), rule("IPV4", "EGRESS", &["0.0.0.0/0"])),
            (Path::one("VPC"), rule("AWSVPCEID", "INGRESS", &["vpce-1"])),
        ]);
        allows(policy, &rules, client.parse().unwrap())
    }

    fn by_rules(allowed: &[&str], blocked: &[&str]) -> NetworkPolicy {
        let paths = |names: &[&str]| names.iter().map(|name| Path::one(*name)).collect();
        let empty = policy(&[], &[]);
        NetworkPolicy { allowed_rules: paths(allowed), blocked_rules: paths(blocked), ..empty }
    }

    #[test]
    fn an_allow_list_shuts_everybody_else_out() {
        let office = policy(&["10.0.0.0/8", "192.0.2.7"], &[]);
        assert!(lets_in(&office, "10.255.0.1"));
        assert!(lets_in(&office, "192.0.2.7"));
        assert!(!lets_in(&office, "192.0.2.8"));
    }

    #[test]
    fn the_block_list_beats_the_allow_list() {
        let office = policy(&["0.0.0.0/0"], &["10.1.2.3"]);
        assert!(!lets_in(&office, "10.1.2.3"));
        assert!(lets_in(&office, "10.1.2.4"));
    }

    #[test]
    fn a_blocked_rule_beats_an_allowed_rule() {
        let office = by_rules(&["OFFICE"], &["PRINTER"]);
        assert!(lets_in(&office, "10.1.9.9"));
        assert!(!lets_in(&office, "10.1.2.3"));
        assert!(!lets_in(&office, "10.2.0.1"));
    }

    #[test]
    fn an_empty_policy_allows_no_ipv4() {
        assert!(!lets_in(&policy(&[], &[]), "127.0.0.1"));
    }

    #[test]
    fn only_ingress_rules_count_at_login() {
        assert!(!lets_in(&by_rules(&["OUT"], &[]), "10.1.2.3"));
    }

    #[test]
    fn allow_entries_of_another_type_do_not_shut_out_ipv4() {
        assert!(lets_in(&by_rules(&["VPC"], &[]), "10.1.2.3"));
        assert!(!lets_in(&by_rules(&["VPC", "OFFICE"], &[]), "10.9.0.1"));
    }

    #[test]
    fn an_ipv4_address_written_as_ipv6_is_the_same_address() {
        assert!(lets_in(&policy(&["127.0.0.1"], &[]), "::ffff:127.0.0.1"));
    }
}
