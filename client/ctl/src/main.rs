//! `patctl`: how a person inspects, rotates, revokes, enrols, configures and sets up PAT Broker.
//!
//! Reads the command line, runs one verb, prints its answer once. What a verb does is in a file of its own.

#![forbid(unsafe_code)]

mod accounts;
mod add;
mod admin_key;
mod adopt;
mod answer;
mod apply;
mod audit;
mod audit_tokens;
mod bootstrap;
mod checks;
mod cli;
mod completions;
mod confirm;
mod cortex_settings;
mod crash;
mod daemon;
mod destroy;
mod doctor;
mod drift;
mod enrol;
mod errand;
mod explain;
mod files;
mod init;
mod leases;
mod log;
mod manifest;
mod metrics;
mod network;
mod plan;
mod plan_file;
mod progress;
mod public_key;
mod rebuild;
mod remove;
mod retire;
mod revoke;
mod rotate;
mod runner;
mod status;
mod stops;
mod table;
mod target;
mod text;
mod time;
mod validate;
mod verify;

use std::process::ExitCode;

use answer::{Answer, Failure};
use cli::{Cli, LeaseArgs, LeaseVerb, Verb};

fn main() -> ExitCode {
    match Cli::parse_or_explain() {
        Ok(cli) => answer::print(cli.json, run(&cli)),
        Err(explained) => explained,
    }
}

fn run(cli: &Cli) -> Result<Answer, Failure> {
    match &cli.verb {
        Verb::Status(args) => status::run(cli, args),
        Verb::Rotate(args) => rotate::run(cli, args),
        Verb::Revoke(args) => revoke::run(cli, args),
        Verb::Enrol(args) => enrol::run(cli, args),
        Verb::Add(args) => add::run(cli, args),
        Verb::Remove(args) => remove::run(cli, args),
        Verb::Validate => validate::run(cli),
        Verb::Explain(args) => explain::run(cli, args),
        Verb::Log(args) => log::run(cli, args),
        Verb::Init(args) => init::run(cli, args),
        Verb::Bootstrap(args) => bootstrap::run(cli, args),
        Verb::Plan(args) => plan::run(cli, args),
        Verb::Apply(args) => apply::run(cli, args),
        Verb::Verify(args) => verify::run(cli, args),
        Verb::Drift(args) => drift::run(cli, args),
        Verb::Doctor => doctor::run(cli),
        Verb::Leases(args) => leases::run(cli, args),
        Verb::Metrics(args) => metrics::run(cli, args),
        Verb::Lease(LeaseArgs { what: LeaseVerb::End(args) }) => leases::end(cli, args),
        Verb::Audit(args) => audit::run(cli, args),
        Verb::Adopt(args) => adopt::run(cli, args),
        Verb::Manifest(args) => manifest::run(cli, args),
        Verb::Destroy(args) => destroy::run(cli, args),
        Verb::Retire(args) => retire::run(cli, args),
        Verb::AdminKey(args) => admin_key::run(cli, &args.what),
        Verb::CortexSettings(args) => cortex_settings::run(cli, args),
        Verb::Rebuild(args) => rebuild::run(cli, args),
        Verb::Completions(args) => completions::run(args),
    }
}
