//! Taking down what is ours: tokens, then users and roles, then the policies nobody is under any more. A user goes
//! before its policies do, so that none is ever less bound than before. Each statement needs its confirmation.

use super::assumed;
use super::draft::{Change, Draft, Manner};
use super::grants::MANAGE_TOKENS;
use super::look::{Look, fact, look};
use super::privilege::Need;
use super::quote;
use super::scopes::Scope;
use super::step::{Confirmation, Danger, LockedOut, Plan, Sign};
use crate::names::{Role, TokenName, User};
use crate::pattern::desired::{Desired, Management, Network, ServiceUser, TokenPolicy};
use crate::pattern::observed::{Observed, Token, UserFacts};
use crate::pattern::ours::{FullName, KEY_ONLY, PERSONS, SERVICES, TOKENS_ONLY, dotted};
use crate::sql::SqlError;

/// What a destruction takes.
#[derive(Clone, Copy, Debug)]
pub enum Doomed<'a> {
    /// These service users with their tokens and, where nobody else wanted has it, their role. What users share stays.
    Users(&'a [User]),
    /// Every object of ours.
    Everything,
}

/// Returns the statements that take down what is ours. What was observed to be gone is no step, so that a second run
/// goes on where the first one ended.
///
/// # Errors
/// As [`super::plan`].
pub fn destroy(
    desired: &Desired,
    observed: &Observed,
    fingerprint: String,
    doomed: Doomed<'_>,
) -> Result<Plan, SqlError> {
    let mut draft = Draft::new(desired, observed, Manner::Exact);
    let dies = |user: &&ServiceUser| match doomed {
        Doomed::Users(users) => users.contains(&user.user),
        Doomed::Everything => true,
    };
    let (dying, staying): (Vec<&ServiceUser>, Vec<&ServiceUser>) =
        desired.users.iter().partition(dies);
    for user in &dying {
        draft.take_down_user(user)?;
    }
    for user in &dying {
        let shared = staying.iter().any(|other| other.role == user.role);
        if user.role_management == Management::Ours && !shared {
            draft.drop_role(&user.role)?;
        }
    }
    if matches!(doomed, Doomed::Everything) {
        draft.take_down_shared()?;
    }
    Ok(draft.plan(fingerprint))
}

/// Returns the statements that remove these tokens of a user, whoever made them. One that is not there is a note.
///
/// # Errors
/// As [`super::plan`].
pub fn remove_tokens(
    desired: &Desired,
    observed: &Observed,
    fingerprint: String,
    user: &User,
    names: &[TokenName],
) -> Result<Plan, SqlError> {
    let mut draft = Draft::new(desired, observed, Manner::Exact);
    let object = format!("user {user}");
    let tokens = match look(observed.users.get(user.as_str())) {
        Look::There(facts) => fact(&facts.tokens).map(Vec::as_slice),
        Look::Absent => Ok([].as_slice()),
        Look::Hidden(needs) => Err(needs),
    };
    match tokens {
        Err(needs) => draft.hidden(&object, "its tokens", needs),
        Ok(tokens) => {
            for name in names {
                match tokens.iter().find(|token| token.name == name.as_str()) {
                    Some(token) => draft.remove_token(user, token)?,
                    None => draft.note("gone", &object, format!("it has no token {name}"), false),
                }
            }
        }
    }
    Ok(draft.plan(fingerprint))
}

/// Returns the statements that end this host's broker: its user and its role. They are for a security admin, since
/// the broker can drop neither.
///
/// # Errors
/// As [`super::plan`].
pub fn retire(desired: &Desired) -> Result<Plan, SqlError> {
    let observed = assumed::empty(desired);
    let mut draft = Draft::new(desired, &observed, Manner::Rerunnable);
    let broker = &desired.broker;
    if broker.is_ours() {
        draft.drop_object(
            "USER",
            broker.user.as_str(),
            quote::name("user", broker.user.as_str())?,
            ENDS_BROKER,
        );
        draft.drop_object(
            "ROLE",
            broker.role.as_str(),
            quote::name("role", broker.role.as_str())?,
            ENDS_BROKER,
        );
    } else {
        let text = "broker user and role are the site's own; end its key and its grants by hand"
            .to_owned();
        draft.note("kept", &format!("user {}", broker.user), text, false);
    }
    Ok(draft.plan(String::new()))
}

