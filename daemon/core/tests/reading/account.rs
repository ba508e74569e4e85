//! An account on paper: an answer for each statement, and what SHOW and DESCRIBE say where none was written.

use std::collections::{BTreeMap, BTreeSet};

use patd_core::names::{Account, Role, User};
use patd_core::pattern::desired::{
    Broker, Desired, Evaluation, Home, Management, Network, Scopes, ServiceUser, Source,
    TokenPolicy,
};
use patd_core::pattern::observed::{Observed, Seen};
use patd_core::pattern::reading::{Breadth, Denied, Reading, Rows, Unreadable};

type Answer = Result<Rows, Denied>;

/// What is written down. Other SHOWs are empty, everything else is refused as not there.
#[derive(Clone)]
pub(crate) struct Paper {
    answers: BTreeMap<String, Answer>,
    /// Every statement that was asked, in order.
    pub(crate) asked: Vec<String>,
}

impl Paper {
    /// An account of which the acting role sees nothing but itself.
    pub(crate) fn seen_as(role: &str) -> Self {
        let mut paper = Self { answers: BTreeMap::new(), asked: Vec::new() };
        paper.site(role, ["MYORG", "MYACCOUNT", "AB12345"]);
        paper.grants_to_role(role, &[]);
        paper
    }

    /// Writes who looks, and what its session says of its account: organization, name, locator.
    pub(crate) fn site(&mut self, role: &str, [organization, account, locator]: [&str; 3]) {
        let columns = ["user", "role", "address", "organization", "account", "locator"];
        let who = ["ADMIN", role, "192.0.2.7", organization, account, locator];
        self.rows(ACTING, &columns, &[&who]);
    }

    /// Writes an answer of rows; an empty text stands for null.
    pub(crate) fn rows(&mut self, statement: &str, columns: &[&str], rows: &[&[&str]]) {
        let cell = |text: &&str| Some((*text).to_owned()).filter(|text| !text.is_empty());
        let rows = Rows {
            columns: columns.iter().map(|&name| name.to_owned()).collect(),
            rows: rows.iter().map(|row| row.iter().map(cell).collect()).collect(),
        };
        self.answers.insert(statement.to_owned(), Ok(rows));
    }

    /// Writes a refusal.
    pub(crate) fn refusal(&mut self, statement: &str, code: &str) {
        let refused = Denied { code: code.to_owned(), message: "no".to_owned() };
        self.answers.insert(statement.to_owned(), Err(refused));
    }

    /// Writes what a role holds: privilege, kind, name.
    pub(crate) fn grants_to_role(&mut self, role: &str, grants: &[[&str; 3]]) {
        let rows: Vec<&[&str]> = grants.iter().map(|grant| grant.as_slice()).collect();
        let statement = format!("SHOW GRANTS TO ROLE \"{role}\"");
        self.rows(&statement, &["privilege", "granted_on", "name"], &rows);
    }

    /// Writes a page of users: name, type, disabled.
    pub(crate) fn users(&mut self, statement: &str, users: &[[&str; 3]]) {
        let rows: Vec<Vec<&str>> = users
            .iter()
            .map(|[name, kind, disabled]| {
                vec![*name, "USERADMIN", *kind, *name, *disabled, "false", "true", "false"]
            })
            .collect();
        let rows: Vec<&[&str]> = rows.iter().map(Vec::as_slice).collect();
        self.rows(statement, &USERS, &rows);
    }

    /// Writes the authentication policy in force for a user: the name, or empty for the built-in one.
    pub(crate) fn in_force(&mut self, user: &str, policy: &str) {
        let statement = format!("SHOW AUTHENTICATION POLICIES ON USER \"{user}\"");
        let columns = ["database_name", "schema_name", "name", "set_on"];
        let row = match policy {
            "" => ["", "", "BUILT-IN", "SYSTEM"],
            policy => ["DB", "S", policy, "ACCOUNT"],
        };
        self.rows(&statement, &columns, &[&row]);
    }

