//! The driver protocol's messages, as far as the probe needs them: built and read, never printed.

use pat_wire::secret::Secret;
use patd_core::names::User;
use patd_core::pattern::reading::Rows;
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::Form;
use crate::sql_api::unreadable;

/// What a session says of itself.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Shown {
    pub(crate) user: Option<String>,
    pub(crate) role: Option<String>,
    pub(crate) secondary: Option<String>,
}

/// An answer of the driver protocol that says no.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct No {
    pub(super) code: String,
    pub(super) message: String,
}

/// Why a body gives no value.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Unusable {
    /// The server says no.
    No(No),
    /// The body is not of the documented form; a reason that repeats none of it.
    Malformed(String),
}

/// Returns the body of a login request, in a buffer that is wiped and was never moved.
pub(super) fn login_body(
    account: &str,
    user: &User,
    secret: &Secret,
    form: Form,
) -> Option<Zeroizing<Vec<u8>>> {
    let token_form = form == Form::Token;
    let data = LoginData {
        app_id: "PythonConnector",
        app_version: "4.7.5",
        account,
        user: user.as_str(),
        environment: Environment { application: "PAT_BROKER" },
        authenticator: token_form.then_some("PROGRAMMATIC_ACCESS_TOKEN"),
        token: token_form.then(|| secret.expose()),
        password: (!token_form).then(|| secret.expose()),
        parameters: Parameters { result_format: "JSON" },
    };
    // JSON writes a byte with six at most.
    let room = secret.len().saturating_mul(6).saturating_add(FRAME_ROOM);
    let mut body = Zeroizing::new(Vec::with_capacity(room));
    serde_json::to_writer(&mut *body, &LoginRequest { data }).ok()?;
    Some(body)
}

/// Returns the body of a query. The text is not secret, but whatever carries a body here is wiped.
pub(super) fn query_body(sql: &str) -> Option<Zeroizing<Vec<u8>>> {
    let query = QueryRequest { sql, is_async: false, sequence: 1 };
    serde_json::to_vec(&query).ok().map(Zeroizing::new)
}

/// Returns the session token of a login's answer.
pub(super) fn session_token(body: &[u8]) -> Result<Secret, Unusable> {
    let data: SessionData<'_> = data(body)?;
    match data.token {
        Some(token) if !token.is_empty() => Ok(Secret::new(token.to_owned())),
        Some(_) | None => Err(Unusable::Malformed("the login succeeded without a token".into())),
    }
}

/// Returns the rows of a query's answer.
pub(super) fn rows(body: &[u8]) -> Result<Rows, Unusable> {
    let data: RowData = data(body)?;
    let columns: Vec<String> = data.columns.into_iter().map(|column| column.name).collect();
    if data.rows.iter().any(|row| row.len() != columns.len()) {
        return Err(malformed("a row has not as many values as there are columns"));
    }
    Ok(Rows { columns, rows: data.rows })
}

/// Returns what the one row of [`QUERY`] says, by column name.
pub(super) fn shown(rows: &Rows) -> Result<Shown, Unusable> {
    let [row] = rows.rows.as_slice() else {
        return Err(malformed("the query returned not exactly one row"));
    };
    let value = |name: &str| {
        let mut found = rows.columns.iter().zip(row).filter(|(c, _)| c.eq_ignore_ascii_case(name));
        match (found.next(), found.next()) {
            (Some((_, value)), None) => Ok(value.clone()),
            _ => Err(malformed("the row has not exactly one column of each name asked for")),
        }
    };
    Ok(Shown {
        user: value("CURRENT_USER()")?,
        role: value("CURRENT_ROLE()")?,
        secondary: value("CURRENT_SECONDARY_ROLES()")?,
    })
}

fn malformed(reason: &str) -> Unusable {
    Unusable::Malformed(reason.to_owned())
}

impl Shown {
    /// Returns the active secondary roles, empty if there are none, or nothing if that cannot be told.
    pub(crate) fn secondary_roles(&self) -> Option<String> {
        #[derive(Deserialize)]
        struct Secondary {
            roles: String,
        }
        let text = self.secondary.as_deref()?;
        serde_json::from_str::<Secondary>(text).ok().map(|secondary| secondary.roles)
    }
}

/// Returns the data of a successful answer. A failure's data is not looked at.
fn data<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, Unusable> {
    let malformed = |error: serde_json::Error| Unusable::Malformed(unreadable(&error));
    let verdict: Verdict = serde_json::from_slice(body).map_err(malformed)?;
    if !verdict.success {
        return Err(Unusable::No(No {
            code: verdict.code.unwrap_or_default(),
            message: verdict.message.unwrap_or_default(),
        }));
    }
    let answer: DataOf<T> = serde_json::from_slice(body).map_err(malformed)?;
    Ok(answer.data)
}

#[derive(Serialize)]
struct LoginRequest<'a> {
    data: LoginData<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
struct LoginData<'a> {
    #[serde(rename = "CLIENT_APP_ID")]
    app_id: &'a str,
    #[serde(rename = "CLIENT_APP_VERSION")]
    app_version: &'a str,
    #[serde(rename = "ACCOUNT_NAME")]
    account: &'a str,
    #[serde(rename = "LOGIN_NAME")]
    user: &'a str,
    #[serde(rename = "CLIENT_ENVIRONMENT")]
    environment: Environment<'a>,
    #[serde(skip_serializing_if = "Option::is_none")]
    authenticator: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    password: Option<&'a str>,
    #[serde(rename = "SESSION_PARAMETERS")]
    parameters: Parameters<'a>,
}

#[derive(Serialize)]
struct Environment<'a> {
    #[serde(rename = "APPLICATION")]
    application: &'a str,
}