impl Draft<'_> {
    fn take_down_user(&mut self, wanted: &ServiceUser) -> Result<(), SqlError> {
        let user = &wanted.user;
        let object = format!("user {user}");
        let facts = match look(self.observed.users.get(user.as_str())) {
            Look::There(facts) => facts,
            Look::Absent => return Ok(()),
            Look::Hidden(needs) => {
                self.hidden(&object, "whether it is there", needs);
                return Ok(());
            }
        };
        let ours = wanted.user_management == Management::Ours;
        let kind =
            facts.properties.known().map(|known| known.user_type.as_deref().unwrap_or("PERSON"));
        if let Some(kind) = kind.filter(|kind| ours && *kind != "SERVICE") {
            let text = format!("it is of TYPE {kind}, which nobody made here: it is left alone");
            self.note("wrong-type", &object, text, true);
            return Ok(());
        }
        self.take_tokens(user, facts, ours)?;
        if ours {
            let quoted = quote::name("user", user.as_str())?;
            self.drop_object(
                "USER",
                user.as_str(),
                quoted,
                "the service user goes, and its grants with it",
            );
            return Ok(());
        }
        self.take_grants(wanted, facts)
    }

    /// Removes every token of a user that goes; of a user that stays, those of ours.
    fn take_tokens(&mut self, user: &User, facts: &UserFacts, goes: bool) -> Result<(), SqlError> {
        match fact(&facts.tokens) {
            Ok(tokens) => {
                for token in tokens.iter().filter(|token| goes || is_ours(token)) {
                    self.remove_token(user, token)?;
                }
            }
            Err(needs) => {
                let text = format!("its tokens could not be seen; it needs {needs}");
                self.note("hidden", &format!("user {user}"), text, !goes);
            }
        }
        Ok(())
    }

    fn remove_token(&mut self, user: &User, token: &Token) -> Result<(), SqlError> {
        let object = format!("user {user}");
        let Ok(quoted) = quote::name("token", &token.name) else {
            let text =
                "one of its tokens has a name that no statement can hold safely: remove it by hand"
                    .to_owned();
            self.note("unspeakable", &object, text, true);
            return Ok(());
        };
        let made_by = token.created_by.as_deref().unwrap_or("somebody unknown");
        let why = if is_ours(token) {
            format!("{}: a token of PAT Broker's", token.name)
        } else {
            format!("{}: a token made by {made_by}, not by PAT Broker", token.name)
        };
        let statement = format!(
            "ALTER USER {} REMOVE PROGRAMMATIC ACCESS TOKEN {quoted}",
            quote::name("user", user.as_str())?
        );
        let need = Need::any([
            format!("{MANAGE_TOKENS} ON USER {user}"),
            format!("OWNERSHIP ON USER {user}"),
        ]);
        let whoever = LockedOut {
            user: user.as_str().to_owned(),
            why: format!("whoever works with token {} is cut off", token.name),
        };
        self.step(
            Sign::Remove,
            Change { statement, object, why, need },
            Some(dropping(vec![whoever])),
        );
        Ok(())
    }

    /// Takes back from a user of the site's what was granted for its tokens.
    fn take_grants(&mut self, wanted: &ServiceUser, facts: &UserFacts) -> Result<(), SqlError> {
        let (user, role) = (wanted.user.as_str(), self.desired.broker.role.as_str());
        let held = facts.grants_on.known().and_then(|grants| grants.get(role));
        if held.is_some_and(|held| held.contains(MANAGE_TOKENS)) {
            let statement = format!(
                "REVOKE {MANAGE_TOKENS} ON USER {} FROM ROLE {}",
                quote::name("user", user)?,
                quote::name("role", role)?
            );
            let (object, need) = (format!("user {user}"), Need::granting("USER", user));
            let why = "the broker has nothing to do with it any more".to_owned();
            self.step(
                Sign::Remove,
                Change { statement, object, why, need },
                Some(dropping(Vec::new())),
            );
        }
        Ok(())
    }

    fn drop_role(&mut self, role: &Role) -> Result<(), SqlError> {
        match look(self.observed.roles.get(role.as_str())) {
            Look::Absent => {}
            Look::Hidden(needs) => {
                self.hidden(&format!("role {role}"), "whether it is there", needs)
            }
            Look::There(_) => {
                let quoted = quote::name("role", role.as_str())?;
                self.drop_object("ROLE", role.as_str(), quoted, "nobody is left who has it");
            }
        }
        Ok(())
    }

    fn take_down_shared(&mut self) -> Result<(), SqlError> {
        self.unset_scopes();
        self.take_down_broker()?;
        let home = &self.desired.home;
        let mut policies: Vec<FullName> =
            [PERSONS, SERVICES, KEY_ONLY].map(|name| home.holds(name)).into();
        if matches!(self.desired.tokens, TokenPolicy::Ours { .. }) {
            policies.push(home.holds(TOKENS_ONLY));
        }
        for policy in policies {
            self.drop_policy(&policy)?;
        }
        self.take_down_network()?;
        if home.management == Management::Ours
            && self.observed.schema.known().is_some_and(Option::is_some)
        {
            let text = "the schema and its database stay: other things may live there".to_owned();
            self.note("kept", &format!("schema {}.{}", home.database, home.schema), text, false);
        }
        Ok(())
    }

    fn unset_scopes(&mut self) {
        let Ok(attached) = fact(&self.observed.scopes) else {
            let text = "which policies the account has could not be seen; one of ours that is in force cannot be dropped";
            self.note("hidden", "account", text.to_owned(), false);
            return;
        };
        let home = &self.desired.home;
        let places = [
            (Scope::Persons, &attached.persons, PERSONS, "persons may use tokens again"),
            (
                Scope::Services,
                &attached.services,
                SERVICES,
                "service users are under the account's policy again",
            ),
        ];
        for (scope, now, name, why) in places {
            if now.as_ref() == Some(&dotted(&home.holds(name))) {
                let change = Change {
                    statement: format!(
                        "ALTER ACCOUNT UNSET AUTHENTICATION POLICY {}",
                        scope.clause()
                    ),
                    object: "account".to_owned(),
                    why: why.to_owned(),
                    need: Need::one("APPLY AUTHENTICATION POLICY ON ACCOUNT"),
                };
                self.step(Sign::Remove, change, Some(dropping(Vec::new())));
            }
        }
    }

    fn take_down_broker(&mut self) -> Result<(), SqlError> {
        let broker = &self.desired.broker;
        if !broker.is_ours() {
            return Ok(());
        }
        let user = broker.user.as_str();
        if self.observed.acting.user == user {
            let text = "this run logs in as the broker, which cannot drop itself: run it with --as or --via";
            self.note("own-login", &format!("user {user}"), text.to_owned(), true);
        }
        match look(self.observed.users.get(user)) {
            Look::Absent => {}
            Look::Hidden(needs) => {
                self.hidden(&format!("user {user}"), "whether it is there", needs)
            }
            Look::There(_) => {
                self.drop_object("USER", user, quote::name("user", user)?, ENDS_BROKER)
            }
        }
        self.drop_role(&broker.role)
    }

    fn drop_policy(&mut self, name: &FullName) -> Result<(), SqlError> {
        let full = dotted(name);
        if let Look::There(_) = look(self.observed.authentication_policies.get(&full)) {
            let quoted = quote::full("authentication policy", name)?;
            self.drop_object("AUTHENTICATION POLICY", &full, quoted, NOBODY_UNDER_IT);
        }
        Ok(())
    }

    fn take_down_network(&mut self) -> Result<(), SqlError> {
        let Network::Allow { policy, .. } = &self.desired.network else { return Ok(()) };
        if let Look::There(_) = look(Some(&self.observed.network_policy)) {
            let quoted = quote::name("network policy", policy)?;
            self.drop_object("NETWORK POLICY", policy, quoted, NOBODY_UNDER_IT);
        }
        let rule = self.desired.network_rule();
        if let (Some(name), Look::There(_)) = (rule, look(Some(&self.observed.network_rule))) {
            let quoted = quote::full("network rule", &name)?;
            self.drop_object("NETWORK RULE", &dotted(&name), quoted, "no policy names it any more");
        }
        Ok(())
    }

    fn drop_object(&mut self, kind: &str, name: &str, quoted: String, why: &str) {
        let if_exists = if self.reruns() { " IF EXISTS" } else { "" };
        let change = Change {
            statement: format!("DROP {kind}{if_exists} {quoted}"),
            object: format!("{} {name}", kind.to_lowercase()),
            why: why.to_owned(),
            need: Need::ownership(kind, name),
        };
        let gone = LockedOut {
            user: name.to_owned(),
            why: "is dropped, and cannot be brought back".to_owned(),
        };
        let locked_out = if kind == "USER" { vec![gone] } else { Vec::new() };
        self.step(Sign::Remove, change, Some(dropping(locked_out)));
    }
}

/// Tokens of PAT Broker's begin so, whichever host made them.
fn is_ours(token: &Token) -> bool {
    token.name.starts_with("PATD_")
}

fn dropping(locked_out: Vec<LockedOut>) -> Danger {
    Danger { confirm: Confirmation::Drop, locked_out, unseen: Vec::new() }
}

const ENDS_BROKER: &str = "this host's broker ends";
const NOBODY_UNDER_IT: &str = "nobody of ours is under it any more";