    /// Holds the whole conversation.
    pub(crate) fn read(&mut self, breadth: Breadth) -> Result<Observed, Unreadable> {
        self.read_as(&desired(), breadth)
    }

    /// Holds the whole conversation about something else.
    pub(crate) fn read_as(
        &mut self,
        desired: &Desired,
        breadth: Breadth,
    ) -> Result<Observed, Unreadable> {
        let mut reading = Reading::new(desired, breadth).expect("names that can be quoted");
        loop {
            let questions = reading.next();
            if questions.is_empty() {
                return reading.finish();
            }
            for question in questions {
                let statement = &question.statement.text;
                self.asked.push(statement.clone());
                let answer = self.answers.get(statement).cloned();
                reading.answer(&question, answer.unwrap_or_else(|| unwritten(statement)))?;
            }
        }
    }
}

fn unwritten(statement: &str) -> Answer {
    let columns: &[&str] = match statement {
        text if text.starts_with("SHOW ROLES") => &["name", "owner", "comment"],
        text if text.starts_with("SHOW DATABASES") => &["name", "owner", "comment"],
        text if text.starts_with("SHOW USERS") => &USERS,
        "SHOW NETWORK POLICIES" => &["name", "comment"],
        "SHOW AUTHENTICATION POLICIES ON ACCOUNT" => {
            &["database_name", "schema_name", "name", "options"]
        }
        _ => {
            let message = "does not exist or not authorized".to_owned();
            return Err(Denied { code: "002003".to_owned(), message });
        }
    };
    Ok(Rows { columns: columns.iter().map(|&name| name.to_owned()).collect(), rows: Vec::new() })
}

/// What every test wants: a broker, one service user, everything ours.
pub(crate) fn desired() -> Desired {
    Desired {
        account: Account::new("MYORG-MYACCOUNT"),
        run_as: Role::new("ACCOUNTADMIN"),
        home: Home { database: "DB".into(), schema: "S".into(), management: Management::Ours },
        broker: Broker {
            user: User::new("BROKER"),
            role: Role::new("BROKER_ROLE"),
            public_key: None,
            key_fingerprint: None,
            replaces_own_key: true,
            other_roles: Vec::new(),
            management: Management::Ours,
        },
        network: Network::Allow {
            policy: "NP".into(),
            sources: vec![Source::Range("192.0.2.0/24".into())],
        },
        tokens: TokenPolicy::Ours {
            default_days: 7,
            max_days: 7,
            is_limit: false,
            evaluation: Evaluation::EnforcedRequired,
        },
        users: vec![ServiceUser {
            user: User::new("CLI"),
            user_management: Management::Ours,
            role: Role::new("CLI_ROLE"),
            role_management: Management::Ours,
            to_sysadmin: false,
            warehouse: None,
            privileges: Vec::new(),
            database_roles: Vec::new(),
            rotates: false,
        }],
        scopes: Scopes { bar_persons: true, admit_services: true, blocked_roles: Vec::new() },
    }
}

pub(crate) const ACTING: &str = "SELECT CURRENT_USER() AS \"user\", CURRENT_ROLE() AS \"role\", \
                                 CURRENT_IP_ADDRESS() AS \"address\", \
                                 CURRENT_ORGANIZATION_NAME() AS \"organization\", \
                                 CURRENT_ACCOUNT_NAME() AS \"account\", \
                                 CURRENT_ACCOUNT() AS \"locator\"";

const USERS: [&str; 8] = [
    "name",
    "owner",
    "type",
    "login_name",
    "disabled",
    "has_password",
    "has_rsa_public_key",
    "has_workload_identity",
];

/// Returns what a hidden fact needs.
pub(crate) fn hidden<T>(seen: &Seen<T>) -> &str {
    match seen {
        Seen::Hidden { needs } => needs,
        Seen::Known(_) => panic!("it is known"),
    }
}

/// Returns names as a set.
pub(crate) fn set(items: &[&str]) -> BTreeSet<String> {
    items.iter().map(|&item| item.to_owned()).collect()
}
