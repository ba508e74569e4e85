//! One simulated account: a broker user with its key and role, and the service user it may issue for.

use std::path::Path;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use pat_wire::secret::Secret;
use patd_core::lifecycle::{Failure, Intent};
use patd_core::names::{Account, Generation, HostId, IntentId, Role, TokenName, User};
use patd_core::time::Timestamp;
use patd_snowflake::authority::{AddToken, Added, AdminLogin, Authority};
use patd_snowflake::endpoint::Endpoint;
use patd_snowflake::http::{Client, Limits};
use patd_snowflake::key::SigningKey;
use patd_snowflake::probe::Expected;
use snowflake_sim::{Options, Simulator};

pub(crate) const USER: &str = "MIGUEL_CLI";
pub(crate) const ROLE: &str = "MIGUEL_CLI_ROLE";

static KEY: LazyLock<Arc<SigningKey>> =
    LazyLock::new(|| Arc::new(SigningKey::generate().expect("key").0));

/// The simulator with the account in it.
pub(crate) struct World {
    pub(crate) sim: Simulator,
}

impl World {
    /// Returns the account over plain http on loopback.
    pub(crate) fn new() -> Self {
        Self::with(Options::default())
    }

    /// Returns the account in a simulator of these options.
    pub(crate) fn with(options: Options) -> Self {
        let sim = Simulator::start(options).expect("simulator");
        let world = Self { sim };
        world.admin(&SETUP.replace("{key}", &KEY.public_key_body()));
        world
    }

    /// Runs statements as the account's administrator.
    pub(crate) fn admin(&self, sql: &str) {
        if let Err(error) = self.sim.admin_script(sql) {
            panic!("{error}: {sql}");
        }
    }

    /// Returns where the simulator is.
    pub(crate) fn endpoint(&self, ca_file: Option<&Path>, proxy: Option<&str>) -> Endpoint {
        let tls = self.sim.ca_pem().is_some();
        let account = Account::new(self.sim.account());
        let host = self.sim.host();
        let (port, proxy) = (self.sim.port(), proxy.map(|proxy| Secret::new(proxy.to_owned())));
        Endpoint::new(account, &host, port, tls, ca_file, proxy.as_ref()).expect("endpoint")
    }

    /// Returns a client with short limits.
    pub(crate) fn client(&self) -> Client {
        client(&self.endpoint(None, None))
    }

    /// Returns the authority of the broker user.
    pub(crate) fn authority(&self) -> Authority {
        Authority::with_client(self.client(), login())
    }

    /// Returns the secret of a new token of this name.
    pub(crate) async fn secret(&self, name: &str) -> Secret {
        match self.authority().add(&token(name)).await {
            Added::Minted(secret) => secret,
            Added::Refused(refusal) => panic!("refused: {refusal:?}"),
            Added::Unclear(reason) => panic!("unclear: {reason}"),
        }
    }

    /// Returns the names of the tokens the account holds for the user.
    pub(crate) fn token_names(&self) -> Vec<String> {
        self.sim.tokens(USER).into_iter().map(|token| token.name).collect()
    }
}

/// Returns a client with short limits.
pub(crate) fn client(endpoint: &Endpoint) -> Client {
    let limits = Limits {
        request: Duration::from_secs(3),
        poll: Duration::from_secs(2),
        ..Limits::default()
    };
    Client::with_limits(endpoint, limits).expect("client")
}

/// Returns the broker user's login.
pub(crate) fn login() -> AdminLogin {
    let (user, role) = (User::new("PATD_HOST1"), Role::new("PATD_HOST1_ROLE"));
    AdminLogin { user, role, key: Arc::clone(&KEY) }
}

/// Returns an order for a token of this name, of the right role, for a week.
pub(crate) fn token(name: &str) -> AddToken {
    AddToken {
        user: User::new(USER),
        days_to_expiry: 7,
        host: HostId::new("0A1B2C3D"),
        intent: Intent {
            id: IntentId::new("A1B2C3"),
            generation: Generation(1),
            name: TokenName::new(name),
            role: Role::new(ROLE),
            at: Timestamp(0),
            tainted: false,
            overlap: None,
        },
    }
}

/// Returns what a good session shows.
pub(crate) fn expected() -> Expected {
    Expected { user: User::new(USER), role: Role::new(ROLE) }
}

/// Returns what came of an ADD, in a form that can be compared and printed.
pub(crate) async fn added(authority: &Authority, token: &AddToken) -> Result<(), Failure> {
    match authority.add(token).await {
        Added::Minted(_) => Ok(()),
        Added::Refused(refusal) => Err(Failure::Refused(refusal)),
        Added::Unclear(reason) => Err(Failure::Unclear(reason)),
    }
}

/// The least a security admin sets up (the role holds one privilege on one user).
const SETUP: &str = r#"
CREATE ROLE IF NOT EXISTS "PATD_HOST1_ROLE";
CREATE ROLE IF NOT EXISTS "MIGUEL_CLI_ROLE";
CREATE DATABASE IF NOT EXISTS "PATD_ADMIN";
CREATE SCHEMA IF NOT EXISTS "PATD_ADMIN"."POLICIES";
CREATE NETWORK RULE "PATD_ADMIN"."POLICIES"."HOSTS" TYPE = IPV4 MODE = INGRESS VALUE_LIST = ('127.0.0.1/32');
CREATE NETWORK POLICY IF NOT EXISTS "PATD_HOSTS" ALLOWED_NETWORK_RULE_LIST = ('"PATD_ADMIN"."POLICIES"."HOSTS"');
CREATE USER IF NOT EXISTS "PATD_HOST1" TYPE = SERVICE DEFAULT_ROLE = "PATD_HOST1_ROLE" DEFAULT_SECONDARY_ROLES = () RSA_PUBLIC_KEY = '{key}';
CREATE USER IF NOT EXISTS "MIGUEL_CLI" TYPE = SERVICE DEFAULT_ROLE = "MIGUEL_CLI_ROLE" DEFAULT_SECONDARY_ROLES = ();
GRANT ROLE "PATD_HOST1_ROLE" TO USER "PATD_HOST1";
GRANT ROLE "MIGUEL_CLI_ROLE" TO USER "MIGUEL_CLI";
ALTER USER "PATD_HOST1" SET NETWORK_POLICY = "PATD_HOSTS";
ALTER USER "MIGUEL_CLI" SET NETWORK_POLICY = "PATD_HOSTS";
GRANT MODIFY PROGRAMMATIC AUTHENTICATION METHODS ON USER "MIGUEL_CLI" TO ROLE "PATD_HOST1_ROLE";
"#;
