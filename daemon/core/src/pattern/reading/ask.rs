//! Every question there is, and its exact text. Reads only; names quoted, texts escaped.

use crate::names::User;
use crate::pattern::ours::FullName;
use crate::sql::{self, Ident, Kind, Literal, SqlError, Statement};

/// A question. Names are as SHOW spells them, without quotes.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Ask {
    /// Who is looking, from where, and in which account.
    Acting,
    /// What a role holds, roles included.
    GrantsToRole(String),
    /// What a database role holds.
    GrantsToDatabaseRole([String; 2]),
    /// Who holds a role.
    GrantsOfRole(String),
    /// A role.
    Role(String),
    /// A user.
    User(String),
    /// All of a user.
    DescribeUser(String),
    /// What a user holds.
    GrantsToUser(String),
    /// Who holds what on a user.
    GrantsOnUser(String),
    /// The network policy of a user.
    NetworkPolicyOf(String),
    /// The network policy of the account.
    NetworkPolicyOfAccount,
    /// The authentication policy in force for a user.
    PolicyOf(String),
    /// The tokens of a user.
    Tokens(String),
    /// The named key pairs of a user.
    KeyPairs(String),
    /// A database.
    Database(String),
    /// A schema.
    Schema([String; 2]),
    /// A network rule.
    NetworkRule(FullName),
    /// The values of a network rule.
    DescribeNetworkRule(FullName),
    /// Every network policy: there is no filter in its grammar.
    NetworkPolicies,
    /// The lists of a network policy.
    DescribeNetworkPolicy(String),
    /// The authentication policies in a schema.
    Policies([String; 2]),
    /// The properties of an authentication policy.
    DescribePolicy(FullName),
    /// The authentication policies attached to the account.
    PoliciesOnAccount,
    /// A page of all users: from the first, or after this one.
    UsersAfter(Option<String>),
    /// The live tokens of all users, as they were up to two hours ago.
    LiveTokens,
}

/// Rows of one page of users. SHOW ends at 10,000 rows without a word (snowflake docs: show-users); a page is
/// shorter, so that it fits one answer.
pub(super) const PAGE: usize = 1_000;

impl Ask {
    /// Returns the statement.
    ///
    /// # Errors
    /// When a name cannot be quoted.
    pub(super) fn statement(&self) -> Result<Statement, SqlError> {
        Ok(Statement { text: self.text()?, kind: Kind::Look, why: self.why().to_owned() })
    }

    fn text(&self) -> Result<String, SqlError> {
        let role = |name: &str| Ident::new("role", name);
        let user = |name: &str| Ident::new("user", name);
        Ok(match self {
            Self::Acting => ACTING.to_owned(),
            Self::Role(name) => format!("SHOW ROLES LIKE {}", like("role", name)?),
            Self::GrantsToRole(name) => format!("SHOW GRANTS TO ROLE {}", role(name)?),
            Self::GrantsToDatabaseRole(name) => {
                format!("SHOW GRANTS TO DATABASE ROLE {}", dotted("database role", name)?)
            }
            Self::GrantsOfRole(name) => format!("SHOW GRANTS OF ROLE {}", role(name)?),
            Self::User(name) => format!("SHOW USERS LIKE {}", like("user", name)?),
            Self::DescribeUser(name) => format!("DESCRIBE USER {}", user(name)?),
            Self::GrantsToUser(name) => format!("SHOW GRANTS TO USER {}", user(name)?),
            Self::GrantsOnUser(name) => format!("SHOW GRANTS ON USER {}", user(name)?),
            Self::NetworkPolicyOf(name) => {
                format!("SHOW PARAMETERS LIKE 'NETWORK_POLICY' FOR USER {}", user(name)?)
            }
            Self::NetworkPolicyOfAccount => {
                "SHOW PARAMETERS LIKE 'NETWORK_POLICY' IN ACCOUNT".to_owned()
            }
            Self::PolicyOf(name) => {
                format!("SHOW AUTHENTICATION POLICIES ON USER {}", user(name)?)
            }
            Self::Tokens(name) => return sql::show_pats(&User::new(name)).map(|show| show.text),
            Self::KeyPairs(name) => format!("SHOW USER KEY PAIRS FOR USER {}", user(name)?),
            Self::Database(name) => format!("SHOW DATABASES LIKE {}", like("database", name)?),
            Self::Schema([database, name]) => {
                let database = Ident::new("database", database)?;
                format!("SHOW SCHEMAS LIKE {} IN DATABASE {database}", like("schema", name)?)
            }
            Self::NetworkRule([database, schema, name]) => {
                let schema = dotted("schema", &[database.clone(), schema.clone()])?;
                format!(
                    "SHOW NETWORK RULES LIKE {} IN SCHEMA {schema}",
                    like("network rule", name)?
                )
            }
            Self::DescribeNetworkRule(name) => {
                format!("DESCRIBE NETWORK RULE {}", dotted("network rule", name)?)
            }
            Self::NetworkPolicies => "SHOW NETWORK POLICIES".to_owned(),
            Self::DescribeNetworkPolicy(name) => {
                format!("DESCRIBE NETWORK POLICY {}", Ident::new("network policy", name)?)
            }
            Self::Policies(schema) => {
                format!("SHOW AUTHENTICATION POLICIES IN SCHEMA {}", dotted("schema", schema)?)
            }
            Self::DescribePolicy(name) => {
                format!("DESCRIBE AUTHENTICATION POLICY {}", dotted("authentication policy", name)?)
            }
            Self::PoliciesOnAccount => "SHOW AUTHENTICATION POLICIES ON ACCOUNT".to_owned(),
            Self::UsersAfter(None) => format!("SHOW USERS LIMIT {PAGE}"),
            Self::UsersAfter(Some(last)) => {
                format!("SHOW USERS LIMIT {PAGE} FROM {}", Literal::new("user", last)?)
            }
            Self::LiveTokens => LIVE_TOKENS.to_owned(),
        })
    }

