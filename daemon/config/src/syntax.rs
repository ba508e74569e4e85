//! The spelling of single values: names at Snowflake, hosts, ranges, variables. Functions of their text.

use std::net::IpAddr;
use std::ops::RangeInclusive;

use patd_core::names::Account;

use crate::fault::Wrong;

/// Returns a user's or role's name exactly as SHOW spells it: unquoted names are upper case at Snowflake,
/// others are written in quotes of their own, as in SQL.
pub(crate) fn object_name(what: &str, text: &str) -> Result<String, Wrong> {
    if let Some(inner) = quoted(text) {
        return checked_quoted(what, &inner).map(|()| inner);
    }
    if is_unquoted(text) && !text.bytes().any(|byte| byte.is_ascii_lowercase()) {
        return Ok(text.to_owned());
    }
    if is_unquoted(text) {
        let next_step = format!(
            "write {}, or '\"{text}\"' if it was created in quotes",
            text.to_ascii_uppercase()
        );
        return Err(Wrong::new(
            format!("{what} {text:?} is not spelt as Snowflake shows it"),
            next_step,
        ));
    }
    let next_step =
        "write it as SHOW shows it; in quotes of its own ('\"my name\"') if it needs them in SQL";
    Err(Wrong::new(format!("{what} {text:?} is not a name at Snowflake"), next_step))
}

/// Returns a warehouse, database or schema as the client is to ask for it.
pub(crate) fn session_default(what: &str, text: &str) -> Result<String, Wrong> {
    match quoted(text) {
        Some(inner) => checked_quoted(what, &inner)?,
        None if is_unquoted(text) => {}
        None => {
            let next_step =
                "write it as in SQL, without the database; in quotes of its own if it needs them";
            return Err(Wrong::new(
                format!("{what} {text:?} is not a name at Snowflake"),
                next_step,
            ));
        }
    }
    Ok(text.to_owned())
}

/// Returns a checked session default as SHOW spells it.
pub(crate) fn as_shown(text: &str) -> String {
    quoted(text).unwrap_or_else(|| text.to_ascii_uppercase())
}

/// Returns what `-c` may name.
pub(crate) fn connection(text: &str) -> Result<String, Wrong> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'-';
    if (1..=64).contains(&text.len()) && text.bytes().all(allowed) && !text.starts_with('-') {
        return Ok(text.to_owned());
    }
    let next_step =
        "use letters, digits, \"_\" and \"-\", at the most 64, not beginning with \"-\"";
    Err(Wrong::new(format!("connection {text:?} cannot be a connection's name"), next_step))
}

/// Returns an account identifier.
pub(crate) fn account(text: &str) -> Result<String, Wrong> {
    let next_step = "write it as Snowflake shows it: ORGANISATION-ACCOUNT, e.g. MYORG-MYACCOUNT";
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte);
    let begins = text.starts_with(|first: char| first.is_ascii_alphanumeric());
    if text.to_ascii_lowercase().contains("snowflakecomputing.") {
        return Err(Wrong::new(format!("account name {text:?} is a host name"), next_step));
    }
    if begins && text.len() <= 255 && text.bytes().all(allowed) && !text.ends_with(['-', '_', '.'])
    {
        return Ok(text.to_owned());
    }
    Err(Wrong::new(format!("account name {text:?} is not an account identifier"), next_step))
}

/// Returns the host of an account that names none. Underscores are accepted as hyphens there, and
/// certificates know only hyphens (snowflake docs: admin-account-identifier). A locator says its region; those in
/// China end in `.cn`, and the clients derive the same.
pub(crate) fn host_of(account: &Account) -> String {
    let label = account.as_str().to_ascii_lowercase().replace('_', "-");
    let region = label.split('.').nth(1).unwrap_or_default();
    let top = if region.starts_with("cn-") { "cn" } else { "com" };
    format!("{label}.snowflakecomputing.{top}")
}

/// Returns a host name or address, lower case.
pub(crate) fn host(text: &str) -> Result<String, Wrong> {
    let is_label = |label: &str| {
        let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_';
        (1..=63).contains(&label.len()) && label.bytes().all(allowed)
    };
    let is_name = text.len() <= 253 && text.split('.').all(is_label);
    if is_name || text.parse::<IpAddr>().is_ok() {
        return Ok(text.to_ascii_lowercase());
    }
    let next_step = "write the name alone; scheme and port have keys of their own: protocol, port";
    Err(Wrong::new(format!("host {text:?} is not a host name"), next_step))
}

/// Whether a host is this machine for certain, so that nothing leaves it unencrypted.
pub(crate) fn is_loopback(host: &str) -> bool {
    match host.parse::<IpAddr>() {
        Ok(address) => address.is_loopback(),
        Err(_) => host == "localhost" || host.ends_with(".localhost"),
    }
}

/// Returns host and port of a proxy, whose text may hold a password: it is in no message.
pub(crate) fn proxy(text: &str) -> Result<String, Wrong> {
    let next_step = "write http://[USER:PASSWORD@]HOST:PORT";
    let wrong = || Wrong::new("proxy is not one this version can use", next_step);
    let rest = text.strip_prefix("http://").ok_or_else(wrong)?;
    let rest = rest.strip_suffix('/').unwrap_or(rest);
    let address = rest.rsplit_once('@').map_or(rest, |(_, address)| address);
    let (name, port) = address.rsplit_once(':').ok_or_else(wrong)?;
    let name = name.strip_prefix('[').and_then(|name| name.strip_suffix(']')).unwrap_or(name);
    let is_port = port.parse::<u16>().is_ok_and(|port| port != 0);
    let is_plain = text.bytes().all(|byte| byte.is_ascii_graphic());
    if is_port && is_plain && host(name).is_ok() { Ok(address.to_owned()) } else { Err(wrong()) }
}

