//! Grants: what roles hold, who holds roles, and who may make tokens. Only ever given, never taken away.

use super::draft::{Change, Draft};
use super::look::{Look, fact, look};
use super::privilege::Need;
use super::quote;
use crate::pattern::desired::{Privilege, ServiceUser};
use crate::pattern::observed::{Grant, UserFacts};
use crate::sql::SqlError;

/// What one grant is about.
struct Wanted {
    statement: String,
    object: String,
    why: &'static str,
    need: Need,
}

impl From<Wanted> for Change {
    fn from(wanted: Wanted) -> Self {
        let Wanted { statement, object, why, need } = wanted;
        Self { statement, object, why: why.to_owned(), need }
    }
}

impl Draft<'_> {
    /// Gives a role of ours what is declared for it.
    pub(super) fn declared(&mut self, user: &ServiceUser) -> Result<(), SqlError> {
        for (grant, wanted) in declared(user)? {
            let seen = self.role_holds(user.role.as_str(), &grant);
            self.grant(seen, wanted);
        }
        if user.to_sysadmin {
            let seen = self.role_is_held_by(user.role.as_str(), "SYSADMIN");
            let wanted = to_sysadmin(user.role.as_str())?;
            self.grant(seen, wanted);
        }
        Ok(())
    }

    /// Tells what a role of the site's lacks of what is declared.
    pub(super) fn missing_of_existing(&mut self, user: &ServiceUser) -> Result<(), SqlError> {
        for (grant, wanted) in declared(user)? {
            if self.role_holds(user.role.as_str(), &grant) == Ok(false) && !self.reruns() {
                let text = format!(
                    "the role is the site's own and lacks this; its owner can run: {}",
                    wanted.statement
                );
                self.note("missing-privilege", &wanted.object, text, false);
            }
        }
        Ok(())
    }

    /// Gives a user its role.
    pub(super) fn role_to_user(
        &mut self,
        role: &str,
        user: &str,
        why: &'static str,
    ) -> Result<(), SqlError> {
        let (quoted_role, quoted_user) = (quote::name("role", role)?, quote::name("user", user)?);
        let grant =
            Grant { privilege: "USAGE".to_owned(), on: "ROLE".to_owned(), name: role.to_owned() };
        let seen = self.user_fact(user, |facts| {
            fact(&facts.grants).map(|grants| grants.iter().any(|held| same(held, &grant)))
        });
        self.grant(
            seen,
            Wanted {
                statement: format!("GRANT ROLE {quoted_role} TO USER {quoted_user}"),
                object: format!("user {user}"),
                why,
                need: Need::granting("ROLE", role),
            },
        );
        Ok(())
    }

    /// Lets the broker's role manage the tokens of a user (snowflake docs: programmatic-access-tokens, "Privileges").
    pub(super) fn manage_tokens_of(
        &mut self,
        user: &str,
        why: &'static str,
    ) -> Result<(), SqlError> {
        let role = self.desired.broker.role.as_str();
        let (quoted_role, quoted_user) = (quote::name("role", role)?, quote::name("user", user)?);
        let seen = self.user_fact(user, |facts| {
            let holds = |held: &std::collections::BTreeSet<String>| {
                held.contains(MANAGE_TOKENS) || held.contains("OWNERSHIP")
            };
            fact(&facts.grants_on).map(|grants| grants.get(role).is_some_and(holds))
        });
        self.grant(
            seen,
            Wanted {
                statement: format!(
                    "GRANT {MANAGE_TOKENS} ON USER {quoted_user} TO ROLE {quoted_role}"
                ),
                object: format!("user {user}"),
                why,
                need: Need::granting("USER", user),
            },
        );
        Ok(())
    }

    fn grant(&mut self, seen: Result<bool, String>, wanted: Wanted) {
        match seen {
            Ok(true) => {}
            Ok(false) => self.add(wanted.into()),
            Err(needs) => self.hidden(&wanted.object, "what it was granted", &needs),
        }
    }

    /// Returns whether a role holds a grant, or what would show it.
    fn role_holds(&self, role: &str, grant: &Grant) -> Result<bool, String> {
        match look(self.observed.roles.get(role)) {
            Look::Absent => Ok(false),
            Look::Hidden(needs) => Err(needs.to_owned()),
            Look::There(facts) => {
                let grants = fact(&facts.grants).map_err(str::to_owned)?;
                Ok(grants.iter().any(|held| same(held, grant)))
            }
        }
    }

    fn role_is_held_by(&self, role: &str, holder: &str) -> Result<bool, String> {
        match look(self.observed.roles.get(role)) {
            Look::Absent => Ok(false),
            Look::Hidden(needs) => Err(needs.to_owned()),
            Look::There(facts) => fact(&facts.held_by_roles)
                .map(|roles| roles.contains(holder))
                .map_err(str::to_owned),
        }
    }

    /// Returns a fact about a user; of a user that is not there nothing is true yet.
    fn user_fact<'f>(
        &'f self,
        user: &str,
        of: impl FnOnce(&'f UserFacts) -> Result<bool, &'f str>,
    ) -> Result<bool, String> {
        match look(self.observed.users.get(user)) {
            Look::Absent => Ok(false),
            Look::Hidden(needs) => Err(needs.to_owned()),
            Look::There(facts) => of(facts).map_err(str::to_owned),
        }
    }
}

