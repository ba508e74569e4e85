//! Whether the clients that are started from here go to an account the way the daemon does. The daemon uses the
//! proxy of its configuration alone; clients read HTTPS_PROXY and NO_PROXY.

use crate::{Finding, Id};

/// The variables of the environment; of two spellings the lower one counts.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Environment<'a> {
    /// https_proxy, HTTPS_PROXY, all_proxy or ALL_PROXY.
    pub proxy: Option<&'a str>,
    /// no_proxy or NO_PROXY.
    pub no_proxy: Option<&'a str>,
}

/// Judges both ways to `host`; `configured` is the daemon's proxy as `host:port`.
pub fn ways(
    subject: &str,
    host: &str,
    environment: Environment<'_>,
    configured: Option<&str>,
) -> Finding {
    let named = environment.proxy.filter(|proxy| !proxy.is_empty()).map(shown);
    let exempt = environment.no_proxy.map_or(Exempt::No, |list| exempts(list, host));
    match (named, exempt) {
        (Some(clients), Exempt::No) => through(subject, host, &clients, configured),
        (Some(clients), Exempt::BySome(name)) => apart(subject, host, &clients, &name, configured),
        (named, _) => straight(subject, host, named.is_some(), configured),
    }
}

fn through(subject: &str, host: &str, clients: &str, configured: Option<&str>) -> Finding {
    match configured {
        Some(configured) if clients == configured => Finding::ok(
            Id::Proxy,
            subject,
            format!("clients go through {clients}, as the daemon does"),
        ),
        Some(configured) => Finding::warning(
            Id::Proxy,
            subject,
            format!(
                "clients started here go through {clients}, and the daemon through {configured}"
            ),
            "the same proxy for both: proxy in [account], HTTPS_PROXY",
        ),
        None => Finding::warning(
            Id::Proxy,
            subject,
            format!(
                "clients started here go to {host} through {clients}, and the daemon goes straight: Snowflake may see two addresses, and a token is proven on a way that clients do not take"
            ),
            format!("proxy in [account], or NO_PROXY={host}"),
        ),
    }
}

fn straight(subject: &str, host: &str, is_exempt: bool, configured: Option<&str>) -> Finding {
    let Some(configured) = configured else {
        let seen = "clients go straight to the host, as the daemon does";
        return Finding::ok(Id::Proxy, subject, seen);
    };
    let what = match is_exempt {
        true => format!(
            "NO_PROXY exempts {host}: clients go straight, and the daemon goes through {configured}"
        ),
        false => format!(
            "clients started here go straight (no HTTPS_PROXY), and the daemon goes through {configured}"
        ),
    };
    let next = format!("HTTPS_PROXY=http://{configured} for clients, and no NO_PROXY for {host}");
    Finding::warning(Id::Proxy, subject, what, next)
}

/// Whichever way the daemon goes, some clients go another.
fn apart(
    subject: &str,
    host: &str,
    clients: &str,
    name: &str,
    configured: Option<&str>,
) -> Finding {
    let what = format!(
        "clients disagree about \"{name}\" in NO_PROXY: some go straight to {host}, others through {clients}"
    );
    let known = if host.ends_with(SNOWFLAKES) { SNOWFLAKES } else { host };
    let next = match configured {
        None => format!(
            "write {known} there, with commas between names and in small letters: all of them take that"
        ),
        Some(configured) => {
            format!("take it out of NO_PROXY: the daemon goes through {configured}")
        }
    };
    Finding::warning(Id::Proxy, subject, what, next)
}

/// Host and port, and nothing where that is not what it is: what is before the last `@` may be a password, whatever is
/// in it.
fn shown(proxy: &str) -> String {
    let rest = proxy.rsplit_once('@').map_or(proxy, |(_, rest)| rest);
    let rest = rest.split_once("://").map_or(rest, |(_, rest)| rest);
    let rest = rest.split(['/', '?', '#']).next().unwrap_or_default().to_ascii_lowercase();
    let is_address = rest.rsplit_once(':').is_some_and(|(host, port)| {
        let is_part = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '.' | '_');
        let bare = host.strip_prefix('[').and_then(|host| host.strip_suffix(']'));
        let is_host = match bare {
            Some(bare) => bare.parse::<std::net::Ipv6Addr>().is_ok(),
            None => !host.is_empty() && host.chars().all(is_part),
        };
        is_host && port.parse::<u16>().is_ok()
    });
    if is_address { rest } else { "a proxy".to_owned() }
}

/// Whether clients go past their proxy.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Exempt {
    /// None of them.
    No,
    /// All of them.
    ByAll,
    /// Those that read this name of the list in their own way.
    BySome(String),
}

/// All clients exempt a host by its name, by `.` and the end of its name, and everything by a `*` alone. They differ
/// about the rest: Python's requests takes no `*.` and no port, curl takes no `*.` and takes blanks between names, the
/// Node driver takes `*` anywhere and no end of a name without its point.
fn exempts(list: &str, host: &str) -> Exempt {
    let host = host.to_ascii_lowercase();
    let is_by_all = |name: &str| match name.starts_with('.') {
        true => name.len() > 1 && host.ends_with(name),
        false => host == name,
    };
    if list.trim() == "*" || list.split(',').map(str::trim).any(is_by_all) {
        return Exempt::ByAll;
    }
    let is_by_some = |name: &&str| {
        let name = name.to_ascii_lowercase();
        let name = name.split(':').next().unwrap_or_default();
        let end = name.rsplit('*').next().unwrap_or_default().trim_start_matches('.');
        host.ends_with(end)
    };
    let mut names = list.split([',', ' ', '\t']).filter(|name| !name.is_empty());
    names.find(is_by_some).map_or(Exempt::No, |name| Exempt::BySome(name.to_owned()))
}

