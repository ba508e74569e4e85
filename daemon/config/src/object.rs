//! Names of several parts, what may be done with what they name, and addresses: the spelling of `[provision]`.
//! Functions of their text.

use std::net::Ipv4Addr;

use patd_core::pattern::desired::{Privilege, Source};

use crate::fault::Wrong;
use crate::syntax::object_name;

/// Returns the parts of a name, each as SHOW spells it.
pub(crate) fn qualified<const PARTS: usize>(
    what: &str,
    text: &str,
) -> Result<[String; PARTS], Wrong> {
    let parts = parts(what, text)?;
    parts.try_into().map_err(|parts: Vec<String>| {
        let written = format!("{what} {text:?} has {} of {PARTS} parts", parts.len());
        Wrong::new(written, format!("write {}", example(PARTS)))
    })
}

/// Returns from where one may connect.
pub(crate) fn source(text: &str) -> Result<Source, Wrong> {
    if text == AS_SEEN {
        return Ok(Source::AsSeen);
    }
    if text.contains(':') {
        let next_step = "write IPv4, or name a network rule of your own: DATABASE.SCHEMA.RULE";
        return Err(Wrong::new(format!("network {text:?} is not IPv4"), next_step));
    }
    if text.starts_with(|first: char| first.is_ascii_digit()) {
        return range(text);
    }
    qualified("network rule", text).map(Source::Rule).map_err(|wrong| {
        let next_step = format!(
            "{}; or an address (192.0.2.7), a range (198.51.100.0/24), {AS_SEEN:?}",
            wrong.next_step
        );
        Wrong::new(wrong.what, next_step)
    })
}

/// An address, or a range by its first address: another spelling of the same would look like drift for ever.
fn range(text: &str) -> Result<Source, Wrong> {
    let wrong = || {
        let next_step = "write it like 192.0.2.7 or 198.51.100.0/24";
        Wrong::new(format!("network {text:?} is no IPv4 address or range"), next_step)
    };
    let (address, bits) = text.split_once('/').unwrap_or((text, "32"));
    let address: Ipv4Addr = address.parse().map_err(|_| wrong())?;
    let length: u32 = bits.parse().map_err(|_| wrong())?;
    if length > 32 || length.to_string() != bits {
        return Err(wrong());
    }
    let mask = u32::MAX.checked_shl(32_u32.saturating_sub(length)).unwrap_or_default();
    let first = Ipv4Addr::from_bits(address.to_bits() & mask);
    if first != address {
        let what = format!("network {text:?} names an address within the range");
        return Err(Wrong::new(what, format!("write {first}/{length}, or {address} alone")));
    }
    Ok(Source::Range(text.to_owned()))
}

/// Returns a privilege on an object: `SELECT ON TABLE DB.SCHEMA.T`.
pub(crate) fn privilege(text: &str) -> Result<Privilege, Wrong> {
    let words: Vec<&str> = split(text, ' ').into_iter().filter(|word| !word.is_empty()).collect();
    let mut sides = words.splitn(2, |word| *word == "ON");
    let (Some(privilege), Some([kind @ .., name])) = (sides.next(), sides.next()) else {
        return Err(no_privilege(text));
    };
    let (privilege, on) = (privilege.join(" "), kind.join(" "));
    if privilege.is_empty() || !is_words(&privilege) || !is_words(&on) {
        return Err(no_privilege(text));
    }
    if TOO_WIDE.contains(&privilege.as_str()) {
        let what = format!("privilege {text:?} is more than a narrow role may hold");
        return Err(Wrong::new(what, "name each privilege: USAGE, SELECT, …"));
    }
    let Some((_, parts_wanted)) = KINDS.iter().find(|(known, _)| *known == on) else {
        let known: Vec<&str> = KINDS.iter().map(|(kind, _)| *kind).collect();
        let what = format!("privilege {text:?} is on a kind that is not offered");
        return Err(Wrong::new(what, format!("write one of: {}", known.join(", "))));
    };
    let name = parts("object", name)?;
    if name.len() != *parts_wanted {
        let what = format!("privilege {text:?}: the name has {} parts", name.len());
        return Err(Wrong::new(what, format!("write {}", example(*parts_wanted))));
    }
    Ok(Privilege { privilege, on, name })
}

fn no_privilege(text: &str) -> Wrong {
    let what = format!("privilege {text:?} cannot be understood");
    Wrong::new(what, "write PRIVILEGE ON KIND NAME, like \"USAGE ON WAREHOUSE WH\"")
}

fn parts(what: &str, text: &str) -> Result<Vec<String>, Wrong> {
    split(text, '.').into_iter().map(|part| object_name(what, part)).collect()
}

/// Splits where the separator is outside of quotes.
fn split(text: &str, separator: char) -> Vec<&str> {
    let mut inside = false;
    text.split(|letter: char| {
        inside ^= letter == '"';
        letter == separator && !inside
    })
    .collect()
}

fn is_words(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_uppercase() || byte == b' ' || byte == b'_')
}

