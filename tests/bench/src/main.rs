//! Benchmarks: every number is measured in one run, interleaved with its baseline, and shown beside the bound it is
//! held to. The programs are those of `tests/run --bench`: release daemon, static wrapper.

mod client;
mod crowd;
mod echo;
mod footprint;
mod hand_out;
mod pace;
mod report;
mod sample;
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
        Some(_) | None => measure(),
    }
}

fn measure() -> ExitCode {
    let folder = std::env::var_os("PAT_BROKER_BENCH")
        .expect("tests/run --bench passes the programs' folder");
    let programs = Binaries::of(folder.into());
    let mut report = Report::default();
    wrapper::measure(&programs, &mut report);
    hand_out::measure(&programs, &mut report);
    footprint::measure(&programs, &mut report);
    crowd::measure(&programs, &mut report);
    report.print()
}
