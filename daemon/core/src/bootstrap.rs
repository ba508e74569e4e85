//! What a security admin runs once at Snowflake, as exact SQL: the broker user that can do nothing but manage tokens,
//! the network and authentication policies tokens need, and the service users. Running it again changes nothing.

use crate::names::{Account, Role, User};
use crate::sql::{Ident, Kind, Literal, SqlError, Statement};

/// What is wanted at Snowflake.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bootstrap {
    /// The account, for the heading of the script.
    pub account: Account,
    /// The role that runs the script, e.g. `ACCOUNTADMIN`. Nothing of the broker's ever holds it.
    pub run_as: Role,
    /// The resident admin login.
    pub broker: Broker,
    /// Where the policies live.
    pub home: Home,
    /// From where the users may connect.
    pub network: Network,
    /// The service users.
    pub users: Vec<ServiceUser>,
    /// The longest life of a token, in days: the token policy's default and maximum.
    pub max_days_to_expiry: u32,
}

/// The resident admin login: a user that can do nothing but manage tokens of the registered users.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Broker {
    /// Its user.
    pub user: User,
    /// Its role.
    pub role: Role,
    /// The RSA public key: base64 of the DER, without PEM lines.
    pub public_key: String,
    /// Whether it may replace its own key.
    pub replaces_own_key: bool,
}

/// A database and schema for network rule and policies.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Home {
    /// The database.
    pub database: String,
    /// The schema.
    pub schema: String,
}

/// The network policy that Snowflake demands of service users
/// (snowflake docs: programmatic-access-tokens, "Network policy requirements").
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Network {
    /// A policy that exists; it is attached, never changed.
    Existing {
        /// Its name.
        policy: String,
    },
    /// A policy of ours over these IPv4 addresses and ranges.
    Allow {
        /// Its name; its rule is called `<policy>_INGRESS`.
        policy: String,
        /// `192.0.2.7`, `198.51.100.0/24`.
        ranges: Vec<String>,
    },
}

/// One service user with its one role.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServiceUser {
    /// The user.
    pub user: User,
    /// Its role.
    pub role: Role,
    /// A warehouse its role may use.
    pub warehouse: Option<String>,
    /// A database its role may use.
    pub database: Option<String>,
    /// A schema of that database its role may use.
    pub schema: Option<String>,
}

/// Returns the statements, in order.
///
/// # Errors
/// When a name cannot be quoted, the days are out of range, or no address is allowed.
pub fn script(wanted: &Bootstrap) -> Result<Vec<Statement>, SqlError> {
    let mut script = Script::new(wanted)?;
    script.roles_and_home()?;
    script.network()?;
    script.authentication()?;
    script.broker()?;
    for user in &wanted.users {
        script.service_user(user)?;
    }
    Ok(script.statements)
}

/// Returns the script as text, each statement under a comment that says why.
pub fn render(statements: &[Statement]) -> String {
    let one = |statement: &Statement| format!("-- {}\n{};\n", statement.why, statement.text);
    statements.iter().map(one).collect::<Vec<_>>().join("\n")
}

struct Script<'a> {
    wanted: &'a Bootstrap,
    broker_role: Ident,
    broker_user: Ident,
    schema: String,
    policy: Ident,
    statements: Vec<Statement>,
}

impl<'a> Script<'a> {
    fn new(wanted: &'a Bootstrap) -> Result<Self, SqlError> {
        let database = Ident::new("database", &wanted.home.database)?;
        let schema = Ident::new("schema", &wanted.home.schema)?;
        let (Network::Existing { policy } | Network::Allow { policy, .. }) = &wanted.network;
        Ok(Self {
            wanted,
            broker_role: Ident::new("role", wanted.broker.role.as_str())?,
            broker_user: Ident::new("user", wanted.broker.user.as_str())?,
            schema: format!("{database}.{schema}"),
            policy: Ident::new("network policy", policy)?,
            statements: Vec::new(),
        })
    }

