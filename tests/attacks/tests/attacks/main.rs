//! The attacks of SECURITY.md, tried for real: as other users, in namespaces, with real kills. Prints one line for each:
//! what was tried, what the attacker got, and the control, which is the same attempt made so that it must succeed.
//! With an argument: only the chapters that have it in their title.

mod containers;
mod disks;
mod gate;
mod identity;
mod impostors;
mod leaks;
mod load;
mod looking;
mod numbers;
mod passing;
mod requests;

use std::process::ExitCode;

use attacks::{Ground, Table, enter};

fn main() -> ExitCode {
    let inside = match enter() {
        Ok(inside) => inside,
        Err(over) => return over,
    };
    let wanted = std::env::args().skip(1).find(|argument| !argument.starts_with('-'));
    let wanted = wanted.unwrap_or_default();
    let mut ground = Ground::new(&inside);
    let mut table = Table::default();
    println!(
        "attack | got: what the attacker got | control: what the same got where it must succeed"
    );
    println!("(the wrapper is the one {})", ground.wrapper_is);
    for (title, chapter) in CHAPTERS.into_iter().filter(|(title, _)| title.contains(&wanted)) {
        table.chapter(title, |table| chapter(&mut ground, table));
    }
    table.end()
}

type Chapter = fn(&mut Ground, &mut Table);

const CHAPTERS: [(&str, Chapter); 11] = [
    ("who asks", identity::try_all),
    ("a number for two", numbers::try_all),
    ("what comes along", passing::try_all),
    ("past the gate", gate::try_all),
    ("out of a container", containers::try_all),
    ("looking into processes and files", looking::try_all),
    ("in the daemon's place", impostors::try_all),
    ("requests that are none", requests::try_all),
    ("too much", load::try_all),
    ("no room", disks::try_all),
    ("secrets after a panic", leaks::try_all),
];
