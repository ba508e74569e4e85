//! Users: the broker's and the service users. Made, altered where a property differs, put under their policies, and
//! only then given what makes tokens possible.

use super::draft::{Change, Draft, was};
use super::key::Key;
use super::look::{Look, fact, look};
use super::privilege::Need;
use super::quote;
use crate::names::{Role, User};
use crate::pattern::desired::{Management, ServiceUser};
use crate::pattern::observed::{UserFacts, UserProperties};
use crate::pattern::ours::OUR_COMMENT;
use crate::sql::SqlError;

/// A user as it should be.
struct Wanted<'a> {
    user: &'a User,
    role: &'a Role,
    warehouse: Option<&'a str>,
    key: Option<Key<'a>>,
    why: &'static str,
}

impl Draft<'_> {
    /// Makes broker and service users what they should be.
    pub(super) fn users(&mut self) -> Result<(), SqlError> {
        self.broker()?;
        for user in &self.desired.users {
            self.service_user(user)?;
        }
        Ok(())
    }

    fn broker(&mut self) -> Result<(), SqlError> {
        let broker = &self.desired.broker;
        let Some(policy) = self.desired.broker_policy() else { return self.existing(&broker.user) };
        let user = broker.user.as_str();
        let usable = self.user(&Wanted {
            user: &broker.user,
            role: &broker.role,
            warehouse: None,
            key: Key::of(broker),
            why: "the broker's user, with the key this host made",
        })?;
        if !usable {
            return Ok(());
        }
        self.put_under_network(user)?;
        self.put_under_policy(user, &policy)?;
        self.role_to_user(broker.role.as_str(), user, "the broker's only role")?;
        if broker.replaces_own_key {
            self.manage_tokens_of(user, "the broker may replace its own key")?;
        }
        Ok(())
    }

    fn service_user(&mut self, wanted: &ServiceUser) -> Result<(), SqlError> {
        let user = wanted.user.as_str();
        if wanted.user == self.desired.broker.user {
            let text = "it is the broker's user as well, which logs in with a key: name another"
                .to_owned();
            self.note("same-name", &format!("user {user}"), text, true);
            return Ok(());
        }
        match wanted.user_management {
            Management::Existing => self.existing(&wanted.user)?,
            Management::Ours => {
                let usable = self.user(&Wanted {
                    user: &wanted.user,
                    role: &wanted.role,
                    warehouse: wanted.warehouse.as_deref(),
                    key: None,
                    why: "the service user the command line works as",
                })?;
                if !usable {
                    return Ok(());
                }
                self.put_under_network(user)?;
                self.put_under_policy(user, &self.desired.token_policy())?;
            }
        }
        self.role_to_user(wanted.role.as_str(), user, GRANTED_ALREADY)?;
        self.manage_tokens_of(user, "all the broker can do: manage this user's tokens and keys")
    }

    /// Looks after a user of the site's: it must be there, and be no person.
    fn existing(&mut self, user: &User) -> Result<(), SqlError> {
        quote::name("user", user.as_str())?;
        let object = format!("user {user}");
        match look(self.observed.users.get(user.as_str())) {
            Look::Absent => self.missing(&object),
            Look::Hidden(needs) => self.hidden(&object, "whether it is there", needs),
            Look::There(facts) => match fact(&facts.properties) {
                Ok(properties) => {
                    self.is_service(&object, properties);
                }
                Err(needs) => self.note(
                    "hidden",
                    &object,
                    format!("its type could not be seen; it needs {needs}"),
                    false,
                ),
            },
        }
        Ok(())
    }

    /// Plans a user of ours. Returns whether more can be planned for it.
    fn user(&mut self, wanted: &Wanted<'_>) -> Result<bool, SqlError> {
        let object = format!("user {}", wanted.user);
        match look(self.observed.users.get(wanted.user.as_str())) {
            Look::Absent => self.make_user(wanted, object).map(|()| true),
            Look::Hidden(needs) => {
                self.hidden(&object, "whether it is there", needs);
                Ok(false)
            }
            Look::There(facts) => match fact(&facts.properties) {
                Ok(properties) => self.alter_user(wanted, &object, facts, properties),
                Err(needs) => {
                    self.hidden(&object, "its properties", needs);
                    Ok(true)
                }
            },
        }
    }

    fn make_user(&mut self, wanted: &Wanted<'_>, object: String) -> Result<(), SqlError> {
        let user = quote::name("user", wanted.user.as_str())?;
        let mut says = vec![
            "TYPE = SERVICE".to_owned(),
            format!("DEFAULT_ROLE = {}", quote::name("role", wanted.role.as_str())?),
            "DEFAULT_SECONDARY_ROLES = ()".to_owned(),
        ];
        if let Some(warehouse) = wanted.warehouse {
            says.push(format!("DEFAULT_WAREHOUSE = {}", quote::name("warehouse", warehouse)?));
        }
        if let Some(key) = &wanted.key {
            says.push(key.sql()?);
        }
        let (says, comment) = (says.join(" "), quote::text("comment", OUR_COMMENT)?);
        self.add(Change {
            statement: format!("{} {user} {says} COMMENT = {comment}", self.create("USER")),
            object,
            why: wanted.why.to_owned(),
            need: Need::one("CREATE USER ON ACCOUNT"),
        });
        self.rights.make("USER", wanted.user.as_str());
        if self.reruns() {
            self.change(setting(wanted.user, says, "in case the user existed")?);
        }
        Ok(())
    }

    fn alter_user(
        &mut self,
        wanted: &Wanted<'_>,
        object: &str,
        facts: &UserFacts,
        properties: &UserProperties,
    ) -> Result<bool, SqlError> {
        if !self.is_service(object, properties) {
            return Ok(false);
        }
        if properties.disabled {
            let user = quote::name("user", wanted.user.as_str())?;
            let text = format!(
                "somebody disabled it, and it stays so; when that is over: ALTER USER {user} SET DISABLED = FALSE"
            );
            self.note("disabled", object, text, false);
        }
        let says = differences(wanted, properties)?;
        if !says.is_empty() {
            if let Ok(owner) = fact(&facts.owner) {
                self.foreign(object, owner);
            }
            let (says, now): (Vec<String>, Vec<String>) = says.into_iter().unzip();
            self.change(setting(wanted.user, says.join(" "), &now.join("; "))?);
        }
        Ok(true)
    }

    fn is_service(&mut self, object: &str, properties: &UserProperties) -> bool {
        let found = properties.user_type.as_deref().unwrap_or("PERSON");
        if found == "SERVICE" {
            return true;
        }
        let text = format!(
            "it is of TYPE {found}; a role-restricted token is for TYPE SERVICE: name another user, or make a service \
             user of it by hand"
        );
        self.note("wrong-type", object, text, true);
        false
    }
}

