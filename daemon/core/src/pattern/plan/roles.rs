//! Roles: made, commented, and given what is declared. What a role holds beyond that is never taken away here.

use super::draft::{Change, Draft, was};
use super::look::{Look, look};
use super::privilege::Need;
use super::quote;
use crate::pattern::desired::{Management, ServiceUser};
use crate::pattern::observed::RoleFacts;
use crate::pattern::ours::OUR_COMMENT;
use crate::sql::SqlError;

impl Draft<'_> {
    /// Makes the broker's role and the service users' roles what they should be.
    pub(super) fn roles(&mut self) -> Result<(), SqlError> {
        let broker = &self.desired.broker;
        self.role(broker.role.as_str(), broker.management, BROKER_ROLE)?;
        for user in &self.desired.users {
            self.role_of(user)?;
        }
        Ok(())
    }

    fn role_of(&mut self, user: &ServiceUser) -> Result<(), SqlError> {
        let role = user.role.as_str();
        if user.role == self.desired.broker.role {
            let text = "it is the broker's role as well, and would hold the right to make its own tokens: give the \
                        service user a role of its own";
            self.note("same-name", &format!("role {role}"), text.to_owned(), true);
        }
        self.role(role, user.role_management, ONE_ROLE)?;
        match user.role_management {
            Management::Ours => self.declared(user),
            Management::Existing => self.missing_of_existing(user),
        }
    }

    fn role(&mut self, name: &str, management: Management, why: &str) -> Result<(), SqlError> {
        let (quoted, object) = (quote::name("role", name)?, format!("role {name}"));
        if SYSTEM_ROLES.contains(&name) {
            let text =
                "a system role of Snowflake's is never one narrow role: name another".to_owned();
            self.note("system-role", &object, text, true);
            return Ok(());
        }
        match (look(self.observed.roles.get(name)), management) {
            (Look::Hidden(needs), _) => self.hidden(&object, "the role", needs),
            (Look::Absent, Management::Ours) => self.make_role(name, &quoted, why)?,
            (Look::Absent, Management::Existing) => self.missing(&object),
            (Look::There(facts), Management::Ours) => self.comment_role(name, &quoted, facts)?,
            (Look::There(_), Management::Existing) => {}
        }
        Ok(())
    }

    fn make_role(&mut self, name: &str, quoted: &str, why: &str) -> Result<(), SqlError> {
        let comment = quote::text("comment", OUR_COMMENT)?;
        self.add(Change {
            statement: format!("{} {quoted} COMMENT = {comment}", self.create("ROLE")),
            object: format!("role {name}"),
            why: why.to_owned(),
            need: Need::one("CREATE ROLE ON ACCOUNT"),
        });
        self.rights.make("ROLE", name);
        Ok(())
    }

    fn comment_role(
        &mut self,
        name: &str,
        quoted: &str,
        facts: &RoleFacts,
    ) -> Result<(), SqlError> {
        if facts.owned.comment == OUR_COMMENT {
            return Ok(());
        }
        let object = format!("role {name}");
        self.foreign(&object, &facts.owned.owner);
        let comment = quote::text("comment", OUR_COMMENT)?;
        self.change(Change {
            statement: format!("ALTER ROLE {quoted} SET COMMENT = {comment}"),
            object,
            why: was("its comment", &facts.owned.comment),
            need: Need::ownership("ROLE", name),
        });
        Ok(())
    }

    /// Tells that an object of the site's, which is to be used, is not there.
    pub(super) fn missing(&mut self, object: &str) {
        if !self.reruns() {
            let text = "it is said to be the site's own, and is not there: make it, or let it be made here";
            self.note("missing", object, text.to_owned(), true);
        }
    }
}

/// Roles that Snowflake made (snowflake docs: security-access-control-overview, "System-defined roles").
const SYSTEM_ROLES: [&str; 7] = [
    "ACCOUNTADMIN",
    "GLOBALORGADMIN",
    "ORGADMIN",
    "PUBLIC",
    "SECURITYADMIN",
    "SYSADMIN",
    "USERADMIN",
];
const BROKER_ROLE: &str =
    "the broker's role: it may manage tokens of the registered users and nothing else";
const ONE_ROLE: &str = "the one role of this service user";