/// Returns every grant declared for a user's role, as it is seen and as it is made.
fn declared(user: &ServiceUser) -> Result<Vec<(Grant, Wanted)>, SqlError> {
    let role = user.role.as_str();
    let privileges = user.privileges.iter().map(|privilege| on_object(privilege, role));
    let database_roles = user.database_roles.iter().map(|name| database_role(name, role));
    privileges.chain(database_roles).collect()
}

fn on_object(privilege: &Privilege, role: &str) -> Result<(Grant, Wanted), SqlError> {
    check_privilege(privilege)?;
    let (quoted, on) = (quote::name("role", role)?, privilege.on.as_str());
    let object = quote::parts("object of a privilege", &privilege.name)?;
    let name = privilege.name.join(".");
    let wanted = Wanted {
        statement: format!("GRANT {} ON {on} {object} TO ROLE {quoted}", privilege.privilege),
        object: format!("role {role}"),
        why: "what the role is declared to use",
        need: Need::granting(on, &name),
    };
    let grant = Grant { privilege: privilege.privilege.clone(), on: on.to_owned(), name };
    Ok((grant, wanted))
}

fn database_role(name: &[String; 2], role: &str) -> Result<(Grant, Wanted), SqlError> {
    let (quoted, dotted) = (quote::name("role", role)?, name.join("."));
    let wanted = Wanted {
        statement: format!(
            "GRANT DATABASE ROLE {} TO ROLE {quoted}",
            quote::parts("database role", name)?
        ),
        object: format!("role {role}"),
        why: if dotted == CORTEX { WHY_CORTEX } else { "a database role that is declared" },
        need: Need::granting("DATABASE ROLE", &dotted),
    };
    let (privilege, on) = ("USAGE".to_owned(), "DATABASE ROLE".to_owned());
    Ok((Grant { privilege, on, name: dotted }, wanted))
}

fn to_sysadmin(role: &str) -> Result<Wanted, SqlError> {
    Ok(Wanted {
        statement: format!("GRANT ROLE {} TO ROLE \"SYSADMIN\"", quote::name("role", role)?),
        object: format!("role {role}"),
        why: "what this role makes stays in reach of SYSADMIN",
        need: Need::granting("ROLE", role),
    })
}

/// Refuses a privilege that cannot be seen again exactly as it was given (ALL, OWNERSHIP, FUTURE grants, functions),
/// or whose name has not as many parts as its kind.
///
/// # Errors
/// With what is wrong with it.
pub fn check_privilege(privilege: &Privilege) -> Result<(), SqlError> {
    let word = quote::words("privilege", &privilege.privilege)?;
    if ["ALL", "ALL PRIVILEGES", "OWNERSHIP", MANAGE_TOKENS].contains(&word) {
        return Err(SqlError::Words {
            what: "privilege (ALL, OWNERSHIP and the right to make tokens are never given)",
        });
    }
    let kind = KINDS.iter().find(|(kind, _)| *kind == privilege.on);
    match kind {
        Some((_, parts)) if *parts == privilege.name.len() => Ok(()),
        Some(_) => Err(SqlError::Parts { what: "object of a privilege" }),
        None => Err(SqlError::Words { what: "kind of object of a privilege" }),
    }
}

/// SHOW GRANTS writes kinds with underscores, statements with blanks.
fn same(held: &Grant, wanted: &Grant) -> bool {
    held.privilege == wanted.privilege
        && held.name == wanted.name
        && held.on.replace('_', " ") == wanted.on.replace('_', " ")
}

/// What there is to hold a privilege on, with how many parts its name has
/// (snowflake docs: security-access-control-privileges).
const KINDS: [(&str, usize); 31] = [
    ("WAREHOUSE", 1),
    ("DATABASE", 1),
    ("INTEGRATION", 1),
    ("COMPUTE POOL", 1),
    ("EXTERNAL VOLUME", 1),
    ("CONNECTION", 1),
    ("SCHEMA", 2),
    ("TABLE", 3),
    ("VIEW", 3),
    ("MATERIALIZED VIEW", 3),
    ("SEMANTIC VIEW", 3),
    ("DYNAMIC TABLE", 3),
    ("EXTERNAL TABLE", 3),
    ("EVENT TABLE", 3),
    ("ICEBERG TABLE", 3),
    ("STAGE", 3),
    ("FILE FORMAT", 3),
    ("SEQUENCE", 3),
    ("STREAM", 3),
    ("TASK", 3),
    ("PIPE", 3),
    ("TAG", 3),
    ("SECRET", 3),
    ("MODEL", 3),
    ("AGENT", 3),
    ("CORTEX SEARCH SERVICE", 3),
    ("NOTEBOOK", 3),
    ("STREAMLIT", 3),
    ("GIT REPOSITORY", 3),
    ("IMAGE REPOSITORY", 3),
    ("SERVICE", 3),
];

/// What the broker needs on a user, and all that it needs.
pub(super) const MANAGE_TOKENS: &str = "MODIFY PROGRAMMATIC AUTHENTICATION METHODS";
const CORTEX: &str = "SNOWFLAKE.CORTEX_USER";
const WHY_CORTEX: &str = "without it the best token meets an agent that may not answer";
