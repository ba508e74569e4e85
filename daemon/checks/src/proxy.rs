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
    let is_exempt = environment.no_proxy.is_some_and(|list| exempts(list, host));
    let clients = named.as_deref().filter(|_| !is_exempt);
    let differ = |what: String, next: String| Finding::warning(Id::Proxy, subject, what, next);
    match (clients, configured) {
        (None, None) => {
            Finding::ok(Id::Proxy, subject, "clients go straight to the host, as the daemon does")
        }
        (Some(clients), Some(configured)) if clients == configured => Finding::ok(
            Id::Proxy,
            subject,
            format!("clients go through {clients}, as the daemon does"),
        ),
        (Some(clients), None) => differ(
            format!(
                "clients started here go to {host} through {clients}, and the daemon goes straight: Snowflake may see two addresses, and a token is proven on a way that clients do not take"
            ),
            format!("proxy in [account], or NO_PROXY={host}"),
        ),
        (Some(clients), Some(configured)) => differ(
            format!(
                "clients started here go through {clients}, and the daemon through {configured}"
            ),
            "the same proxy for both: proxy in [account], HTTPS_PROXY".to_owned(),
        ),
        (None, Some(configured)) => differ(
            match is_exempt {
                true => format!(
                    "NO_PROXY exempts {host}: clients go straight, and the daemon goes through {configured}"
                ),
                false => format!(
                    "clients started here go straight (no HTTPS_PROXY), and the daemon goes through {configured}"
                ),
            },
            format!("HTTPS_PROXY=http://{configured} for clients, and no NO_PROXY for {host}"),
        ),
    }
}

/// Host and port: what is before an `@` may be a password.
fn shown(proxy: &str) -> String {
    let rest = proxy.split_once("://").map_or(proxy, |(_, rest)| rest);
    let rest = rest.split(['/', '?', '#']).next().unwrap_or_default();
    rest.rsplit_once('@').map_or(rest, |(_, address)| address).to_ascii_lowercase()
}

/// As Python's requests, curl and Node's agents agree: names and what is below them, or `*`.
fn exempts(list: &str, host: &str) -> bool {
    let host = host.to_ascii_lowercase();
    list.split([',', ' ']).map(str::trim).filter(|name| !name.is_empty()).any(|name| {
        let name = name.to_ascii_lowercase();
        let name = name.split(':').next().unwrap_or_default();
        let name = name.trim_start_matches('*').trim_start_matches('.');
        let is_below =
            host.strip_suffix(name).is_some_and(|above| above.is_empty() || above.ends_with('.'));
        is_below || name.is_empty()
    })
}

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
        assert_eq!(outcome(Some(proxy), Some("localhost, *"), ours), Outcome::Warning);
    }

    #[test]
    fn a_list_of_exemptions_is_read_as_clients_do() {
        for (list, exempt) in [
            ("*", true),
            ("snowflakecomputing.com", true),
            (".snowflakecomputing.com:443", true),
            ("*.snowflakecomputing.com", true),
            ("localhost 127.0.0.1,MYORG-MYACCOUNT.snowflakecomputing.com", true),
            ("computing.com", false),
            ("other.snowflakecomputing.com", false),
            ("", false),
            (",", false),
        ] {
            assert_eq!(exempts(list, HOST), exempt, "{list}");
        }
    }

    #[test]
    fn a_proxys_password_is_never_shown() {
        assert_eq!(shown("http://me:hush@Proxy:3128/x@y"), "proxy:3128");
        assert_eq!(shown("proxy:3128"), "proxy:3128");
        let environment = Environment { proxy: Some("http://me:hush@p:1"), no_proxy: None };
        let found = ways("a", HOST, environment, None);
        assert!(!format!("{found:?}").contains("hush"));
    }
}
