//! Benchmarks: every number is measured in one run, interleaved with its baseline, and shown beside the bound it is
//! held to. The programs are those of `tests/run --bench`: release daemon, static wrapper.
//!
//! `PAT_BROKER_BENCH_ONLY=hand-out,thousand` runs these alone; the others are `wrapper`, `crowd` and `ten-thousand`.

mod client;
mod crowd;
mod echo;
mod footprint;
mod hand_out;
mod many;
mod pace;
mod report;
mod sample;
mod storm;
mod wrapper;

use std::path::PathBuf;
use std::process::ExitCode;

use report::Report;
use world::Binaries;

fn main() -> ExitCode {
    let mut arguments = std::env::args_os().skip(1);
    let first = arguments.next().unwrap_or_default();
    let mut socket = || arguments.next().map(PathBuf::from).expect("a socket path");
    match first.to_str() {
        Some(echo::AS_SERVER) => echo::serve(socket()),
        Some(client::AS_CLIENT) => client::run(socket(), socket()),
        Some(crowd::AS_USER) => crowd::run(socket(), socket()),
        Some(crowd::AS_WATCHER) => crowd::watch(socket()),
        Some(wrapper::AS_GATED) => wrapper::run_gated(),
        Some(_) | None => measure(),
    }
}

fn measure() -> ExitCode {
    let folder = std::env::var_os("PAT_BROKER_BENCH")
        .expect("tests/run --bench passes the programs' folder");
    let programs = Binaries::of(folder.into());
    let mut report = Report::default();
    let chosen = std::env::var("PAT_BROKER_BENCH_ONLY").ok();
    let is_chosen =
        |name: &str| chosen.as_ref().is_none_or(|only| only.split(',').any(|one| one == name));
    if is_chosen("wrapper") {
        wrapper::measure(&programs, &mut report);
    }
    if is_chosen("hand-out") {
        hand_out::measure(&programs, &mut report);
        storm::measure_hanging(&programs, &mut report);
    }
    if is_chosen("thousand") {
        footprint::measure(&programs, &mut report);
    }
    if is_chosen("crowd") {
        crowd::measure(&programs, &mut report);
    }
    if is_chosen("ten-thousand") {
        many::measure(&programs, &mut report);
    }
    report.print()
}
