//! A session of an admin who logs in with a browser. There is no browser here: the stand-in for `snow` brings its statements
//! to this socket, and they are run as ADMIN. What `patctl --via snow` makes of them is real.

use std::io::{self, Read, Write};
use std::net::Shutdown;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::Path;
use std::sync::Arc;
use std::thread;

use serde_json::{Map, Value, json};
use snowflake_sim::Simulator;
use snowflake_sim::engine::{Engine, ResultTable};

/// Where the stand-in knocks.
pub(crate) const PLACE: &str = "/run/browser-session.sock";

/// Opens the door to an account; it closes with the test.
pub(crate) fn open(sim: Arc<Simulator>) {
    let listener = UnixListener::bind(PLACE).expect("the door opens");
    let everybody = std::os::unix::fs::PermissionsExt::from_mode(0o666);
    std::fs::set_permissions(Path::new(PLACE), everybody).expect("a mode is set");
    thread::spawn(move || {
        for knock in listener.incoming().flatten() {
            let _ = answer(&sim, knock);
        }
    });
}

fn answer(sim: &Simulator, mut knock: UnixStream) -> io::Result<()> {
    let mut sql = String::new();
    knock.read_to_string(&mut sql)?;
    let answer = match results(sim, &sql) {
        Ok(results) => json!({ "results": results }),
        Err(error) => json!({ "error": error }),
    };
    knock.write_all(answer.to_string().as_bytes())?;
    knock.shutdown(Shutdown::Both)
}

fn results(sim: &Simulator, sql: &str) -> Result<Vec<Value>, String> {
    let statements = Engine::split_script(sql).map_err(|error| error.to_string())?;
    let run = |statement: &String| sim.admin_script(statement).map_err(|error| error.to_string());
    let tables = statements.iter().map(run).collect::<Result<Vec<_>, _>>()?;
    Ok(tables.iter().flatten().map(rows).collect())
}

/// As `snow sql --format json` prints a result: a list of objects.
fn rows(table: &ResultTable) -> Value {
    let object = |row: &Vec<Option<String>>| {
        let names = table.columns.iter().map(|column| column.name.clone());
        let fields = names.zip(row.iter().map(|cell| json!(cell)));
        Value::Object(fields.collect::<Map<_, _>>())
    };
    Value::Array(table.rows.iter().map(object).collect())
}