fn example(parts: usize) -> &'static str {
    match parts {
        1 => "NAME",
        2 => "DATABASE.NAME",
        _ => "DATABASE.SCHEMA.NAME",
    }
}

const AS_SEEN: &str = "as-seen";

/// Whoever holds one of these can give itself the rest.
const TOO_WIDE: [&str; 4] = ["ALL", "ALL PRIVILEGES", "OWNERSHIP", "MANAGE GRANTS"];

/// Kinds whose objects are named alone, and of how many parts. Users, roles and the account are not among them:
/// a privilege there could make tokens or widen the role (snowflake docs: security-access-control-privileges).
const KINDS: [(&str, usize); 18] = [
    ("WAREHOUSE", 1),
    ("DATABASE", 1),
    ("INTEGRATION", 1),
    ("COMPUTE POOL", 1),
    ("SCHEMA", 2),
    ("TABLE", 3),
    ("DYNAMIC TABLE", 3),
    ("EXTERNAL TABLE", 3),
    ("VIEW", 3),
    ("MATERIALIZED VIEW", 3),
    ("SEMANTIC VIEW", 3),
    ("STAGE", 3),
    ("FILE FORMAT", 3),
    ("SEQUENCE", 3),
    ("STREAM", 3),
    ("TASK", 3),
    ("CORTEX SEARCH SERVICE", 3),
    ("AGENT", 3),
];

#[cfg(test)]
mod tests {
    use super::*;

    fn said(text: &str) -> String {
        let wrong = privilege(text).unwrap_err();
        format!("{}; {}", wrong.what, wrong.next_step)
    }

    #[test]
    fn only_ipv4_addresses_and_ranges_by_their_first_address_are_taken() {
        for text in ["192.0.2.7", "192.0.2.0/24", "0.0.0.0/0", "10.0.0.1/32"] {
            assert_eq!(source(text).unwrap(), Source::Range(text.to_owned()));
        }
        for text in
            ["", "192.0.2", "192.0.2.7/33", "192.0.2.7/", "::1", "a.b.c.d", "192.0.2.7/-1", "1.2"]
        {
            assert!(source(text).is_err(), "{text}");
        }
        for text in ["192.0.2.0/+24", "192.0.2.0/024", "192.0.2.7/24", "1.0.0.0/0", "192.0.2.7 "] {
            assert!(source(text).is_err(), "{text}");
        }
        assert!(source("192.0.2.7/24").unwrap_err().next_step.contains("192.0.2.0/24"));
    }

    #[test]
    fn a_network_rule_has_three_parts_and_as_seen_is_a_word() {
        let rule = source("SNOWFLAKE.NETWORK_SECURITY.DBT_APAC_AWS").unwrap();

        let parts = ["SNOWFLAKE", "NETWORK_SECURITY", "DBT_APAC_AWS"].map(str::to_owned);
        assert_eq!(rule, Source::Rule(parts));
        assert_eq!(source("as-seen").unwrap(), Source::AsSeen);
        for text in ["RULE", "DB.RULE", "DB.S.R.X", "db.s.r", "DB..R", "as_seen", "DB.S.R;"] {
            assert!(source(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_dot_or_blank_in_quotes_separates_nothing() {
        let read = privilege("SELECT ON TABLE DB.\"a.b\".\"my ON table\"").unwrap();

        assert_eq!((read.privilege.as_str(), read.on.as_str()), ("SELECT", "TABLE"));
        assert_eq!(read.name, ["DB", "a.b", "my ON table"]);
        let read = privilege("CREATE  CORTEX THING ON  MATERIALIZED VIEW DB.S.\"say \"\"x\"\"\"");
        assert_eq!(read.unwrap().name, ["DB", "S", "say \"x\""]);
    }

    #[test]
    fn a_privilege_that_is_none_says_how_one_is_written() {
        for text in
            ["", "USAGE", "USAGE ON", "ON WAREHOUSE WH", "usage on warehouse wh", "USAGE ON WH"]
        {
            assert!(privilege(text).is_err(), "{text}");
        }
        assert!(said("USAGE").contains("USAGE ON WAREHOUSE WH"));
        assert!(said("USAGE ON SCHEMA S").contains("DATABASE.NAME"));
        assert!(said("SELECT ON TABLE DB.S.T; DROP").contains("cannot be understood"));
    }

    #[test]
    fn what_could_widen_the_role_is_refused() {
        for text in [
            "OWNERSHIP ON TABLE DB.S.T",
            "ALL ON SCHEMA DB.S",
            "ALL PRIVILEGES ON DATABASE DB",
            "MANAGE GRANTS ON ACCOUNT X",
            "MODIFY PROGRAMMATIC AUTHENTICATION METHODS ON USER U",
            "USAGE ON ROLE R",
            "SELECT ON ALL TABLES IN SCHEMA DB.S",
            "SELECT ON FUTURE TABLES IN SCHEMA DB.S",
        ] {
            assert!(privilege(text).is_err(), "{text}");
        }
    }
}
