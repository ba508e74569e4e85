//! From the answers to the observation: each fact, or the privilege that would show it.

use std::collections::{BTreeMap, BTreeSet};

use crate::pattern::desired::Desired;
use crate::pattern::observed::{
    Acting, AuthenticationPolicy, Effective, NetworkPolicy, NetworkRule, Observed, OtherService,
    Owned, Person, RoleFacts, ScopePolicies, Seen, UserFacts, UserProperties,
};
use crate::pattern::ours::{self, FullName};

use super::Breadth;
use super::answers::{Answers, Gap, Told};
use super::ask::Ask;
use super::facts::{InForce, Properties, Shown, UserRow, Who};
use super::sight::{APPLY_POLICIES, MANAGE_GRANTS, Sight};
use super::wanted::{attached, is_listed, policies, roles, schema_of, users};

type Persons = BTreeMap<String, Person>;
type OtherServices = BTreeMap<String, OtherService>;

/// Everything a conclusion is drawn from.
pub(super) struct Conclusion<'a> {
    pub(super) desired: &'a Desired,
    pub(super) breadth: Breadth,
    pub(super) answers: &'a Answers,
    pub(super) sight: Sight,
}

impl Conclusion<'_> {
    /// Returns the observation.
    pub(super) fn observed(&self, who: &Who) -> Observed {
        let schema = self.schema();
        let (persons, other_services) = self.everybody();
        Observed {
            acting: self.acting(who),
            database: self.object(&self.database()),
            network_rule: self.network_rule(&schema),
            authentication_policies: self.authentication_policies(&schema),
            schema,
            roles: roles(self.desired).into_iter().map(|r| (r.to_owned(), self.role(r))).collect(),
            users: users(self.desired).into_iter().map(|u| (u.to_owned(), self.user(u))).collect(),
            network_policy: self.network_policy(),
            account_network_policy: shown(
                self.answers.account_network_policy.as_ref(),
                "ATTACH POLICY ON ACCOUNT",
            ),
            scopes: self.scopes(),
            persons,
            other_services,
        }
    }

    fn acting(&self, who: &Who) -> Acting {
        Acting {
            user: who.user.clone(),
            role: who.role.clone(),
            address: who.address.clone(),
            account: who.site.named(),
            method: None,
            roles: self.sight.roles(),
            privileges: self.sight.privileges(self.desired),
        }
    }

    /// Nothing shown means nothing there only to a role that would have been shown it.
    fn absent<T>(&self) -> Seen<Option<T>> {
        if self.sight.sees_all() { Seen::Known(None) } else { hidden(MANAGE_GRANTS) }
    }

    fn object(&self, ask: &Ask) -> Seen<Option<Owned>> {
        match self.answers.owned.get(ask) {
            Some(Ok(Some(owned))) => Seen::Known(Some(owned.clone())),
            Some(Ok(None)) => self.absent(),
            other => unseen(other, MANAGE_GRANTS),
        }
    }

    fn database(&self) -> Ask {
        Ask::Database(self.desired.home.database.clone())
    }

    fn schema(&self) -> Seen<Option<Owned>> {
        let home = &self.desired.home;
        match self.object(&self.database()) {
            Seen::Known(Some(_)) => {
                self.object(&Ask::Schema([home.database.clone(), home.schema.clone()]))
            }
            Seen::Known(None) => Seen::Known(None),
            Seen::Hidden { needs } => Seen::Hidden { needs },
        }
    }

    fn role(&self, name: &str) -> Seen<Option<RoleFacts>> {
        let owned = match self.object(&Ask::Role(name.to_owned())) {
            Seen::Known(Some(owned)) => owned,
            Seen::Known(None) => return Seen::Known(None),
            Seen::Hidden { needs } => return Seen::Hidden { needs },
        };
        let grants = self.answers.grants.get(&Ask::GrantsToRole(name.to_owned()));
        let holders = seen(self.answers.holders.get(name), MANAGE_GRANTS);
        let held_by = |kind: &str| {
            let of_kind = |holders: BTreeSet<(String, String)>| {
                holders.into_iter().filter(|(k, _)| k == kind).map(|(_, name)| name).collect()
            };
            map(holders.clone(), of_kind)
        };
        Seen::Known(Some(RoleFacts {
            owned,
            grants: seen(grants, MANAGE_GRANTS),
            held_by_roles: held_by("ROLE"),
            held_by_users: held_by("USER"),
        }))
    }

    fn user(&self, name: &str) -> Seen<Option<UserFacts>> {
        match self.answers.users.get(name) {
            Some(Ok(Some(row))) => Seen::Known(Some(self.user_facts(row))),
            Some(Ok(None)) => self.absent(),
            other => unseen(other, MANAGE_GRANTS),
        }
    }

    fn user_facts(&self, row: &UserRow) -> UserFacts {
        let (answers, name) = (self.answers, &row.name);
        let inspect = format!("OWNERSHIP ON USER {name} or {MANAGE_GRANTS}");
        let tokens = format!("MODIFY PROGRAMMATIC AUTHENTICATION METHODS ON USER {name}");
        let grants_on = seen(answers.grants_on.get(name), &inspect);
        UserFacts {
            owner: owner(row, &grants_on, &inspect),
            properties: map(seen(answers.user_properties.get(name), &inspect), |described| {
                with_row(described, row)
            }),
            grants: seen(answers.grants.get(&Ask::GrantsToUser(name.clone())), &inspect),
            grants_on,
            network_policy: shown(
                answers.own_network_policies.get(name),
                &format!("MONITOR ON USER {name}"),
            ),
            authentication_policy: self.in_force(name),
            tokens: seen(answers.tokens.get(name), &tokens),
            key_pairs: seen(answers.key_pairs.get(name), &tokens),
        }
    }

    fn in_force(&self, user: &str) -> Seen<Effective> {
        let needs = format!("APPLY AUTHENTICATION POLICY ON USER {user}");
        map(shown(self.answers.in_force.get(user), &needs), |found: InForce| Effective {
            policy: found.policy.as_ref().map(ours::dotted),
            set_on: found.set_on,
        })
    }

    fn network_rule(&self, schema: &Seen<Option<Owned>>) -> Seen<Option<NetworkRule>> {
        let Some(name) = self.desired.network_rule() else { return Seen::Known(None) };
        match (schema, &self.answers.network_rule) {
            (Seen::Known(None), _) => Seen::Known(None),
            (Seen::Hidden { needs }, _) => hidden(needs),
            (Seen::Known(Some(_)), Some(Ok(Some(row)))) => {
                let needs = format!("OWNERSHIP ON NETWORK RULE {}", ours::dotted(&name));
                Seen::Known(Some(NetworkRule {
                    owned: row.owned.clone(),
                    kind: row.kind.clone(),
                    mode: row.mode.clone(),
                    values: seen(self.answers.rule_values.as_ref(), &needs),
                }))
            }
            (Seen::Known(Some(_)), Some(Ok(None))) => self.absent(),
            (Seen::Known(Some(_)), other) => unseen(other.as_ref(), MANAGE_GRANTS),
        }
    }

    fn network_policy(&self) -> Seen<Option<NetworkPolicy>> {
        let name = self.desired.network_policy();
        match &self.answers.network_policy {
            Some(Ok(Some(comment))) => {
                let needs = format!("OWNERSHIP ON NETWORK POLICY {name}");
                Seen::Known(Some(NetworkPolicy {
                    comment: comment.clone(),
                    lists: seen(self.answers.network_lists.as_ref(), &needs),
                }))
            }
            Some(Ok(None)) => self.absent(),
            other => unseen(other.as_ref(), MANAGE_GRANTS),
        }
    }

    fn authentication_policies(
        &self,
        home: &Seen<Option<Owned>>,
    ) -> BTreeMap<String, Seen<Option<AuthenticationPolicy>>> {
        let attached = attached(self.answers);
        let names = policies(self.desired).into_iter().chain(attached.iter().cloned());
        names
            .map(|name| {
                let is_there = attached.contains(&name) || is_listed(self.answers, &name);
                let policy = match is_there {
                    true => self.policy(&name),
                    false => self.missing_policy(&name, home),
                };
                (ours::dotted(&name), policy)
            })
            .collect()
    }

    fn policy(&self, name: &FullName) -> Seen<Option<AuthenticationPolicy>> {
        let full = ours::dotted(name);
        let needs = format!("OWNERSHIP ON AUTHENTICATION POLICY {full} or {APPLY_POLICIES}");
        let properties = seen(self.answers.policy_properties.get(name), &needs);
        map(properties, |properties| Some(authentication_policy(properties)))
    }

    /// A policy that is neither listed nor attached to anything.
    fn missing_policy(
        &self,
        name: &FullName,
        home: &Seen<Option<Owned>>,
    ) -> Seen<Option<AuthenticationPolicy>> {
        let schema = schema_of(name);
        let at_home =
            schema == [self.desired.home.database.clone(), self.desired.home.schema.clone()];
        match (home, self.answers.policies.get(&schema)) {
            (Seen::Known(None), _) if at_home => Seen::Known(None),
            (Seen::Hidden { needs }, _) if at_home => hidden(needs),
            (_, Some(Ok(_))) => self.absent(),
            (_, other) => unseen(other, MANAGE_GRANTS),
        }
    }

    fn scopes(&self) -> Seen<ScopePolicies> {
        if !self.sight.sees_policies() {
            return hidden(APPLY_POLICIES);
        }
        let told = match seen(self.answers.on_account.as_ref(), APPLY_POLICIES) {
            Seen::Known(found) => found.scopes,
            Seen::Hidden { needs } => return Seen::Hidden { needs },
        };
        let Some(attached) = told else { return hidden(TARGET_SCOPES) };
        let of = |scope: &str| attached.get(scope).map(ours::dotted);
        Seen::Known(ScopePolicies {
            account: of("ACCOUNT"),
            persons: of("PERSON_USERS"),
            services: of("SERVICE_USERS"),
        })
    }

    fn everybody(&self) -> (Seen<Persons>, Seen<OtherServices>) {
        let rows = match self.user_rows() {
            Ok(rows) => rows,
            Err(needs) => return (hidden(&needs), hidden(&needs)),
        };
        let ours = users(self.desired);
        let (mut persons, mut services) = (Persons::new(), OtherServices::new());
        for row in rows {
            if row.is_person() {
                persons.insert(row.name.clone(), self.person(row));
            } else if !ours.contains(row.name.as_str()) {
                services.insert(row.name.clone(), self.other_service(row));
            }
        }
        (Seen::Known(persons), Seen::Known(services))
    }

    /// Returns every user of the account, or what is needed to see them all.
    fn user_rows(&self) -> Result<Vec<&UserRow>, String> {
        match self.breadth {
            Breadth::Resident => return Err("a reading of the whole account".to_owned()),
            Breadth::Whole if !self.sight.sees_all() => return Err(MANAGE_GRANTS.to_owned()),
            Breadth::Whole => {}
        }
        let mut rows = Vec::new();
        let mut last = None;
        loop {
            let page = match self.answers.pages.get(&last) {
                Some(Ok(page)) => page,
                other => return Err(missing(other, MANAGE_GRANTS).to_owned()),
            };
            rows.extend(&page.users);
            match page.users.last() {
                Some(user) if page.full => last = Some(user.name.clone()),
                Some(_) | None => break,
            }
        }
        let all_shown = rows.iter().all(|row| row.shown.is_some());
        if all_shown { Ok(rows) } else { Err(MANAGE_GRANTS.to_owned()) }
    }

    fn person(&self, row: &UserRow) -> Person {
        let disabled = row.shown.as_ref().is_some_and(|shown| shown.disabled);
        let live_tokens = match disabled {
            true => Seen::Known(BTreeSet::new()),
            false => self.live_tokens(&row.name),
        };
        Person { disabled, policy: self.in_force(&row.name), live_tokens }
    }

    /// The user's own list, or else what the view of all credentials said up to two hours ago.
    fn live_tokens(&self, user: &str) -> Seen<BTreeSet<String>> {
        if let Some(Ok(tokens)) = self.answers.tokens.get(user) {
            let live = tokens.iter().filter(|token| token.status == "ACTIVE");
            return Seen::Known(live.map(|token| token.name.clone()).collect());
        }
        match &self.answers.live_tokens {
            Some(Ok(live)) => Seen::Known(live.get(user).cloned().unwrap_or_default()),
            Some(Err(_)) | None => Seen::Hidden {
                needs: format!(
                    "MODIFY PROGRAMMATIC AUTHENTICATION METHODS ON USER {user}, or SELECT ON \
                     SNOWFLAKE.ACCOUNT_USAGE.CREDENTIALS and a warehouse"
                ),
            },
        }
    }

    fn other_service(&self, row: &UserRow) -> OtherService {
        let shown = row.shown.as_ref();
        OtherService {
            user_type: row.user_type.clone().unwrap_or_default(),
            disabled: shown.is_some_and(|shown| shown.disabled),
            methods: shown.map(Shown::methods).unwrap_or_default(),
            policy: self.in_force(&row.name),
        }
    }
}

