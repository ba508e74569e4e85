//! Which account a session is in, against the one that is configured. Names are compared as Snowflake does.

use crate::names::Account;

/// What a session says of its account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Site {
    /// `CURRENT_ORGANIZATION_NAME()`.
    pub(super) organization: Option<String>,
    /// `CURRENT_ACCOUNT_NAME()`.
    pub(super) name: Option<String>,
    /// `CURRENT_ACCOUNT()`.
    pub(super) locator: Option<String>,
}

impl Site {
    /// Returns whether it is the configured account. That is `ORGANISATION-ACCOUNT`, or a locator; region, cloud and
    /// `privatelink` behind the first dot say how it is reached (snowflake docs: admin-account-identifier).
    pub(super) fn is(&self, wanted: &Account) -> bool {
        let wanted = folded(wanted.as_str().split('.').next().unwrap_or_default());
        [self.named(), self.locator.clone()].iter().flatten().any(|own| folded(own) == wanted)
    }

    /// Returns `ORGANISATION-ACCOUNT`, if the session says both.
    pub(super) fn named(&self) -> Option<String> {
        let (organization, name) = self.organization.as_ref().zip(self.name.as_ref())?;
        Some(format!("{organization}-{name}"))
    }

    /// Returns what it is called, for a person.
    pub(super) fn said(&self) -> String {
        match (self.named(), &self.locator) {
            (Some(name), Some(locator)) => format!("{name} (locator {locator})"),
            (Some(name), None) => name,
            (None, Some(locator)) => format!("with the locator {locator}"),
            (None, None) => "that says no name".to_owned(),
        }
    }
}

/// Case says nothing in it, and the underscores of a name are hyphens in the host's.
fn folded(name: &str) -> String {
    name.to_ascii_uppercase().replace('_', "-")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn site(organization: &str, name: &str, locator: &str) -> Site {
        let told = |text: &str| Some(text.to_owned()).filter(|text| !text.is_empty());
        Site { organization: told(organization), name: told(name), locator: told(locator) }
    }

    #[test]
    fn an_account_is_known_by_every_spelling_of_its_name_and_by_its_locator() {
        let site = site("MYORG", "MY_ACCOUNT", "AB12345");
        for wanted in [
            "MYORG-MY_ACCOUNT",
            "myorg-my-account",
            "myorg-my_account.privatelink",
            "ab12345",
            "AB12345.eu-central-1",
            "ab12345.us-east-2.aws.privatelink",
        ] {
            assert!(site.is(&Account::new(wanted)), "{wanted}");
        }
    }

    #[test]
    fn another_account_is_not_taken_for_it() {
        let site = site("MYORG", "DEV", "AB12345");
        for wanted in
            ["MYORG-PROD", "OTHER-DEV", "MYORG-DEV2", "MYORG", "DEV", "AB1234", "MYORG-AB12345"]
        {
            assert!(!site.is(&Account::new(wanted)), "{wanted}");
        }
    }

    #[test]
    fn a_session_that_says_nothing_is_of_no_account() {
        for site in [site("", "", ""), site("MYORG", "", ""), site("", "PROD", "")] {
            for wanted in ["MYORG-PROD", "MYORG", "PROD", "-PROD", "MYORG-"] {
                assert!(!site.is(&Account::new(wanted)), "{wanted}");
            }
        }
        assert_eq!(site("", "", "AB1").said(), "with the locator AB1");
    }
}
