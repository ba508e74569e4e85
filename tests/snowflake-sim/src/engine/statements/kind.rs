//! Which statement a text is: the key of fault injection and QUERY_HISTORY.QUERY_TYPE.

use serde::{Deserialize, Serialize};

use super::{key_pairs, pats, users};
use crate::engine::text::Cursor;

/// Kinds of statements.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StatementKind {
    /// `ALTER USER … ADD PROGRAMMATIC ACCESS TOKEN`.
    AddPat,
    /// `ALTER USER … ROTATE PROGRAMMATIC ACCESS TOKEN`.
    RotatePat,
    /// `ALTER USER … REMOVE PROGRAMMATIC ACCESS TOKEN`.
    RemovePat,
    /// `ALTER USER … MODIFY PROGRAMMATIC ACCESS TOKEN`.
    ModifyPat,
    /// `SHOW USER PROGRAMMATIC ACCESS TOKENS`.
    ShowPats,
    /// `ALTER USER … ADD | ROTATE | MODIFY | REMOVE KEY PAIR`.
    AlterKeyPair,
    /// `SHOW USER KEY PAIRS`.
    ShowKeyPairs,
    /// `CREATE USER`.
    CreateUser,
    /// Any other `ALTER USER`.
    AlterUser,
    /// `DROP USER`.
    DropUser,
    /// Any other `CREATE`.
    Create,
    /// `ALTER ACCOUNT`.
    AlterAccount,
    /// `ALTER SESSION`.
    AlterSession,
    /// Any other `ALTER`.
    Alter,
    /// Any other `DROP`.
    Drop,
    /// `GRANT`.
    Grant,
    /// `REVOKE`.
    Revoke,
    /// Any other `SHOW`.
    Show,
    /// `DESCRIBE`.
    Desc,
    /// `SELECT`.
    Select,
    /// `USE`.
    Use,
    /// Nothing the simulator knows.
    Other,
}

impl StatementKind {
    /// Returns whether a statement of this kind only looks, or chooses who looks.
    pub fn only_reads(self) -> bool {
        matches!(
            self,
            Self::ShowPats
                | Self::ShowKeyPairs
                | Self::Show
                | Self::Desc
                | Self::Select
                | Self::Use
        )
    }

    /// Returns the word QUERY_HISTORY prints.
    pub fn query_type(self) -> &'static str {
        match self {
            Self::AddPat
            | Self::RotatePat
            | Self::RemovePat
            | Self::ModifyPat
            | Self::AlterKeyPair
            | Self::AlterUser => "ALTER_USER",
            Self::CreateUser => "CREATE_USER",
            Self::DropUser => "DROP_USER",
            Self::Create => "CREATE",
            Self::AlterAccount => "ALTER_ACCOUNT",
            Self::AlterSession => "ALTER_SESSION",
            Self::Alter => "ALTER",
            Self::Drop => "DROP",
            Self::Grant => "GRANT",
            Self::Revoke => "REVOKE",
            Self::ShowPats | Self::ShowKeyPairs | Self::Show => "SHOW",
            Self::Desc => "DESCRIBE",
            Self::Select => "SELECT",
            Self::Use => "USE",
            Self::Other => "UNKNOWN",
        }
    }
}

/// Returns the kind of a text, judged by its words alone: a statement with a mistake keeps its kind.
pub(in crate::engine) fn kind(sql: &str) -> StatementKind {
    let Ok(mut cursor) = Cursor::over(sql) else { return StatementKind::Other };
    let phrases: [(&str, StatementKind); 20] = [
        ("ALTER USER", StatementKind::AlterUser),
        ("ALTER ACCOUNT", StatementKind::AlterAccount),
        ("ALTER SESSION", StatementKind::AlterSession),
        ("ALTER", StatementKind::Alter),
        ("CREATE OR REPLACE USER", StatementKind::CreateUser),
        ("CREATE USER", StatementKind::CreateUser),
        ("CREATE", StatementKind::Create),
        ("DROP USER", StatementKind::DropUser),
        ("DROP", StatementKind::Drop),
        ("GRANT", StatementKind::Grant),
        ("REVOKE", StatementKind::Revoke),
        ("SHOW USER PROGRAMMATIC ACCESS TOKENS", StatementKind::ShowPats),
        ("SHOW USER PATS", StatementKind::ShowPats),
        ("SHOW USER KEY PAIRS", StatementKind::ShowKeyPairs),
        ("SHOW", StatementKind::Show),
        ("DESCRIBE", StatementKind::Desc),
        ("DESC", StatementKind::Desc),
        ("SELECT", StatementKind::Select),
        ("USE", StatementKind::Use),
        ("", StatementKind::Other),
    ];
    let found = phrases.into_iter().find(|(words, _)| words.is_empty() || cursor.take(words));
    match found.map(|(_, kind)| kind) {
        Some(StatementKind::AlterUser) => kind_of_alter_user(&mut cursor),
        Some(kind) => kind,
        None => StatementKind::Other,
    }
}

fn kind_of_alter_user(cursor: &mut Cursor) -> StatementKind {
    if users::target(cursor).is_err() {
        return StatementKind::AlterUser;
    }
    if key_pairs::begins(cursor) {
        return StatementKind::AlterKeyPair;
    }
    pats::verb(cursor).unwrap_or(StatementKind::AlterUser)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_statement_has_its_kind() {
        let table = [
            ("alter user u add pat t", StatementKind::AddPat),
            ("ALTER USER IF EXISTS \"a b\" ADD PROGRAMMATIC ACCESS TOKEN t", StatementKind::AddPat),
            ("alter user rotate pat t", StatementKind::RotatePat),
            ("alter user u remove pat t -- bye", StatementKind::RemovePat),
            ("alter user u modify pat t set disabled = true", StatementKind::ModifyPat),
            ("show user pats for user u", StatementKind::ShowPats),
            ("show user programmatic access tokens", StatementKind::ShowPats),
            ("alter user u add key pair k public_key = 'x'", StatementKind::AlterKeyPair),
            ("alter user u set disabled = true", StatementKind::AlterUser),
            ("create or replace user u", StatementKind::CreateUser),
            ("create role r", StatementKind::Create),
            ("grant role r to user u", StatementKind::Grant),
            ("/* hi */ select 1;", StatementKind::Select),
            ("use role r", StatementKind::Use),
            ("desc user u", StatementKind::Desc),
            ("insert into t values (1)", StatementKind::Other),
            ("'", StatementKind::Other),
            ("", StatementKind::Other),
        ];
        for (sql, wanted) in table {
            assert_eq!(kind(sql), wanted, "{sql}");
        }
    }

    #[test]
    fn a_statement_with_a_mistake_keeps_its_kind() {
        assert_eq!(kind("alter user u add pat"), StatementKind::AddPat);
    }
}