    fn why(&self) -> &'static str {
        match self {
            Self::Acting => "who is looking",
            Self::Role(_) => "whether the role is there",
            Self::GrantsToRole(_) | Self::GrantsToDatabaseRole(_) => "what the role may",
            Self::GrantsOfRole(_) => "who holds the role",
            Self::User(_) => "whether the user is there",
            Self::DescribeUser(_) => "the user's properties",
            Self::GrantsToUser(_) => "what the user holds",
            Self::GrantsOnUser(_) => "who may do what to the user",
            Self::NetworkPolicyOf(_) => "from where the user may connect",
            Self::NetworkPolicyOfAccount => "from where users without a policy may connect",
            Self::PolicyOf(_) => "the authentication policy in force for the user",
            Self::Tokens(_) => "the user's tokens",
            Self::KeyPairs(_) => "the user's named key pairs",
            Self::Database(_) | Self::Schema(_) => "the place of rules and policies",
            Self::NetworkRule(_) | Self::DescribeNetworkRule(_) => "our network rule",
            Self::NetworkPolicies | Self::DescribeNetworkPolicy(_) => "the network policy",
            Self::Policies(_) | Self::DescribePolicy(_) => "an authentication policy",
            Self::PoliciesOnAccount => "what is attached to the account",
            Self::UsersAfter(_) => "every user of the account",
            Self::LiveTokens => "the live tokens of all users",
        }
    }
}

/// Returns a pattern that matches the name and perhaps others: `%` and `_` stay wildcards, and a backslash, which
/// may begin an escape, becomes one. Whoever reads the rows compares the names.
fn like(what: &'static str, name: &str) -> Result<Literal, SqlError> {
    Ident::new(what, name)?;
    Literal::new(what, &name.replace('\\', "_"))
}

fn dotted<const N: usize>(what: &'static str, parts: &[String; N]) -> Result<String, SqlError> {
    let quoted = parts.iter().map(|part| Ident::new(what, part).map(|ident| ident.to_string()));
    Ok(quoted.collect::<Result<Vec<_>, _>>()?.join("."))
}

const ACTING: &str = "SELECT CURRENT_USER() AS \"user\", CURRENT_ROLE() AS \"role\", \
                      CURRENT_IP_ADDRESS() AS \"address\", \
                      CURRENT_ORGANIZATION_NAME() AS \"organization\", \
                      CURRENT_ACCOUNT_NAME() AS \"account\", CURRENT_ACCOUNT() AS \"locator\"";

/// snowflake docs: account-usage/credentials.
const LIVE_TOKENS: &str = "SELECT USER_NAME, NAME FROM SNOWFLAKE.ACCOUNT_USAGE.CREDENTIALS \
                           WHERE TYPE = 'PAT' AND STATUS = 'ACTIVE' ORDER BY USER_NAME, NAME";

#[cfg(test)]
mod tests {
    use super::*;

    fn text(ask: &Ask) -> String {
        ask.statement().unwrap().text
    }

    #[test]
    fn a_name_stays_inside_its_quotes_in_every_question() {
        let evil = || "A\"; DROP USER B --".to_owned();
        let named: [Ask; 10] = [
            Ask::GrantsToRole(evil()),
            Ask::GrantsOfRole(evil()),
            Ask::DescribeUser(evil()),
            Ask::GrantsToUser(evil()),
            Ask::GrantsOnUser(evil()),
            Ask::NetworkPolicyOf(evil()),
            Ask::PolicyOf(evil()),
            Ask::Tokens(evil()),
            Ask::KeyPairs(evil()),
            Ask::DescribeNetworkPolicy(evil()),
        ];
        for ask in &named {
            assert!(text(ask).ends_with(" \"A\"\"; DROP USER B --\""), "{}", text(ask));
        }
        let three = [evil(), evil(), evil()];
        let one = "\"A\"\"; DROP USER B --\"";
        assert_eq!(
            text(&Ask::DescribePolicy(three)),
            format!("DESCRIBE AUTHENTICATION POLICY {one}.{one}.{one}")
        );
    }

    #[test]
    fn a_pattern_matches_at_least_the_name() {
        assert_eq!(text(&Ask::Role("it's_100%\\".into())), "SHOW ROLES LIKE 'it''s_100%_'");
        let schema = ["A\"B".to_owned(), "S_1".to_owned()];
        assert_eq!(text(&Ask::Schema(schema)), "SHOW SCHEMAS LIKE 'S_1' IN DATABASE \"A\"\"B\"");
    }

    #[test]
    fn what_cannot_be_quoted_is_no_question() {
        for name in ["", "A\nB", "A\0"] {
            assert!(Ask::User(name.to_owned()).statement().is_err());
            assert!(Ask::DescribeUser(name.to_owned()).statement().is_err());
        }
        assert!(Ask::UsersAfter(Some("A\nB".to_owned())).statement().is_err());
    }
}
