//! A real Jupyter kernel with `pat-exec` in its kernelspec, as docs/platforms.md has it: started by a program that knows of
//! no token, it is the service user with its one role, also after a rotation and a restart, and leaves nothing.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use serde_json::Value;
use world::{CONNECTION, ROLE, USER, World, eventually};

#[test]
fn a_kernel_under_pat_exec_is_the_service_user_also_after_a_rotation() {
    let world = World::running();
    let mut server = server(&world).spawn().expect("python starts");
    let mut input = server.stdin.take().unwrap();
    let mut output = BufReader::new(server.stdout.take().unwrap());
    let mut say = |line: &str| {
        input.write_all(format!("{line}\n").as_bytes()).expect("it takes cells");
        let mut answer = String::new();
        output.read_line(&mut answer).expect("it answers");
        answer
    };

    let first = tokens_of(&world, &say("who"));
    world.patctl_ok(&["rotate", CONNECTION]);
    let second = eventually("the new token has reached the kernel", || {
        let now = tokens_of(&world, &say("who"));
        (now != first).then_some(now)
    });
    assert_eq!(say("restart"), "restarted\n");
    let third = tokens_of(&world, &say("who"));
    drop(input);

    assert!(server.wait().expect("it ends").success());
    assert_eq!(second, third, "the kernel that was restarted has the newest token");
    eventually("the kernel's lease has ended", || {
        let leases = world.status()["slots"][0]["leases"].as_u64();
        (leases == Some(0)).then_some(())
    });
}

/// Demands that the cell was the service user, and returns which token it logged in with.
fn tokens_of(world: &World, answer: &str) -> Option<u64> {
    let answer: Value = serde_json::from_str(answer).unwrap_or_else(|_| panic!("{answer:?}"));
    assert_eq!((answer["user"].as_str(), answer["role"].as_str()), (Some(USER), Some(ROLE)));
    let logins = world.sim.logins();
    logins.iter().rfind(|login| login.user.as_deref() == Some(USER))?.first_factor_id
}

/// A program without a token in its environment, with the kernel of the documents in its place.
fn server(world: &World) -> Command {
    let data = world.folder().join("jupyter");
    let kernel = data.join("kernels").join(CONNECTION);
    fs::create_dir_all(&kernel).unwrap();
    fs::write(kernel.join("kernel.json"), kernelspec()).unwrap();
    // The world's socket is not the compiled-in one.
    let real = world.pat_exec([""; 0]);
    let real: Vec<&str> = [real.get_program()]
        .into_iter()
        .chain(real.get_args())
        .map(|word| word.to_str().unwrap())
        .collect();
    let shim = data.join("pat-exec");
    fs::write(&shim, format!("#!/bin/sh\nexec {} \"$@\"\n", real.join(" "))).unwrap();
    fs::set_permissions(&shim, fs::Permissions::from_mode(0o755)).unwrap();

    let clients =
        PathBuf::from(std::env::var_os("PAT_BROKER_CLIENTS").expect("tests/run --clients"));
    let python = clients.join("jupyter/bin");
    let path = std::env::join_paths([&data, &python, Path::new("/usr/bin"), Path::new("/bin")]);
    let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("programs/kernel.py");
    let mut server = Command::new(python.join("python3"));
    server.arg(program).arg(CONNECTION).arg(site_packages(&clients));
    server.env_clear().env("PATH", path.unwrap()).env("HOME", world.home());
    server.env("JUPYTER_DATA_DIR", &data).env("SNOWFLAKE_DISABLE_PLATFORM_DETECTION", "true");
    server.stdin(Stdio::piped()).stdout(Stdio::piped());
    server
}

/// As it stands in the document.
fn kernelspec() -> String {
    let page = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/platforms.md");
    let page = fs::read_to_string(page).unwrap();
    let (_, spec) = page.split_once("jupyter.rs: ").unwrap().1.split_once("```json\n").unwrap();
    spec.split_once("```").unwrap().0.to_owned()
}

fn site_packages(clients: &Path) -> PathBuf {
    let mut versions = fs::read_dir(clients.join("python/lib")).unwrap().flatten();
    let version = versions.find(|entry| entry.file_name().to_string_lossy().starts_with("python"));
    version.expect("a Python").path().join("site-packages")
}