    fn roles_and_home(&mut self) -> Result<(), SqlError> {
        let run_as = Ident::new("role", self.wanted.run_as.as_str())?;
        Literal::new("account", self.wanted.account.as_str())?;
        let why = format!(
            "PAT Broker at {}: run once; running it again changes nothing",
            self.wanted.account
        );
        self.add(Kind::UseRole, format!("USE ROLE {run_as}"), &why);
        let role = format!("CREATE ROLE IF NOT EXISTS {} COMMENT = {COMMENT}", self.broker_role);
        self.add(
            Kind::Create,
            role,
            "the broker's role: it gets nothing but what is granted at the end",
        );
        let database = Ident::new("database", &self.wanted.home.database)?;
        let create = format!("CREATE DATABASE IF NOT EXISTS {database} COMMENT = {COMMENT}");
        self.add(Kind::Create, create, "a place for the policies; no data lives here");
        let create = format!("CREATE SCHEMA IF NOT EXISTS {} COMMENT = {COMMENT}", self.schema);
        self.add(Kind::Create, create, "a place for the policies; no data lives here");
        Ok(())
    }

    /// A policy in use cannot be replaced, only altered (snowflake docs: create-network-policy). A rule has no
    /// IF NOT EXISTS, but CREATE OR ALTER changes it in place (snowflake docs: create-network-rule).
    fn network(&mut self) -> Result<(), SqlError> {
        let wanted = self.wanted;
        let Network::Allow { policy, ranges } = &wanted.network else { return Ok(()) };
        let rule = format!(
            "{}.{}",
            self.schema,
            Ident::new("network rule", &format!("{policy}_INGRESS"))?
        );
        let values = literals("address range", ranges)?;
        self.add(
            Kind::Create,
            format!(
                "CREATE OR ALTER NETWORK RULE {rule} TYPE = IPV4 VALUE_LIST = ({values}) MODE = INGRESS COMMENT = {COMMENT}"
            ),
            "from where broker and service users may connect",
        );
        let rules = Literal::new("network rule", &rule)?;
        let create = format!(
            "CREATE NETWORK POLICY IF NOT EXISTS {} ALLOWED_NETWORK_RULE_LIST = ({rules}) COMMENT = {COMMENT}",
            self.policy
        );
        self.add(
            Kind::Create,
            create,
            "Snowflake issues no token to a service user without a network policy",
        );
        let alter = format!(
            "ALTER NETWORK POLICY {} SET ALLOWED_NETWORK_RULE_LIST = ({rules})",
            self.policy
        );
        self.add(Kind::Alter, alter, "in case the policy existed");
        Ok(())
    }

    /// All properties of PAT_POLICY are written each time: SET may reset those left out.
    fn authentication(&mut self) -> Result<(), SqlError> {
        let days = self.wanted.max_days_to_expiry;
        if !(1..=365).contains(&days) {
            let value = i64::from(days);
            return Err(SqlError::Range { what: "max_days_to_expiry", value, range: "1 to 365" });
        }
        let tokens = format!(
            "AUTHENTICATION_METHODS = ('PROGRAMMATIC_ACCESS_TOKEN') PAT_POLICY = (DEFAULT_EXPIRY_IN_DAYS = {days} \
             MAX_EXPIRY_IN_DAYS = {days} NETWORK_POLICY_EVALUATION = ENFORCED_REQUIRED \
             REQUIRE_ROLE_RESTRICTION_FOR_SERVICE_USERS = TRUE)"
        );
        self.policy_of(
            TOKENS_ONLY,
            &tokens,
            "service users log in with role-restricted tokens and nothing else",
        );
        self.policy_of(
            KEY_ONLY,
            "AUTHENTICATION_METHODS = ('KEYPAIR')",
            "the broker logs in with its key and nothing else",
        );
        Ok(())
    }

    fn policy_of(&mut self, name: &str, properties: &str, why: &str) {
        let name = format!("{}.{name}", self.schema);
        let create = format!(
            "CREATE AUTHENTICATION POLICY IF NOT EXISTS {name} {properties} COMMENT = {COMMENT}"
        );
        self.add(Kind::Create, create, why);
        let alter = format!("ALTER AUTHENTICATION POLICY {name} SET {properties}");
        self.add(Kind::Alter, alter, "in case the policy existed");
    }

    fn broker(&mut self) -> Result<(), SqlError> {
        let key = Literal::new("public key", &self.wanted.broker.public_key)?;
        let properties = format!(
            "TYPE = SERVICE DEFAULT_ROLE = {} DEFAULT_SECONDARY_ROLES = () RSA_PUBLIC_KEY = {key}",
            self.broker_role
        );
        let (user, role) = (self.broker_user.to_string(), self.broker_role.to_string());
        self.user(&user, &properties, "the broker's user, with the key this host made");
        self.add(
            Kind::Grant,
            format!("GRANT ROLE {role} TO USER {user}"),
            "the broker's only role",
        );
        self.attach(&user, KEY_ONLY);
        if self.wanted.broker.replaces_own_key {
            self.manage_tokens_of(&user, "the broker may replace its own key");
        }
        Ok(())
    }

