//! Link arguments of the wrapper: its size is a promise.

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    // A static binary relocates itself at every start: the compact form is read by musl since 1.2.4, which
    // Rust's own target carries. A dynamic glibc would demand a version of its own for it.
    if std::env::var("CARGO_CFG_TARGET_ENV").as_deref() == Ok("musl") {
        println!("cargo::rustc-link-arg-bins=-Wl,-z,pack-relative-relocs");
    }
}