/// Takes from SHOW what DESCRIBE does not say in this release.
fn with_row(mut described: UserProperties, row: &UserRow) -> UserProperties {
    let shown = row.shown.as_ref();
    for (fact, said) in [
        (&mut described.has_password, shown.and_then(|shown| shown.password)),
        (&mut described.has_workload_identity, shown.and_then(|shown| shown.identity)),
    ] {
        if let (Seen::Hidden { .. }, Some(said)) = (&*fact, said) {
            *fact = Seen::Known(said);
        }
    }
    described
}

fn owner(
    row: &UserRow,
    grants_on: &Seen<BTreeMap<String, BTreeSet<String>>>,
    needs: &str,
) -> Seen<String> {
    let owning = grants_on.known().and_then(|held| {
        held.iter().find(|(_, privileges)| privileges.contains("OWNERSHIP")).map(|(role, _)| role)
    });
    row.owner.as_ref().or(owning).map_or_else(|| hidden(needs), |role| Seen::Known(role.clone()))
}

fn authentication_policy(mut properties: Properties) -> AuthenticationPolicy {
    let mut take = |name: &str| properties.remove(name).flatten().unwrap_or_default();
    let owned = Owned { owner: take("OWNER"), comment: take("COMMENT") };
    take("NAME");
    let set = properties.into_iter().filter_map(|(name, value)| Some((name, value?)));
    AuthenticationPolicy { owned, properties: set.collect() }
}

