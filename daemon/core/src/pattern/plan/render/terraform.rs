//! What is wanted, as a Terraform configuration for the Snowflake provider; SQL through snowflake_execute only for what
//! the provider has no resource or attribute for. Resources: the provider's documentation, docs/resources.

use super::hcl::{Block, Labels, Value};
use super::resource::{
    as_long_as_it_is, commented, execute, full, on, reference, role, service_user,
};
use crate::pattern::desired::{Desired, Management, Network, ServiceUser, Source, TokenPolicy};
use crate::pattern::ours::{KEY_ONLY, PERSONS, SERVICES, TOKENS_ONLY};
use crate::pattern::plan::grants::MANAGE_TOKENS;
use crate::pattern::plan::{Plan, offline, quote, token_policy_whole};
use crate::sql::SqlError;

/// Returns the configuration as HCL, for an account without policies of its own at account level.
///
/// # Errors
/// As [`super::super::offline`].
pub fn terraform(desired: &Desired) -> Result<String, SqlError> {
    let plan = offline(desired)?;
    let mut script =
        Script { desired, plan, labels: Labels::reserving(&["patd_broker"]), blocks: Vec::new() };
    script.head();
    script.home();
    script.network()?;
    script.policies()?;
    script.scopes()?;
    script.broker();
    for user in &desired.users {
        script.service_user(user)?;
    }
    Ok(script.blocks.iter().map(Block::print).collect::<Vec<_>>().join("\n"))
}

struct Script<'a> {
    desired: &'a Desired,
    plan: Plan,
    labels: Labels,
    blocks: Vec<Block>,
}

