//! The simulator as a program: prints one line when it is ready, then serves until it is ended.

use std::io::{self, Write};
use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use snowflake_sim::{Options, Simulator};

/// A Snowflake simulator on loopback.
#[derive(Parser)]
#[command(name = "snowflake-sim", version)]
struct Arguments {
    /// Where to listen; port 0 takes a free one.
    #[arg(long, value_name = "ADDRESS:PORT", default_value = "127.0.0.1:0")]
    listen: SocketAddr,
    /// Speak https with a certificate of an own CA.
    #[arg(long, requires = "ca_out")]
    tls: bool,
    /// Where to write that CA's certificate.
    #[arg(long, value_name = "FILE", requires = "tls")]
    ca_out: Option<PathBuf>,
    /// What every secret and handle follows from.
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
    /// SQL to run as ADMIN before serving.
    #[arg(long, value_name = "FILE")]
    script: Option<PathBuf>,
    /// What the server believes clients' addresses are.
    #[arg(long, value_name = "ADDRESS")]
    client_address: Option<IpAddr>,
}

fn main() -> ExitCode {
    match serve(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => {
            // Nothing is left to tell when stderr is gone too.
            let _ = writeln!(io::stderr(), "snowflake-sim: {fault}");
            ExitCode::FAILURE
        }
    }
}

fn serve(arguments: &Arguments) -> Result<(), String> {
    let simulator = Simulator::start(Options {
        seed: arguments.seed,
        tls: arguments.tls,
        client_address: arguments.client_address,
        listen: arguments.listen,
        control: true,
        ..Options::default()
    })
    .map_err(|error| chain(&error))?;
    if let (Some(path), Some(pem)) = (&arguments.ca_out, simulator.ca_pem()) {
        std::fs::write(path, pem).map_err(|error| format!("{}: {error}", path.display()))?;
    }
    if let Some(path) = &arguments.script {
        let sql = std::fs::read_to_string(path);
        let sql = sql.map_err(|error| format!("{}: {error}", path.display()))?;
        simulator.admin_script(&sql).map_err(|error| format!("{}: {error}", path.display()))?;
    }
    let mut out = io::stdout();
    let said =
        writeln!(out, "snowflake-sim ready on {}", simulator.url()).and_then(|()| out.flush());
    said.map_err(|error| format!("could not say that it is ready: {error}"))?;
    loop {
        std::thread::park();
    }
}

fn chain(error: &dyn std::error::Error) -> String {
    match error.source() {
        Some(source) => format!("{error}: {}", chain(source)),
        None => error.to_string(),
    }
}
