//! What comes along with a request: a connection that somebody else made, descriptors, credentials that are only said
//! (SECURITY.md: peer identity).

use std::fs;
use std::io::Read;

use attacks::{
    Attempt, CONNECTION, Ground, OTHER, OWNER, SOCKET, Table, as_uid, body, listening, program,
};

pub(crate) fn try_all(ground: &mut Ground, table: &mut Table) {
    passed_on(ground, table);
    forged(ground, table);
}

fn passed_on(ground: &Ground, table: &mut Table) {
    let asked = body(CONNECTION[0]);
    let of_entitled = passed(ground, OWNER, OTHER, &asked);
    table.defended(
        "SCM_RIGHTS: an entitled process asks on a connection that another uid made",
        passed(ground, OTHER, OWNER, &asked),
        passed(ground, OWNER, OWNER, &asked),
    );
    table.not_defended(
        "SCM_RIGHTS: an entitled process gives its own connection away, as it could the secret",
        of_entitled,
        ground.ask(OTHER, CONNECTION[0]),
    );
    let gift = |to: &str| {
        let output =
            as_uid(OWNER, program("knock")).args(["gift", to]).output().expect("it starts");
        let said = String::from_utf8_lossy(&output.stdout).trim().to_owned();
        Attempt::new(said == "kept", said)
    };
    let mut keeper = listening(as_uid(OTHER, program("knock")).args(["keep", "/run/meet/keep"]));
    table.defended(
        "SCM_RIGHTS: a descriptor sent along with a request, to be kept by the daemon",
        gift(SOCKET),
        gift("/run/meet/keep"),
    );
    keeper.0.wait().expect("it ends");
}

/// One process connects and passes the connection to another, which asks on it while the first one lives.
fn passed(ground: &Ground, from: u32, to: u32, asked: &str) -> Attempt {
    let via = format!("/run/meet/{from}-{to}");
    let mut taker = as_uid(to, program("knock"));
    let (mut taker, mut hear) = listening(taker.args(["take", &via, asked]));
    let giver = as_uid(from, program("knock")).args(["pass", SOCKET, &via]).output();
    assert!(giver.expect("it starts").status.success(), "the connection was not passed");
    let mut reply = Vec::new();
    hear.read_to_end(&mut reply).expect("it answers");
    taker.wait().expect("it ends");
    Attempt::at_secret(&ground.world, &reply)
}

fn forged(ground: &Ground, table: &mut Table) {
    let (uid, asked) = (OWNER.to_string(), body(CONNECTION[0]));
    let forge = |from: u32, to: &str| ground.knock(from, &["forge", to, &uid, &uid, &asked]);
    let believed = || {
        let (mut believer, mut hear) =
            listening(as_uid(OTHER, program("knock")).args(["believe", "/run/meet/believe"]));
        forge(0, "/run/meet/believe");
        let mut said = String::new();
        hear.read_to_string(&mut said).expect("it says");
        believer.wait().expect("it ends");
        fs::remove_file("/run/meet/believe").expect("it was there");
        Attempt::new(
            said.trim() == format!("uid {OWNER}"),
            format!("who believes it sees {}", said.trim()),
        )
    };
    table.defended(
        "forged SCM_CREDENTIALS of the entitled uid, by another uid",
        forge(OTHER, SOCKET),
        believed(),
    );
    table.defended(
        "forged SCM_CREDENTIALS of the entitled uid, by one whom the kernel lets forge them",
        forge(0, SOCKET),
        believed(),
    );
}
