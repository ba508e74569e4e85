//! The child's environment: the caller's, without the variables that would win over what is delivered.

use std::ffi::{OsStr, OsString};

use pat_wire::message::Terms;

use crate::target;

/// Name and value of one variable.
pub(crate) type Variable = (OsString, OsString);

/// Returns the caller's variables without those in conflict, followed by `delivered`. Where only certain programs may
/// run, what would bring other code into them is left out too.
pub(crate) fn for_child(
    callers: impl Iterator<Item = Variable>,
    terms: &Terms,
    delivered: Vec<Variable>,
) -> Vec<Variable> {
    let is_set = |name: &OsStr| delivered.iter().any(|(set, _)| set == name);
    let mut variables: Vec<Variable> =
        callers.filter(|(name, _)| !is_set(name) && !is_in_conflict(name, terms)).collect();
    if !terms.targets.is_empty() {
        variables.retain(|(name, _)| !target::brings_code(name));
    }
    variables.extend(delivered);
    variables
}

/// Returns the variables that make the delivered connection the default of `snow`, Python and Cortex.
pub(crate) fn default_connection(terms: &Terms) -> Vec<Variable> {
    ["SNOWFLAKE_DEFAULT_CONNECTION_NAME", "SNOWFLAKE_CONNECTION"]
        .map(|name| (name.into(), terms.connection.clone().into()))
        .into()
}

fn is_in_conflict(name: &OsStr, terms: &Terms) -> bool {
    let Some(name) = name.to_str() else {
        return false;
    };
    // The clients upper-case the connection's name.
    let of_connection = name.strip_prefix("SNOWFLAKE_CONNECTIONS_").is_some_and(|rest| {
        let parts = rest.split_at_checked(terms.connection.len());
        parts.is_some_and(|(name, key)| {
            name.eq_ignore_ascii_case(&terms.connection) && (key.is_empty() || key.starts_with('_'))
        })
    });
    ALWAYS.contains(&name)
        || name.starts_with("SNOWFLAKE_PRIVATE_KEY_")
        || name.starts_with("SNOWFLAKE_OAUTH_")
        || of_connection
        || (name == "SNOWFLAKE_WAREHOUSE" && terms.warehouse.is_some())
        || (name == "SNOWFLAKE_DATABASE" && terms.database.is_some())
        || (name == "SNOWFLAKE_SCHEMA" && terms.schema.is_some())
}

/// `SNOWFLAKE_CONNECTIONS` replaces every file; the others fill what an entry does not say (another host
/// or way to log in), or carry another credential; Cortex takes SQL to the last one.
const ALWAYS: [&str; 18] = [
    "SNOWFLAKE_CONNECTIONS",
    "SNOWFLAKE_ACCOUNT",
    "SNOWFLAKE_USER",
    "SNOWFLAKE_ROLE",
    "SNOWFLAKE_REGION",
    "SNOWFLAKE_HOST",
    "SNOWFLAKE_PORT",
    "SNOWFLAKE_PROTOCOL",
    "SNOWFLAKE_AUTHENTICATOR",
    "SNOWFLAKE_PASSWORD",
    "SNOWFLAKE_PASSCODE",
    "SNOWFLAKE_TOKEN",
    "SNOWFLAKE_TOKEN_FILE_PATH",
    "SNOWFLAKE_SESSION_TOKEN",
    "SNOWFLAKE_MASTER_TOKEN",
    "SNOWFLAKE_PRIVATE_KEY",
    "SNOWFLAKE_WORKLOAD_IDENTITY_PROVIDER",
    "CORTEX_SQL_CONNECTION",
];

#[cfg(test)]
mod tests {
    use super::*;
    use crate::entry::tests::terms;

    #[test]
    fn what_would_win_over_the_delivery_is_gone_and_the_rest_is_kept() {
        let callers = [
            ("PATH", "/bin"),
            ("SNOWFLAKE_HOME", "/old"),
            ("SNOWFLAKE_CONNECTIONS", "[x]"),
            ("SNOWFLAKE_PASSWORD", "mine"),
            ("SNOWFLAKE_PRIVATE_KEY_FILE", "key"),
            ("SNOWFLAKE_CONNECTIONS_MIGUEL_CLI_TOKEN", "t"),
            ("SNOWFLAKE_CONNECTIONS_miguel_cli_AUTHENTICATOR", "oauth"),
            ("SNOWFLAKE_CONNECTIONS_OTHER_TOKEN", "o"),
            ("SNOWFLAKE_CONNECTIONS_MIGUEL_CLI2_TOKEN", "o"),
            ("SNOWFLAKE_WAREHOUSE", "MINE"),
            ("SNOWFLAKE_DATABASE", "MINE"),
            ("CORTEX_SQL_CONNECTION", "other"),
            ("SNOWFLAKE_CLI_FEATURES_X", "1"),
        ];
        let mut terms = terms();
        terms.warehouse = Some("WH".into());
        terms.database = None;

        let delivered = vec![("SNOWFLAKE_HOME".into(), "/new".into())];
        let child = for_child(callers.map(owned).into_iter(), &terms, delivered);

        let expected = [
            ("PATH", "/bin"),
            ("SNOWFLAKE_CONNECTIONS_OTHER_TOKEN", "o"),
            ("SNOWFLAKE_CONNECTIONS_MIGUEL_CLI2_TOKEN", "o"),
            ("SNOWFLAKE_DATABASE", "MINE"),
            ("SNOWFLAKE_CLI_FEATURES_X", "1"),
            ("SNOWFLAKE_HOME", "/new"),
        ];
        assert_eq!(child, expected.map(owned));
    }

    #[test]
    fn a_program_that_the_entry_names_is_brought_no_other_code() {
        let callers = [("LD_PRELOAD", "/x.so"), ("PATH", "/bin"), ("NODE_OPTIONS", "-r x")];
        let free = terms();
        let bound = Terms { targets: vec!["/opt/cortex".into()], ..terms() };
        let child = |terms: &Terms| for_child(callers.map(owned).into_iter(), terms, Vec::new());

        assert_eq!(child(&bound), [owned(("PATH", "/bin"))]);
        assert_eq!(child(&free), callers.map(owned));
    }

    fn owned((name, value): (&str, &str)) -> Variable {
        (name.into(), value.into())
    }
}
