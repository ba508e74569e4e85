//! The smallest Snowflake driver that is still one: reads the default connection as the real clients
//! do, logs in, asks who it is. For suites that cannot have the real clients; plain http, loopback only.

use std::fs;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::PathBuf;

use serde_json::{Value, json};

/// How this driver calls itself; the simulator's login history shows it.
pub const CLIENT_NAME: &str = "QuickstartDriver";

/// Who a login turned out to be, as its own query answered.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Identity {
    /// `CURRENT_USER()`
    pub user: String,
    /// `CURRENT_ROLE()`
    pub role: String,
    /// `CURRENT_SECONDARY_ROLES()`
    pub secondary_roles: String,
}

/// Logs in with the default connection and asks who it is.
pub fn who_am_i() -> Result<Identity, String> {
    let entry = default_entry()?;
    let session = log_in(&entry)?;
    let query = "select current_user(), current_role(), current_secondary_roles()";
    let answer = post(
        &entry,
        "/queries/v1/query-request?requestId=00000000-0000-4000-8000-000000000001",
        Some(&session),
        &json!({"sqlText": query}),
    )?;
    let row = &answer["data"]["rowset"][0];
    let identity =
        Identity { user: text(&row[0])?, role: text(&row[1])?, secondary_roles: text(&row[2])? };
    post(&entry, "/session?delete=true", Some(&session), &json!({}))?;
    Ok(identity)
}

fn default_entry() -> Result<toml::Table, String> {
    let name = std::env::var("SNOWFLAKE_DEFAULT_CONNECTION_NAME")
        .map_err(|_| "no default connection is named")?;
    let entries: toml::Table =
        connections()?.parse().map_err(|_| "the connections are not TOML")?;
    entries.get(&name).and_then(|entry| entry.as_table()).cloned().ok_or(format!("no entry {name}"))
}

/// `SNOWFLAKE_CONNECTIONS` stands for the file, as in the Python connector.
fn connections() -> Result<String, String> {
    if let Ok(text) = std::env::var("SNOWFLAKE_CONNECTIONS") {
        return Ok(text);
    }
    let home = std::env::var_os("SNOWFLAKE_HOME").ok_or("SNOWFLAKE_HOME is not set")?;
    let path = PathBuf::from(home).join("connections.toml");
    fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))
}

fn log_in(entry: &toml::Table) -> Result<String, String> {
    let mut data = json!({
        "CLIENT_APP_ID": CLIENT_NAME,
        "CLIENT_APP_VERSION": env!("CARGO_PKG_VERSION"),
        "ACCOUNT_NAME": field(entry, "account")?,
        "LOGIN_NAME": field(entry, "user")?,
    });
    match entry.get("token") {
        Some(token) => {
            data["AUTHENTICATOR"] = json!("PROGRAMMATIC_ACCESS_TOKEN");
            data["TOKEN"] = json!(token.as_str());
        }
        None => data["PASSWORD"] = json!(field(entry, "password")?),
    }
    let path = format!("/session/v1/login-request?roleName={}", field(entry, "role")?);
    let answer = post(entry, &path, None, &json!({ "data": data }))?;
    text(&answer["data"]["token"])
}

fn post(
    entry: &toml::Table,
    path: &str,
    session: Option<&str>,
    body: &Value,
) -> Result<Value, String> {
    let port =
        entry.get("port").and_then(|port| port.as_integer()).ok_or("the entry has no port")?;
    let host = field(entry, "host")?;
    let port = u16::try_from(port).map_err(|_| "the port is out of range")?;
    let mut stream =
        TcpStream::connect((host, port)).map_err(|error| format!("{host}:{port}: {error}"))?;
    let body = body.to_string();
    let authorization = session
        .map_or(String::new(), |token| format!("Authorization: Snowflake Token=\"{token}\"\r\n"));
    write!(
        stream,
        "POST {path} HTTP/1.1\r\nHost: {host}:{port}\r\nContent-Type: application/json\r\nAccept: application/json\r\n\
         User-Agent: QuickstartDriver\r\n{authorization}Connection: close\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .map_err(|error| error.to_string())?;
    let mut reply = String::new();
    stream.read_to_string(&mut reply).map_err(|error| error.to_string())?;
    let (_, body) = reply.split_once("\r\n\r\n").ok_or("the reply has no body")?;
    let answer: Value = serde_json::from_str(body).map_err(|_| "the reply is not JSON")?;
    match answer["success"].as_bool() {
        Some(true) => Ok(answer),
        _ => Err(format!(
            "{}: {}",
            answer["code"].as_str().unwrap_or("?"),
            answer["message"].as_str().unwrap_or("?")
        )),
    }
}

fn field<'a>(entry: &'a toml::Table, name: &str) -> Result<&'a str, String> {
    entry.get(name).and_then(|value| value.as_str()).ok_or(format!("the entry has no {name}"))
}

fn text(value: &Value) -> Result<String, String> {
    value.as_str().map(String::from).ok_or("a value is missing in the reply".into())
}
