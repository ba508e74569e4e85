//! The way to one account: whether its host has an address, whether whoever answers is that host, and how far the
//! clocks are apart.

use crate::{Finding, Id, Needs};

/// How an account is reached.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Way<'a> {
    /// The subject of the findings: `account NAME`.
    pub subject: &'a str,
    /// Its host.
    pub host: &'a str,
    /// Its port.
    pub port: u16,
    /// Whether by TLS; if not, on this machine only.
    pub tls: bool,
    /// `host:port` of the proxy that is configured, which then asks for addresses.
    pub proxy: Option<&'a str>,
}

/// What came of asking for the address of a host.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Resolved {
    /// So many addresses, one of them this.
    To(String, usize),
    /// None, and why.
    Not(String),
}

/// What came of a HEAD request.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Reach {
    /// It answered; by how many seconds its clock is ahead of ours, if it said.
    Answered(Option<i64>),
    /// Its certificate was not believed.
    Distrusted(Distrust, String),
    /// No answer.
    Silent(String),
    /// We cannot even ask: the CA file, the roots.
    Unprepared(String),
}

/// Why a certificate is not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Distrust {
    /// Nobody we trust issued it.
    Issuer,
    /// It is for another name.
    Name,
    /// It is over, or not yet good, by our clock.
    Time,
    /// Something else.
    Other,
}

/// Judges whether the host (with a proxy: the proxy) has an address.
pub fn dns(way: &Way<'_>, asked: &str, resolved: &Resolved) -> Finding {
    match resolved {
        Resolved::To(address, count) => {
            let more = match count {
                0 | 1 => String::new(),
                count => format!(" and {} more", count.saturating_sub(1)),
            };
            let by = if way.proxy.is_some() {
                " (the proxy; it asks for the account's host)"
            } else {
                ""
            };
            Finding::ok(Id::Dns, way.subject, format!("{asked} is {address}{more}{by}"))
        }
        Resolved::Not(why) => Finding::failed(
            Id::Dns,
            way.subject,
            format!("{asked} has no address here: {why}"),
            "see: resolvectl query, and the spelling of the account; with PrivateLink set host in [account], and ask the resolver of that network (VPN)",
        ),
    }
}

/// Judges whether the host is reached and believed.
pub fn tls(way: &Way<'_>, reach: &Reach) -> Finding {
    let Way { subject, host, port, .. } = way;
    let failed = |what: String, next: &str| Finding::failed(Id::Tls, subject, what, next);
    match reach {
        Reach::Answered(_) if !way.tls => Finding::ok(
            Id::Tls,
            subject,
            format!("{host}:{port} answers, in plain http on this machine"),
        ),
        Reach::Answered(_) => Finding::ok(
            Id::Tls,
            subject,
            format!("{host}:{port} answers, and its certificate is good"),
        ),
        Reach::Distrusted(why, text) => {
            failed(format!("{host}:{port} is not believed: {text}"), mend(*why))
        }
        Reach::Silent(text) => failed(
            format!("no answer from {host}:{port}: {text}"),
            "look at the network, VPN and firewall; a host that reaches the internet by a proxy only needs proxy in [account]",
        ),
        Reach::Unprepared(text) => {
            failed(text.clone(), "correct ca_file in [account], or install ca-certificates")
        }
    }
}

fn mend(why: Distrust) -> &'static str {
    match why {
        Distrust::Issuer => {
            "if a proxy of the site opens TLS, or the host has a private CA, name that CA: ca_file in [account]; if not, somebody is in between"
        }
        Distrust::Name => {
            "set host in [account] to the name in the certificate; underscores of an account are hyphens in its host"
        }
        Distrust::Time => "set the clock of this host right; if it is, the certificate has ended",
        Distrust::Other => "see: openssl s_client -connect HOST:443 -servername HOST",
    }
}

