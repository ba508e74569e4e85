//! Link arguments of the wrapper: its size is a promise.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    let is = |name: &str, value: &str| std::env::var(name).as_deref() == Ok(value);
    if !is("CARGO_CFG_TARGET_ENV", "musl") {
        return;
    }
    // A static binary relocates itself at every start: the compact form is read by musl since 1.2.4, which
    // Rust's own target carries. A dynamic glibc would demand a version of its own for it.
    println!("cargo::rustc-link-arg-bins=-Wl,-z,pack-relative-relocs");
    // What ships aborts when it panics: the index for unwinding is of no use to it.
    if is("PROFILE", "release") {
        println!("cargo::rustc-link-arg-bins=-Wl,--no-eh-frame-hdr");
    }
}
