//! The names that one account has: by organisation, by locator, by host, with and without PrivateLink, in each spelling
//! that clients take.

/// How an account is named; of all spellings one form.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Name {
    /// ORGANISATION-ACCOUNT.
    Organisation(String),
    /// A locator, with its region if it has one, and alone: xy12345.eu-west-1, xy12345.
    Locator(String, String),
    /// A host that is not Snowflake's by its name.
    Host(String),
}

impl Name {
    /// Returns the name that a setting `account` gives.
    pub(crate) fn of(account: &str) -> Self {
        let bare = bare(account);
        Self::within(
            DOMAINS.into_iter().find_map(|domain| bare.strip_suffix(domain)).unwrap_or(&bare),
        )
    }

    /// Returns the name that a host gives.
    pub(crate) fn of_host(host: &str) -> Self {
        let bare = bare(host);
        let within = DOMAINS.into_iter().find_map(|domain| bare.strip_suffix(domain));
        within.map_or_else(|| Self::Host(bare.clone()), Self::within)
    }

    /// Only ORGANISATION-ACCOUNT has a hyphen before its first point.
    fn within(name: &str) -> Self {
        let name = name.strip_suffix(".privatelink").unwrap_or(name);
        let label = name.split('.').next().unwrap_or_default();
        match label.contains('-') {
            true => Self::Organisation(name.to_owned()),
            false => Self::Locator(name.to_owned(), label.to_owned()),
        }
    }

    /// Returns a locator without its region.
    pub(crate) fn label(&self) -> Option<&String> {
        match self {
            Self::Locator(_, label) => Some(label),
            Self::Organisation(_) | Self::Host(_) => None,
        }
    }
}

/// Without scheme, port and path. Underscores and hyphens are the same in an account's host, and so is upper and lower
/// case.
fn bare(text: &str) -> String {
    let text = text.trim();
    let text = text.split_once("://").map_or(text, |(_, rest)| rest);
    let text = text.split(['/', '?', '#']).next().unwrap_or_default();
    let text = match text.rsplit_once(':') {
        Some((host, port)) if !host.contains(':') && port.bytes().all(|b| b.is_ascii_digit()) => {
            host
        }
        Some(_) | None => text,
    };
    text.trim_end_matches('.').to_ascii_lowercase().replace('_', "-")
}

const DOMAINS: [&str; 2] = [".snowflakecomputing.com", ".snowflakecomputing.cn"];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_spellings_of_a_name_are_one() {
        let name = Name::Organisation("myorg-my-account".into());
        for text in [
            "MYORG-MY_ACCOUNT",
            " myorg-my-account.privatelink ",
            "https://myorg-my_account.snowflakecomputing.com:443/console#x",
            "myorg-my-account.privatelink.snowflakecomputing.cn.",
        ] {
            assert_eq!(Name::of(text), name, "{text}");
        }
        let locator = Name::of("XY12345.eu-west-1.privatelink");
        assert_eq!(locator, Name::of_host("xy12345.eu-west-1.snowflakecomputing.com"));
        assert_eq!(locator.label(), Some(&"xy12345".to_owned()));
    }

    #[test]
    fn a_host_that_is_not_snowflakes_by_its_name_is_no_locator() {
        assert_eq!(Name::of_host("127.0.0.1:8080"), Name::Host("127.0.0.1".into()));
        assert_eq!(Name::of_host("::1"), Name::Host("::1".into()));
        assert_eq!(Name::of_host("localhost").label(), None);
    }
}
