//! An account with the whole pattern in it, put up by the plan for an empty one, and who looks at it.

use std::sync::Arc;

use pat_wire::secret::Secret;
use patd_core::names::{Account, Role, User};
use patd_core::pattern::desired::{
    Broker, Desired, Evaluation, Home, Management, Network, Scopes, ServiceUser, Source,
    TokenPolicy,
};
use patd_core::pattern::observed::{Observed, Seen, UserFacts};
use patd_core::pattern::plan::{self, render};
use patd_core::pattern::reading::Breadth;
use patd_snowflake::authority::AdminLogin;
use patd_snowflake::endpoint::Endpoint;
use patd_snowflake::key::SigningKey;
use patd_snowflake::provision::observe;
use patd_snowflake::sql_api::SqlApi;
use snowflake_sim::{Options, Simulator};
use tempfile::NamedTempFile;

use crate::world::client;

/// An account with the whole pattern in it.
pub(crate) struct House {
    pub(crate) sim: Simulator,
    pub(crate) desired: Desired,
    pub(crate) key: Arc<SigningKey>,
    /// The CA of a simulator with TLS, for as long as the house stands.
    ca: Option<NamedTempFile>,
}

impl House {
    pub(crate) fn new() -> Self {
        Self::with(Options::default())
    }

    /// Returns the account in a simulator of these options.
    pub(crate) fn with(options: Options) -> Self {
        let sim = Simulator::start(options).expect("simulator");
        let key = Arc::new(SigningKey::generate().expect("key").0);
        let ca = sim.ca_pem().map(|pem| {
            let file = NamedTempFile::new().expect("file");
            std::fs::write(file.path(), pem).expect("CA file");
            file
        });
        let house = Self { desired: desired(&sim, &key), sim, key, ca };
        let offline = plan::offline(&house.desired).expect("a plan");
        house.admin(&render::sql(&offline));
        house.admin(&format!(
            "CREATE USER SEC TYPE = PERSON RSA_PUBLIC_KEY = '{}'; \
             GRANT ROLE ACCOUNTADMIN TO USER SEC",
            house.key.public_key_body()
        ));
        house
    }

    pub(crate) fn admin(&self, sql: &str) {
        self.sim.admin_script(sql).unwrap_or_else(|error| panic!("{error}: {sql}"));
    }

    /// Returns where the simulator is, straight or through a proxy.
    pub(crate) fn endpoint(&self, proxy: Option<&str>) -> Endpoint {
        let account = Account::new(self.sim.account());
        let ca = self.ca.as_ref().map(NamedTempFile::path);
        let proxy = proxy.map(|proxy| Secret::new(proxy.to_owned()));
        let (host, port) = (self.sim.host(), self.sim.port());
        Endpoint::new(account, &host, port, ca.is_some(), ca, proxy.as_ref()).expect("endpoint")
    }

    pub(crate) fn login(&self, user: &str, role: &str) -> AdminLogin {
        AdminLogin { user: User::new(user), role: Role::new(role), key: Arc::clone(&self.key) }
    }

    pub(crate) fn api(&self, user: &str, role: &str) -> SqlApi {
        SqlApi::new(client(&self.endpoint(None)), self.login(user, role))
    }

    pub(crate) fn as_admin(&self) -> SqlApi {
        self.api("SEC", "ACCOUNTADMIN")
    }

    pub(crate) fn as_broker(&self) -> SqlApi {
        self.api("BROKER", "BROKER_ROLE")
    }

    pub(crate) async fn seen_by_admin(&self) -> Observed {
        observe(&self.as_admin(), &self.desired, Breadth::Whole).await.expect("an observation")
    }
}

fn desired(sim: &Simulator, key: &SigningKey) -> Desired {
    Desired {
        account: Account::new(sim.account()),
        run_as: Role::new("ACCOUNTADMIN"),
        home: Home {
            database: "PATD".into(),
            schema: "POLICIES".into(),
            management: Management::Ours,
        },
        broker: Broker {
            user: User::new("BROKER"),
            role: Role::new("BROKER_ROLE"),
            public_key: Some(key.public_key_body()),
            key_fingerprint: Some(key.fingerprint()),
            replaces_own_key: true,
            other_roles: Vec::new(),
            management: Management::Ours,
        },
        network: Network::Allow {
            policy: "BROKER_NETWORK".into(),
            sources: vec![Source::Range("127.0.0.0/8".into())],
        },
        tokens: TokenPolicy::Ours {
            default_days: 7,
            max_days: 7,
            is_limit: false,
            evaluation: Evaluation::EnforcedRequired,
        },
        users: vec![ServiceUser {
            user: User::new("MIGUEL_CLI"),
            user_management: Management::Ours,
            role: Role::new("MIGUEL_CLI_ROLE"),
            role_management: Management::Ours,
            to_sysadmin: true,
            warehouse: None,
            privileges: Vec::new(),
            database_roles: vec![["SNOWFLAKE".into(), "CORTEX_USER".into()]],
            rotates: false,
        }],
        scopes: Scopes { bar_persons: false, admit_services: false, blocked_roles: Vec::new() },
    }
}

/// Returns a fact that was seen.
pub(crate) fn known<T>(seen: &Seen<T>) -> &T {
    seen.known().expect("it is hidden")
}

/// Returns a user that was seen.
pub(crate) fn user<'o>(observed: &'o Observed, name: &str) -> &'o UserFacts {
    let seen = observed.users.get(name).and_then(Seen::known);
    seen.and_then(Option::as_ref).unwrap_or_else(|| panic!("{name} was not seen: {observed:#?}"))
}