/// Returns `NAME = value` for each property that differs, and what it is now.
fn differences(
    wanted: &Wanted<'_>,
    now: &UserProperties,
) -> Result<Vec<(String, String)>, SqlError> {
    let mut says = Vec::new();
    let name = |name: &Option<String>| name.clone().unwrap_or_default();
    if now.default_role.as_deref() != Some(wanted.role.as_str()) {
        let role = quote::name("role", wanted.role.as_str())?;
        says.push((
            format!("DEFAULT_ROLE = {role}"),
            was("its default role", &name(&now.default_role)),
        ));
    }
    if !now.no_secondary_roles {
        says.push(("DEFAULT_SECONDARY_ROLES = ()".to_owned(), "it has secondary roles".to_owned()));
    }
    let other = |warehouse: &&str| now.default_warehouse.as_deref() != Some(*warehouse);
    if let Some(warehouse) = wanted.warehouse.filter(other) {
        let warehouse = quote::name("warehouse", warehouse)?;
        let was = was("its default warehouse", &name(&now.default_warehouse));
        says.push((format!("DEFAULT_WAREHOUSE = {warehouse}"), was));
    }
    if let Some(key) = wanted.key.as_ref().filter(|key| !key.is_set(now)) {
        let [first, _] = &now.key_fingerprints;
        says.push((key.sql()?, was("its key", &name(first))));
    }
    if now.comment != OUR_COMMENT {
        let comment = quote::text("comment", OUR_COMMENT)?;
        says.push((format!("COMMENT = {comment}"), was("its comment", &now.comment)));
    }
    Ok(says)
}

fn setting(user: &User, says: String, why: &str) -> Result<Change, SqlError> {
    Ok(Change {
        statement: format!("ALTER USER {} SET {says}", quote::name("user", user.as_str())?),
        object: format!("user {user}"),
        why: why.to_owned(),
        need: Need::ownership("USER", user.as_str()),
    })
}

const GRANTED_ALREADY: &str =
    "a token's role restriction grants nothing: the role must be granted already";