impl Script<'_> {
    fn add(&mut self, block: Block) {
        self.blocks.push(block);
    }

    fn head(&mut self) {
        let features = [
            "snowflake_authentication_policy_resource",
            "snowflake_network_rule_resource",
            "snowflake_user_authentication_policy_attachment_resource",
        ];
        let provider = Block::new("provider", &["snowflake"])
            .with("role", self.desired.run_as.as_str())
            .with("preview_features_enabled", Value::texts(features));
        let source = Block::new("snowflake =", &[])
            .with("source", "snowflakedb/snowflake")
            .with("version", "~> 2.0");
        let required = Block::new("required_providers", &[]).block(source);
        self.add(Block::new("terraform", &[]).block(required));
        self.add(provider);
    }

    fn home(&mut self) {
        let home = &self.desired.home;
        if home.management == Management::Existing || !self.desired.needs_home() {
            return;
        }
        self.add(commented("snowflake_database", "patd_home").with("name", home.database.as_str()));
        self.add(
            commented("snowflake_schema", "patd_home")
                .with("database", reference("snowflake_database.patd_home.name"))
                .with("name", home.schema.as_str()),
        );
    }

    /// Returns database and schema of ours, so that what lives there waits for them.
    fn in_home(&self, block: Block) -> Block {
        let home = &self.desired.home;
        match home.management {
            Management::Ours => block
                .with("database", reference("snowflake_database.patd_home.name"))
                .with("schema", reference("snowflake_schema.patd_home.name")),
            Management::Existing => {
                block.with("database", home.database.as_str()).with("schema", home.schema.as_str())
            }
        }
    }

    fn network(&mut self) -> Result<(), SqlError> {
        let desired = self.desired;
        let Network::Allow { policy, sources } = &desired.network else { return Ok(()) };
        let mut rules = Vec::new();
        if let Some([_, _, name]) = desired.network_rule() {
            let values = sources.iter().filter_map(|source| match source {
                Source::Range(range) => Some(range.as_str()),
                Source::Rule(_) | Source::AsSeen => None,
            });
            let rule = self
                .in_home(commented("snowflake_network_rule", "patd_ingress"))
                .with("name", name)
                .with("type", "IPV4")
                .with("mode", "INGRESS")
                .with("value_list", Value::texts(values));
            self.add(rule);
            rules.push(reference("snowflake_network_rule.patd_ingress.fully_qualified_name"));
        }
        for source in sources {
            if let Source::Rule(name) = source {
                rules.push(Value::Text(quote::full("network rule", name)?));
            }
        }
        self.add(
            commented("snowflake_network_policy", "patd")
                .with("name", policy.as_str())
                .with("allowed_network_rule_list", Value::List(rules)),
        );
        Ok(())
    }

    fn network_policy(&self) -> Value {
        match &self.desired.network {
            Network::Existing { policy } => Value::from(policy.as_str()),
            Network::Allow { .. } => reference("snowflake_network_policy.patd.name"),
        }
    }

    fn policies(&mut self) -> Result<(), SqlError> {
        if let TokenPolicy::Ours { default_days, max_days, is_limit, evaluation } =
            &self.desired.tokens
        {
            let pat_policy = Block::new("pat_policy", &[])
                .with("default_expiry_in_days", Value::Number(*default_days))
                .with("max_expiry_in_days", Value::Number(*max_days))
                .with("network_policy_evaluation", evaluation.as_sql())
                .comment(
                    "REQUIRE_ROLE_RESTRICTION_FOR_SERVICE_USERS is TRUE unless somebody changes it",
                );
            let policy =
                self.policy("patd_tokens_only", TOKENS_ONLY, &["PROGRAMMATIC_ACCESS_TOKEN"]);
            let policy = policy.block(pat_policy);
            self.add(if *is_limit { policy } else { policy.block(as_long_as_it_is()) });
            if !self.desired.scopes.blocked_roles.is_empty() {
                let statement = token_policy_whole(self.desired)?;
                self.beyond_provider("patd_tokens_only", TOKENS_ONLY, statement)?;
            }
        }
        if self.desired.broker.is_ours() {
            let policy = self.policy("patd_key_only", KEY_ONLY, &["KEYPAIR"]);
            self.add(policy);
        }
        Ok(())
    }

    fn policy(&self, label: &str, name: &str, methods: &[&str]) -> Block {
        self.in_home(commented("snowflake_authentication_policy", label))
            .with("name", name)
            .with("authentication_methods", Value::texts(methods.iter().copied()))
    }

    /// Returns the statement of the plan that sets what the provider knows no attribute for, if there is one.
    fn of_plan(&self, name: &str) -> Result<Option<String>, SqlError> {
        let quoted = quote::full("authentication policy", &self.desired.home.holds(name))?;
        let begins = format!("ALTER AUTHENTICATION POLICY {quoted} SET ");
        let sets = |statement: &str| {
            statement.starts_with(&begins) && statement.contains(" PAT_POLICY = ")
        };
        let found = self.plan.steps.iter().find(|step| sets(&step.statement));
        Ok(found.map(|step| step.statement.clone()))
    }

    /// Sets what the provider knows no attribute for.
    fn beyond_provider(
        &mut self,
        label: &str,
        name: &str,
        statement: String,
    ) -> Result<(), SqlError> {
        let quoted = quote::full("authentication policy", &self.desired.home.holds(name))?;
        let label = format!("{label}_pat_policy");
        let revert = format!("ALTER AUTHENTICATION POLICY {quoted} UNSET PAT_POLICY");
        let after =
            format!("snowflake_authentication_policy.{}", label.trim_end_matches("_pat_policy"));
        self.add(execute(&label, statement, revert, &after));
        Ok(())
    }

    fn scopes(&mut self) -> Result<(), SqlError> {
        let scopes = &self.desired.scopes;
        if scopes.admit_services {
            self.scope("patd_services", SERVICES, &["ALL"], "FOR ALL SERVICE USERS")?;
        }
        if scopes.bar_persons {
            self.scope("patd_persons", PERSONS, &BUT_TOKENS, "FOR ALL PERSON USERS")?;
        }
        Ok(())
    }

    fn scope(
        &mut self,
        label: &str,
        name: &str,
        methods: &[&str],
        whom: &str,
    ) -> Result<(), SqlError> {
        let policy = self.policy(label, name, methods).comment(EMPTY_ACCOUNT);
        self.add(policy);
        if let Some(statement) = self.of_plan(name)? {
            self.beyond_provider(label, name, statement)?;
        }
        let quoted = quote::full("authentication policy", &self.desired.home.holds(name))?;
        let set = format!("ALTER ACCOUNT SET AUTHENTICATION POLICY {quoted} {whom}");
        let unset = format!("ALTER ACCOUNT UNSET AUTHENTICATION POLICY {whom}");
        let after = format!("snowflake_authentication_policy.{label}");
        self.add(execute(&format!("{label}_in_force"), set, unset, &after));
        Ok(())
    }

    fn broker(&mut self) {
        let broker = &self.desired.broker;
        if !broker.is_ours() {
            return;
        }
        self.add(role("patd_broker", broker.role.as_str()));
        let key = broker.public_key.as_deref().map(Value::from);
        let user = service_user("patd_broker", broker.user.as_str())
            .with("default_role", reference("snowflake_account_role.patd_broker.name"))
            .with_some("rsa_public_key", key)
            .with("network_policy", self.network_policy());
        self.add(user);
        self.attach(
            "patd_broker",
            reference("snowflake_authentication_policy.patd_key_only.fully_qualified_name"),
        );
        self.add(
            Block::resource("snowflake_grant_account_role", "patd_broker")
                .with("role_name", reference("snowflake_account_role.patd_broker.name"))
                .with("user_name", reference("snowflake_service_user.patd_broker.name")),
        );
        if broker.replaces_own_key {
            self.manage_tokens(
                "patd_broker_itself",
                reference("snowflake_service_user.patd_broker.name"),
            );
        }
    }

    fn attach(&mut self, label: &str, policy: Value) {
        self.add(
            Block::resource("snowflake_user_authentication_policy_attachment", label)
                .with("authentication_policy_name", policy)
                .with("user_name", reference(&format!("snowflake_service_user.{label}.name"))),
        );
    }

    fn manage_tokens(&mut self, label: &str, user: Value) {
        let broker = &self.desired.broker;
        let role = match broker.management {
            Management::Ours => reference("snowflake_account_role.patd_broker.name"),
            Management::Existing => Value::from(broker.role.as_str()),
        };
        let on = Block::new("on_account_object", &[])
            .with("object_type", "USER")
            .with("object_name", user);
        let label = self.labels.label(&format!("{label}_tokens"));
        self.add(
            Block::resource("snowflake_grant_privileges_to_account_role", &label)
                .with("account_role_name", role)
                .with("privileges", Value::texts([MANAGE_TOKENS]))
                .block(on),
        );
    }

    fn service_user(&mut self, wanted: &ServiceUser) -> Result<(), SqlError> {
        let label = self.labels.label(wanted.user.as_str());
        let role_name = self.role_of(wanted, &label)?;
        let user_name = match wanted.user_management {
            Management::Existing => Value::from(wanted.user.as_str()),
            Management::Ours => {
                let user = service_user(&label, wanted.user.as_str())
                    .with("default_role", role_name.clone())
                    .with_some("default_warehouse", wanted.warehouse.as_deref().map(Value::from))
                    .with("network_policy", self.network_policy());
                self.add(user);
                let policy = self.token_policy()?;
                self.attach(&label, policy);
                reference(&format!("snowflake_service_user.{label}.name"))
            }
        };
        self.add(
            Block::resource("snowflake_grant_account_role", &label)
                .with("role_name", role_name)
                .with("user_name", user_name.clone()),
        );
        self.manage_tokens(&label, user_name);
        Ok(())
    }

    fn token_policy(&self) -> Result<Value, SqlError> {
        Ok(match &self.desired.tokens {
            TokenPolicy::Existing(name) => Value::Text(full(name)?),
            TokenPolicy::Ours { .. } => {
                reference("snowflake_authentication_policy.patd_tokens_only.fully_qualified_name")
            }
        })
    }

    /// Adds the role of a user, once, with what it is declared to hold. Returns what names it.
    fn role_of(&mut self, wanted: &ServiceUser, label: &str) -> Result<Value, SqlError> {
        if wanted.role_management == Management::Existing {
            return Ok(Value::from(wanted.role.as_str()));
        }
        let users = &self.desired.users;
        let first = users.iter().find(|user| user.role == wanted.role);
        if first.is_some_and(|first| first.user != wanted.user) {
            return Ok(Value::from(wanted.role.as_str()));
        }
        self.add(role(label, wanted.role.as_str()));
        let name = reference(&format!("snowflake_account_role.{label}.name"));
        if wanted.to_sysadmin {
            let label = self.labels.label(&format!("{label}_to_sysadmin"));
            self.add(
                Block::resource("snowflake_grant_account_role", &label)
                    .with("role_name", name.clone())
                    .with("parent_role_name", "SYSADMIN"),
            );
        }
        let sharing = users.iter().filter(|user| user.role == wanted.role);
        for user in sharing {
            self.holds(user, label, &name)?;
        }
        Ok(name)
    }

    fn holds(&mut self, wanted: &ServiceUser, label: &str, role: &Value) -> Result<(), SqlError> {
        for privilege in &wanted.privileges {
            let label = self.labels.label(&format!(
                "{label}_{}_{}",
                privilege.privilege,
                privilege.name.join("_")
            ));
            let block = Block::resource("snowflake_grant_privileges_to_account_role", &label)
                .with("account_role_name", role.clone())
                .with("privileges", Value::texts([privilege.privilege.as_str()]))
                .block(on(privilege)?);
            self.add(block);
        }
        for name in &wanted.database_roles {
            let label = self.labels.label(&format!("{label}_{}", name.join("_")));
            let block = Block::resource("snowflake_grant_database_role", &label)
                .with("database_role_name", quote::parts("database role", name)?)
                .with("parent_role_name", role.clone());
            self.add(block);
        }
        Ok(())
    }
}

/// What ALL means but for tokens (snowflake docs: create-authentication-policy).
const BUT_TOKENS: [&str; 5] = ["KEYPAIR", "OAUTH", "PASSWORD", "SAML", "WORKLOAD_IDENTITY"];
const EMPTY_ACCOUNT: &str = "for an account without policies of its own; otherwise carry over what they say: patctl plan shows it";
