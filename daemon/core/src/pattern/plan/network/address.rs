//! IPv4 addresses and ranges as rules hold them: when two lists let in the same, and whether one lets in an address.

use std::collections::BTreeSet;
use std::net::Ipv4Addr;

/// Returns whether two lists say the same; `192.0.2.7` is `192.0.2.7/32`.
pub(super) fn same_values(one: &BTreeSet<String>, other: &BTreeSet<String>) -> bool {
    let plain = |values: &BTreeSet<String>| -> BTreeSet<String> {
        values.iter().map(|value| value.strip_suffix("/32").unwrap_or(value).to_owned()).collect()
    };
    plain(one) == plain(other)
}

/// Returns whether a list lets in an address. An address of another kind it never does.
pub(super) fn covers(values: &BTreeSet<String>, address: &str) -> bool {
    let Ok(address) = address.parse::<Ipv4Addr>() else { return false };
    values
        .iter()
        .filter_map(|value| range(value))
        .any(|(network, mask)| u32::from(network) & mask == u32::from(address) & mask)
}

/// Returns whether a text is an IPv4 address.
pub(super) fn is_ipv4(text: &str) -> bool {
    text.parse::<Ipv4Addr>().is_ok()
}

fn range(text: &str) -> Option<(Ipv4Addr, u32)> {
    let (address, bits) = text.split_once('/').unwrap_or((text, "32"));
    let bits = bits.parse::<u32>().ok().filter(|bits| *bits <= 32)?;
    let mask = u32::MAX.checked_shl(32 - bits).unwrap_or(0);
    Some((address.parse().ok()?, mask))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn set(values: &[&str]) -> BTreeSet<String> {
        values.iter().map(|&value| value.to_owned()).collect()
    }

    #[test]
    fn an_address_is_let_in_by_its_range_and_no_other() {
        for (value, address, inside) in [
            ("192.0.2.0/24", "192.0.2.255", true),
            ("192.0.2.0/24", "192.0.3.0", false),
            ("192.0.2.7", "192.0.2.7", true),
            ("192.0.2.7/32", "192.0.2.8", false),
            ("0.0.0.0/0", "203.0.113.9", true),
            ("192.0.2.0/33", "192.0.2.1", false),
            ("192.0.2.0/24", "2001:db8::1", false),
            ("nonsense", "192.0.2.1", false),
        ] {
            assert_eq!(covers(&set(&[value]), address), inside, "{value} {address}");
        }
    }

    #[test]
    fn one_address_is_a_range_of_one() {
        assert!(same_values(&set(&["192.0.2.7"]), &set(&["192.0.2.7/32"])));
        assert!(!same_values(&set(&["192.0.2.7"]), &set(&["192.0.2.7/31"])));
    }
}