/// The rows are read as JSON; left to itself the server may send Arrow to this client.
#[derive(Serialize)]
struct Parameters<'a> {
    #[serde(rename = "PYTHON_CONNECTOR_QUERY_RESULT_FORMAT")]
    result_format: &'a str,
}

#[derive(Serialize)]
struct QueryRequest<'a> {
    #[serde(rename = "sqlText")]
    sql: &'a str,
    #[serde(rename = "asyncExec")]
    is_async: bool,
    #[serde(rename = "sequenceId")]
    sequence: u64,
}

#[derive(Deserialize)]
struct Verdict {
    success: bool,
    code: Option<String>,
    message: Option<String>,
}

#[derive(Deserialize)]
struct DataOf<T> {
    data: T,
}

#[derive(Deserialize)]
struct SessionData<'a> {
    #[serde(borrow)]
    token: Option<&'a str>,
}

#[derive(Deserialize)]
struct RowData {
    #[serde(rename = "rowtype")]
    columns: Vec<Column>,
    #[serde(rename = "rowset")]
    rows: Vec<Vec<Option<String>>>,
}

#[derive(Deserialize)]
struct Column {
    name: String,
}

/// What a session is asked about itself.
pub(super) const QUERY: &str = "select current_user(), current_role(), current_secondary_roles()";
const FRAME_ROOM: usize = 4096;

#[cfg(test)]
mod tests {
    use pat_wire::secret::Secret;
    use patd_core::names::User;
    use serde_json::{Value, json};

    use super::{Form, No, Shown, Unusable, login_body, query_body, rows, session_token, shown};

    fn login(form: Form) -> Value {
        let secret = Secret::new("simpat_\"x".into());
        let body = login_body("MYORG-MYACCOUNT", &User::new("M"), &secret, form).expect("body");
        serde_json::from_slice::<Value>(&body).expect("json")["data"].take()
    }

    #[test]
    fn each_form_presents_the_secret_as_its_clients_do() {
        let token = login(Form::Token);
        assert_eq!(token["AUTHENTICATOR"], "PROGRAMMATIC_ACCESS_TOKEN");
        assert_eq!(token["TOKEN"], "simpat_\"x");
        assert_eq!(token["PASSWORD"], Value::Null);
        let password = login(Form::Password);
        assert_eq!(password["PASSWORD"], "simpat_\"x");
        assert_eq!((&password["AUTHENTICATOR"], &password["TOKEN"]), (&Value::Null, &Value::Null));
        assert_eq!(password["LOGIN_NAME"], "M");
        assert_eq!(password["ACCOUNT_NAME"], "MYORG-MYACCOUNT");
    }

    #[test]
    fn a_login_gives_its_token_or_its_no() {
        let yes = br#"{"success":true,"code":null,"message":null,"data":{"token":"simsess_x","masterToken":"y"}}"#;
        assert_eq!(
            session_token(yes).map(|token| token.expose().to_owned()),
            Ok("simsess_x".into())
        );
        let no = br#"{"data":{"nextAction":"RETRY_LOGIN"},"code":"394400","message":"Programmatic access token is invalid.","success":false,"headers":null}"#;
        let expected =
            No { code: "394400".into(), message: "Programmatic access token is invalid.".into() };
        assert_eq!(session_token(no).err(), Some(Unusable::No(expected)));
    }

    #[test]
    fn a_login_answer_of_another_shape_repeats_nothing() {
        for body in [
            "",
            "<html>simsess_x</html>",
            "{}",
            r#"{"success":true}"#,
            r#"{"success":true,"data":{}}"#,
            r#"{"success":true,"data":{"token":""}}"#,
            r#"{"success":true,"data":{"token":["simsess_x"]}}"#,
            r#"{"success":true,"data":{"token":"simsess_x\u0021"}}"#,
            r#"{"success":true,"data":{"token":"simsess_x""#,
        ] {
            let Err(Unusable::Malformed(reason)) = session_token(body.as_bytes()) else {
                panic!("{body} was accepted");
            };
            assert!(!reason.contains("simsess"), "{reason}");
        }
    }

    #[test]
    fn a_query_is_one_text_whatever_is_in_it() {
        let body = query_body("use role \"A\\\"B\"").expect("body");
        let read: Value = serde_json::from_slice(&body).expect("json");
        assert_eq!(read["sqlText"], "use role \"A\\\"B\"");
        assert_eq!((&read["asyncExec"], &read["sequenceId"]), (&json!(false), &json!(1)));
    }

    #[test]
    fn a_row_is_read_by_column_name() {
        let one = |names: [&str; 3], values: Value| {
            let columns: Vec<Value> = names.iter().map(|name| json!({"name": name})).collect();
            let body = json!({"success": true, "data": {"rowtype": columns, "rowset": values}});
            rows(body.to_string().as_bytes()).and_then(|rows| shown(&rows))
        };
        let names = ["CURRENT_ROLE()", "current_secondary_roles()", "CURRENT_USER()"];
        assert_eq!(
            one(names, json!([["R", null, "M"]])),
            Ok(Shown { user: Some("M".into()), role: Some("R".into()), secondary: None })
        );
        let doubled = ["CURRENT_ROLE()", "CURRENT_ROLE()", "CURRENT_USER()"];
        for malformed in [
            one(doubled, json!([["R", "R", "M"]])),
            one(names, json!([])),
            one(names, json!([["R", null, "M"], ["R", null, "M"]])),
            one(names, json!([["R", null]])),
        ] {
            assert!(matches!(malformed, Err(Unusable::Malformed(_))));
        }
    }
}