    fn service_user(&mut self, wanted: &ServiceUser) -> Result<(), SqlError> {
        let user = Ident::new("user", wanted.user.as_str())?.to_string();
        let role = Ident::new("role", wanted.role.as_str())?.to_string();
        let create = format!("CREATE ROLE IF NOT EXISTS {role} COMMENT = {COMMENT}");
        self.add(Kind::Create, create, "the one role of this service user");
        let mut properties =
            format!("TYPE = SERVICE DEFAULT_ROLE = {role} DEFAULT_SECONDARY_ROLES = ()");
        if let Some(warehouse) = &wanted.warehouse {
            properties
                .push_str(&format!(" DEFAULT_WAREHOUSE = {}", Ident::new("warehouse", warehouse)?));
        }
        self.user(&user, &properties, "the service user the command line works as");
        self.add(
            Kind::Grant,
            format!("GRANT ROLE {role} TO USER {user}"),
            "a token's role restriction grants nothing: the role must be granted already",
        );
        self.usage(&role, wanted)?;
        self.attach(&user, TOKENS_ONLY);
        self.manage_tokens_of(
            &user,
            "all that the broker can do at Snowflake: manage this user's tokens and keys",
        );
        Ok(())
    }

    fn usage(&mut self, role: &str, wanted: &ServiceUser) -> Result<(), SqlError> {
        if let Some(warehouse) = &wanted.warehouse {
            let warehouse = Ident::new("warehouse", warehouse)?;
            self.grant_usage(&format!("WAREHOUSE {warehouse}"), role);
        }
        let Some(database) = &wanted.database else { return Ok(()) };
        let database = Ident::new("database", database)?;
        self.grant_usage(&format!("DATABASE {database}"), role);
        if let Some(schema) = &wanted.schema {
            let schema = Ident::new("schema", schema)?;
            self.grant_usage(&format!("SCHEMA {database}.{schema}"), role);
        }
        Ok(())
    }

    fn grant_usage(&mut self, object: &str, role: &str) {
        let grant = format!("GRANT USAGE ON {object} TO ROLE {role}");
        self.add(Kind::Grant, grant, "what the connection names as its default");
    }

    fn user(&mut self, user: &str, properties: &str, why: &str) {
        let create = format!("CREATE USER IF NOT EXISTS {user} {properties} COMMENT = {COMMENT}");
        self.add(Kind::Create, create, why);
        self.add(
            Kind::Alter,
            format!("ALTER USER {user} SET {properties}"),
            "in case the user existed",
        );
    }

    /// FORCE, because a second SET of an authentication policy is refused without it
    /// (snowflake docs: alter-user).
    fn attach(&mut self, user: &str, authentication: &str) {
        let network = format!("ALTER USER {user} SET NETWORK_POLICY = {}", self.policy);
        self.add(Kind::Alter, network, "from where this user may connect");
        let authentication = format!(
            "ALTER USER {user} SET AUTHENTICATION POLICY {}.{authentication} FORCE",
            self.schema
        );
        self.add(Kind::Alter, authentication, "how this user may log in");
    }

    fn manage_tokens_of(&mut self, user: &str, why: &str) {
        let grant = format!(
            "GRANT MODIFY PROGRAMMATIC AUTHENTICATION METHODS ON USER {user} TO ROLE {}",
            self.broker_role
        );
        self.add(Kind::Grant, grant, why);
    }

    fn add(&mut self, kind: Kind, text: String, why: &str) {
        self.statements.push(Statement { text, kind, why: why.to_owned() });
    }
}

fn literals(what: &'static str, texts: &[String]) -> Result<String, SqlError> {
    if texts.is_empty() {
        return Err(SqlError::Empty { what });
    }
    let quoted: Result<Vec<String>, SqlError> =
        texts.iter().map(|text| Ok(Literal::new(what, text)?.to_string())).collect();
    Ok(quoted?.join(", "))
}

const COMMENT: &str = "'PAT Broker'";
const TOKENS_ONLY: &str = "\"PATD_TOKENS_ONLY\"";
const KEY_ONLY: &str = "\"PATD_KEY_ONLY\"";