/// Returns a unit's name as it stands in a process's cgroup.
pub(crate) fn unit(text: &str) -> Result<String, Wrong> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b":-_.\\@".contains(&byte);
    let stem = text.strip_suffix(".service").or_else(|| text.strip_suffix(".scope"));
    let is_unit = stem.is_some_and(|stem| !stem.is_empty() && !stem.ends_with('@'));
    if is_unit && text.len() <= 255 && text.bytes().all(allowed) {
        return Ok(text.to_owned());
    }
    let next_step = "name it in full, e.g. nightly.service or job@1.service";
    Err(Wrong::new(format!("unit {text:?} is not a service or scope"), next_step))
}

/// Returns the name of an environment variable.
pub(crate) fn variable(text: &str) -> Result<String, Wrong> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_';
    let begins = text.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_');
    // The loader reads these before the child's own code runs.
    if begins && text.bytes().all(allowed) && text.len() <= 64 && !text.starts_with("LD_") {
        return Ok(text.to_owned());
    }
    let what = format!("{text:?} cannot be the name of a variable");
    let next_step =
        "use letters, digits and \"_\", at the most 64, not beginning with a digit or LD_";
    Err(Wrong::new(what, next_step))
}

/// Returns a number of a range.
pub(crate) fn in_range(what: &str, value: i64, range: RangeInclusive<u32>) -> Result<u32, Wrong> {
    let number = u32::try_from(value).ok().filter(|number| range.contains(number));
    number.ok_or_else(|| {
        let next_step = format!("write a number from {} to {}", range.start(), range.end());
        Wrong::new(format!("{what} = {value} is out of range"), next_step)
    })
}

fn is_unquoted(text: &str) -> bool {
    let begins = text.starts_with(|first: char| first.is_ascii_alphabetic() || first == '_');
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'_' || byte == b'$';
    begins && text.len() <= MAX_NAME && text.bytes().all(allowed)
}

/// Returns what is between quotes, doubled quotes made single.
fn quoted(text: &str) -> Option<String> {
    let inner = text.strip_prefix('"')?.strip_suffix('"')?;
    let bare = inner.replace("\"\"", "");
    (!bare.contains('"')).then(|| inner.replace("\"\"", "\""))
}

fn checked_quoted(what: &str, inner: &str) -> Result<(), Wrong> {
    let is_name = (1..=MAX_NAME).contains(&inner.chars().count());
    if is_name && !inner.chars().any(char::is_control) {
        return Ok(());
    }
    let next_step = "between its quotes write 1 to 255 characters, no control characters";
    Err(Wrong::new(format!("{what} {inner:?} is not a name at Snowflake"), next_step))
}

/// Characters of an identifier (snowflake docs: identifiers-syntax).
const MAX_NAME: usize = 255;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_is_taken_only_as_show_spells_it() {
        assert_eq!(object_name("user", "MIGUEL_CLI").unwrap(), "MIGUEL_CLI");
        assert_eq!(object_name("user", "\"miguel cli\"").unwrap(), "miguel cli");
        assert_eq!(object_name("user", "\"say \"\"hi\"\"\"").unwrap(), "say \"hi\"");
        for text in
            ["", "miguel_cli", "1A", "A B", "A\"B", "\"", "\"\"", "\"a\"b\"", "A;DROP", "\"a\nb\""]
        {
            assert!(object_name("user", text).is_err(), "{text}");
        }
        assert!(object_name("user", &"A".repeat(255)).is_ok());
        assert!(object_name("user", &"A".repeat(256)).is_err());
    }

    #[test]
    fn only_this_machine_counts_as_loopback() {
        for host in ["127.0.0.1", "127.8.0.1", "::1", "localhost", "sim.localhost"] {
            assert!(is_loopback(host), "{host}");
        }
        for host in ["10.0.0.1", "0.0.0.0", "localhost.example.com", "127.0.0.1.example.com", "::2"]
        {
            assert!(!is_loopback(host), "{host}");
        }
    }

    #[test]
    fn the_host_of_an_account_has_hyphens_and_lower_case() {
        let host = host_of(&Account::new("MyOrg-My_Account"));

        assert_eq!(host, "myorg-my-account.snowflakecomputing.com");
    }

    #[test]
    fn a_locator_in_china_has_its_host_there() {
        for (name, host) in [
            ("XY12345.CN-northwest-1.aws", "xy12345.cn-northwest-1.aws.snowflakecomputing.cn"),
            ("xy12345.us-east-2.aws", "xy12345.us-east-2.aws.snowflakecomputing.com"),
            ("CN-ACCOUNT", "cn-account.snowflakecomputing.com"),
        ] {
            assert_eq!(host_of(&Account::new(name)), host);
        }
    }

    #[test]
    fn a_proxy_needs_scheme_host_and_port() {
        for text in ["http://proxy:3128", "http://u:p@proxy.corp:3128/", "http://[::1]:8080"] {
            assert!(proxy(text).is_ok(), "{text}");
        }
        for text in [
            "proxy:3128",
            "https://proxy:3128",
            "http://proxy",
            "http://:1",
            "http://p:0",
            "http://p:x",
            "socks5://p:1",
        ] {
            assert!(proxy(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_connection_is_a_plain_word() {
        for text in ["miguel_cli", "A-1", "-", "x/y", "", "a b", "../x", "é"] {
            let plain = ["miguel_cli", "A-1"].contains(&text);
            assert_eq!(connection(text).is_ok(), plain, "{text}");
        }
    }
}