/// Judges how far our clock is from the server's.
pub fn clock(way: &Way<'_>, reach: &Reach) -> Finding {
    let unseen = |needs: &str| Finding::unseen(Id::Clock, way.subject, &Needs::new(needs));
    let ahead = match reach {
        Reach::Answered(Some(ahead)) => *ahead,
        Reach::Answered(None) => return unseen("an answer with a date"),
        Reach::Distrusted(..) | Reach::Silent(_) | Reach::Unprepared(_) => {
            return unseen("an answer of the account's host");
        }
    };
    let seconds = ahead.unsigned_abs();
    let side = if ahead > 0 { "behind" } else { "ahead of" };
    let what = format!("the clock of this host is {seconds} s {side} Snowflake's");
    let set = "timedatectl set-ntp true (or the site's own time service)";
    match seconds {
        0..=TOLERANCE => {
            Finding::ok(Id::Clock, way.subject, format!("within {seconds} s of Snowflake's"))
        }
        // Logins are signed for Snowflake's time then.
        _ if seconds <= FAR => Finding::warning(
            Id::Clock,
            way.subject,
            format!("{what}: logins are made by Snowflake's clock, but windows and logs are not"),
            set,
        ),
        _ => Finding::failed(
            Id::Clock,
            way.subject,
            format!(
                "{what}: after a start, and while Snowflake does not answer, expiry cannot be told"
            ),
            set,
        ),
    }
}

/// More than this, and a login may be refused (snowflake docs: key-pair-auth-troubleshooting, 394302: 60 s).
const TOLERANCE: u64 = 30;
const FAR: u64 = 3_600;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Outcome;

    fn way<'a>() -> Way<'a> {
        Way {
            subject: "account A",
            host: "a.snowflakecomputing.com",
            port: 443,
            tls: true,
            proxy: None,
        }
    }

    #[test]
    fn a_clock_is_judged_by_how_far_it_is_off_in_either_direction() {
        for (ahead, outcome, side) in [
            (0, Outcome::Ok, "within"),
            (-30, Outcome::Ok, "within"),
            (31, Outcome::Warning, "31 s behind"),
            (-3_600, Outcome::Warning, "3600 s ahead of"),
            (3_601, Outcome::Failed, "behind"),
            (i64::MIN, Outcome::Failed, "ahead of"),
        ] {
            let found = clock(&way(), &Reach::Answered(Some(ahead)));
            assert_eq!(found.outcome, outcome, "{ahead}");
            assert!(found.evidence.contains(side), "{}", found.evidence);
        }
    }

    #[test]
    fn without_an_answer_the_clock_is_not_judged() {
        for reach in [
            Reach::Answered(None),
            Reach::Silent("x".into()),
            Reach::Distrusted(Distrust::Other, "x".into()),
            Reach::Unprepared("x".into()),
        ] {
            assert!(
                matches!(clock(&way(), &reach).outcome, Outcome::NotChecked { .. }),
                "{reach:?}"
            );
        }
    }

    #[test]
    fn each_cause_of_distrust_has_its_own_way_out() {
        let next = |why| tls(&way(), &Reach::Distrusted(why, "x".into())).next_step;
        let said = [Distrust::Issuer, Distrust::Name, Distrust::Time, Distrust::Other].map(next);
        for (text, word) in said.iter().zip(["ca_file", "underscores", "clock", "openssl"]) {
            assert!(text.contains(word), "{text}");
        }
        assert_eq!(tls(&way(), &Reach::Silent("x".into())).outcome, Outcome::Failed);
        assert_eq!(tls(&way(), &Reach::Unprepared("x".into())).outcome, Outcome::Failed);
        assert_eq!(tls(&way(), &Reach::Answered(None)).outcome, Outcome::Ok);
    }

    #[test]
    fn a_host_without_an_address_fails() {
        let found = dns(&way(), "a", &Resolved::Not("no such name".into()));
        assert_eq!(found.outcome, Outcome::Failed);
        let found = dns(&way(), "a", &Resolved::To("192.0.2.1".into(), 3));
        assert_eq!(
            (found.outcome, found.evidence.as_str()),
            (Outcome::Ok, "a is 192.0.2.1 and 2 more")
        );
    }
}
