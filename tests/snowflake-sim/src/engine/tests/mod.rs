//! The engine's promises, by area. Here: the small world every test begins with.

mod auth_policies;
mod determinism;
mod grants;
mod key_pairs;
mod keys;
mod logins;
mod networks;
mod pat_add;
mod pat_modify;
mod pat_rotate;
mod pat_show;
mod privileges;
mod rules_table;
mod selects;
mod sessions;
mod shows;
mod usage;
mod users;

use std::net::IpAddr;

use super::{
    AccountIdentity, Engine, LoginAttempt, LoginFailure, LoginMethod, Millis, ResultTable, Session,
    SqlError, Switches, Via,
};

/// 2027-01-15, 08:00 UTC.
const START: Millis = Millis(1_800_000_000_000);

/// A service user with its role, a broker that may handle its tokens, a person, and a policy for 127.0.0.1.
const SETUP: &str = "
    create database db;
    create network rule db.public.loopback type = ipv4 value_list = ('127.0.0.1') mode = ingress;
    create network policy np allowed_network_rule_list = ('db.public.loopback');
    create warehouse wh;
    create role cli_role;
    create role other_role;
    create user cli type = service default_role = cli_role default_secondary_roles = () network_policy = np;
    grant role cli_role to user cli;
    grant role other_role to user cli;
    create role broker_role;
    create user broker type = service default_role = broker_role network_policy = np;
    grant role broker_role to user broker;
    grant modify programmatic authentication methods on user cli to role broker_role;
    create user miguel type = person default_role = cli_role;
    grant role cli_role to user miguel;
    grant role other_role to user miguel;
";

struct World {
    engine: Engine,
    now: Millis,
}

type Answer = Result<ResultTable, SqlError>;

impl World {
    fn new() -> Self {
        Self::with(Switches::default())
    }

    fn with(switches: Switches) -> Self {
        let engine = Engine::new(1, AccountIdentity::default(), switches);
        let mut world = Self { engine, now: START };
        world.script(SETUP);
        world
    }

    /// Runs a script as ADMIN under ACCOUNTADMIN; every statement must succeed.
    fn script(&mut self, sql: &str) {
        for statement in Engine::split_script(sql).unwrap() {
            self.admin(&statement);
        }
    }

    /// Runs a statement as ADMIN, which must succeed.
    fn admin(&mut self, sql: &str) -> ResultTable {
        self.as_role("ADMIN", "ACCOUNTADMIN", sql).unwrap_or_else(|e| panic!("{sql}: {e}"))
    }

    /// Runs a statement as ADMIN, which must fail; returns the code.
    fn refused(&mut self, sql: &str) -> &'static str {
        match self.as_role("ADMIN", "ACCOUNTADMIN", sql) {
            Ok(answer) => panic!("{sql}: {answer:?}"),
            Err(error) => error.code,
        }
    }

    /// Runs a statement as a user under a role, without secondary roles.
    fn as_role(&mut self, user: &str, role: &str, sql: &str) -> Answer {
        let mut session = self.engine.admin_session(user, role);
        self.engine.execute(&mut session, sql, self.now)
    }

    fn run(&mut self, session: &mut Session, sql: &str) -> Answer {
        self.engine.execute(session, sql, self.now)
    }

    /// Makes a token as ADMIN and returns its secret.
    fn mint(&mut self, user: &str, name: &str, options: &str) -> String {
        let answer = self.admin(&format!("alter user {user} add pat {name} {options}"));
        answer.cell(0, "token_secret").unwrap().to_owned()
    }

    /// Makes the usual restricted token of CLI.
    fn mint_cli(&mut self) -> String {
        self.mint("cli", "t", "role_restriction = 'CLI_ROLE'")
    }

    fn login(&mut self, secret: &str) -> Result<Session, LoginFailure> {
        self.engine.login(&attempt(secret), self.now)
    }

    /// Returns the code a login with the secret fails with.
    fn login_code(&mut self, secret: &str) -> &'static str {
        self.login(secret).unwrap_err().code
    }

    fn days(&mut self, days: i64) {
        self.now = self.now.plus_days(days);
    }

    fn hours(&mut self, hours: i64) {
        self.now = self.now.plus_hours(hours);
    }
}

fn attempt(secret: &str) -> LoginAttempt {
    let method = LoginMethod::Pat { secret: secret.to_owned() };
    LoginAttempt {
        login_name: None,
        method,
        role: None,
        warehouse: None,
        database: None,
        schema: None,
        client_ip: ip("127.0.0.1"),
        client_type: "PythonConnector".into(),
        client_version: "4.7.5".into(),
        via: Via::Driver,
    }
}

fn ip(text: &str) -> IpAddr {
    text.parse().unwrap()
}