fn hidden<T>(needs: &str) -> Seen<T> {
    Seen::Hidden { needs: needs.to_owned() }
}

fn seen<T: Clone>(told: Option<&Told<T>>, needs: &str) -> Seen<T> {
    match told {
        Some(Ok(fact)) => Seen::Known(fact.clone()),
        other => unseen(other, needs),
    }
}

/// As [`seen`], where even an answer may show nothing.
fn shown<T: Clone>(told: Option<&Told<Option<T>>>, needs: &str) -> Seen<T> {
    match told {
        Some(Ok(Some(fact))) => Seen::Known(fact.clone()),
        other => unseen(other, needs),
    }
}

fn unseen<T, U>(told: Option<&Told<T>>, needs: &str) -> Seen<U> {
    hidden(missing(told, needs))
}

/// Says what would show a fact that was not told. A question that was never asked is about a name that cannot be
/// quoted.
fn missing<'n, T>(told: Option<&Told<T>>, needs: &'n str) -> &'n str {
    match told {
        Some(Err(Gap::Cut)) => "a list that fits one answer of 10,000 rows",
        Some(Err(Gap::Unknown)) => "a release of Snowflake that knows the statement",
        Some(Ok(_) | Err(Gap::Refused)) => needs,
        None => "a name that can be quoted safely",
    }
}

fn map<T, U>(seen: Seen<T>, change: impl FnOnce(T) -> U) -> Seen<U> {
    match seen {
        Seen::Known(fact) => Seen::Known(change(fact)),
        Seen::Hidden { needs } => Seen::Hidden { needs },
    }
}

const TARGET_SCOPES: &str =
    "a release of Snowflake with target_scopes in SHOW AUTHENTICATION POLICIES ON ACCOUNT";
