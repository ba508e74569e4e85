//! Link arguments of the wrapper: its size is a promise.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed=unwind.ld");
    let is = |name: &str, value: &str| std::env::var(name).as_deref() == Ok(value);
    if !is("CARGO_CFG_TARGET_ENV", "musl") {
        return;
    }
    // A static binary relocates itself at every start: the compact form is read by musl since 1.2.4, which
    // Rust's own target carries. A dynamic glibc would demand a version of its own for it.
    link("-z,pack-relative-relocs");
    // What ships aborts when it panics: what unwinding would read, a tenth of the file, is of no use to it.
    if is("PROFILE", "release") {
        link("--no-eh-frame-hdr");
        link(&format!("-T,{}/unwind.ld", env!("CARGO_MANIFEST_DIR")));
    }
}

fn link(argument: &str) {
    println!("cargo::rustc-link-arg-bins=-Wl,{argument}");
}