const SNOWFLAKES: &str = ".snowflakecomputing.com";

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Outcome;

    const HOST: &str = "myorg-myaccount.snowflakecomputing.com";

    fn outcome(proxy: Option<&str>, no_proxy: Option<&str>, configured: Option<&str>) -> Outcome {
        ways("account A", HOST, Environment { proxy, no_proxy }, configured).outcome
    }

    #[test]
    fn the_same_way_for_both_is_as_it_should_be() {
        let proxy = "http://proxy.example.com:3128";
        assert_eq!(outcome(None, None, None), Outcome::Ok);
        assert_eq!(outcome(Some(""), None, None), Outcome::Ok);
        assert_eq!(outcome(Some(proxy), None, Some("proxy.example.com:3128")), Outcome::Ok);
        assert_eq!(outcome(Some(proxy), Some(".snowflakecomputing.com"), None), Outcome::Ok);
    }

    #[test]
    fn two_ways_are_said() {
        let proxy = "http://proxy.example.com:3128";
        let ours = Some("proxy.example.com:3128");
        assert_eq!(outcome(Some(proxy), None, None), Outcome::Warning);
        assert_eq!(outcome(Some(proxy), None, Some("other:1")), Outcome::Warning);
        assert_eq!(outcome(None, None, ours), Outcome::Warning);
        assert_eq!(outcome(Some(proxy), Some("*"), ours), Outcome::Warning);
    }

    #[test]
    fn only_what_every_client_exempts_counts_as_exempt() {
        for list in [
            "*",
            ".snowflakecomputing.com",
            "localhost, .snowflakecomputing.com",
            "localhost,127.0.0.1,myorg-myaccount.snowflakecomputing.com",
        ] {
            assert_eq!(exempts(list, HOST), Exempt::ByAll, "{list}");
            assert_eq!(exempts(list, "MyOrg-MyAccount.snowflakecomputing.com"), Exempt::ByAll);
        }
        for list in ["other.snowflakecomputing.com", "localhost,127.0.0.1,.example.com", "", ","] {
            assert_eq!(exempts(list, HOST), Exempt::No, "{list}");
        }
    }

    #[test]
    fn what_clients_read_in_different_ways_is_said_with_what_all_of_them_take() {
        for (list, name) in [
            ("*.snowflakecomputing.com", "*.snowflakecomputing.com"),
            ("localhost,.snowflakecomputing.com:443", ".snowflakecomputing.com:443"),
            ("localhost .snowflakecomputing.com", ".snowflakecomputing.com"),
            ("MYORG-MYACCOUNT.snowflakecomputing.com", "MYORG-MYACCOUNT.snowflakecomputing.com"),
            ("localhost, *", "*"),
            ("computing.com", "computing.com"),
            ("snowflakecomputing.com", "snowflakecomputing.com"),
            ("myorg-*.snowflakecomputing.com", "myorg-*.snowflakecomputing.com"),
        ] {
            assert_eq!(exempts(list, HOST), Exempt::BySome(name.into()), "{list}");
            for configured in [None, Some("proxy:3128")] {
                let environment =
                    Environment { proxy: Some("http://proxy:3128"), no_proxy: Some(list) };
                let found = ways("account A", HOST, environment, configured);
                assert_eq!(found.outcome, Outcome::Warning, "{list}");
                assert!(found.evidence.starts_with("clients disagree about"), "{found:?}");
                let mends = found.next_step.starts_with("write .snowflakecomputing.com there");
                assert_eq!(mends, configured.is_none(), "{found:?}");
            }
        }
        assert_eq!(outcome(None, Some("*.snowflakecomputing.com"), None), Outcome::Ok);
    }

    #[test]
    fn a_proxys_password_is_never_shown() {
        for (proxy, address) in [
            ("http://me:hush@Proxy:3128", "proxy:3128"),
            ("http://me:hush@Proxy:3128/x", "proxy:3128"),
            ("http://me:hush#1@proxy:3128", "proxy:3128"),
            ("http://me:hush/1?2@proxy:3128", "proxy:3128"),
            ("http://me:h@ush://1@proxy:3128/", "proxy:3128"),
            ("http://[2001:db8::1]:3128", "[2001:db8::1]:3128"),
            ("proxy:3128", "proxy:3128"),
            ("http://me:hush", "a proxy"),
            ("http://me:hush@proxy/x@hush", "a proxy"),
            ("hush", "a proxy"),
            ("hush hush:1", "a proxy"),
        ] {
            assert_eq!(shown(proxy), address, "{proxy}");
            let environment = Environment { proxy: Some(proxy), no_proxy: None };
            let found = ways("a", HOST, environment, Some("other:1"));
            assert!(!format!("{found:?}").contains("ush"), "{found:?}");
        }
    }
}
