# Rust only: format, lints, unit tests and the promises across rooms on the real binaries.

suite_quick() {
    # For the one test that needs a desktop's keyring; without root it is skipped if they are missing.
    step "packages for the keyring test" install_packages gnome-keyring dbus libsecret-tools ||
        skip keyring "gnome-keyring is not installed, and installing it needs root"
    step "format" cargo fmt --all --check
    step "lints" cargo clippy --locked --workspace --all-targets -- -D warnings
    step "server build without the keyring" cargo check --locked -p patd --no-default-features
    step "binaries" build_binaries
    export PAT_BROKER_BIN=$TARGET/debug
    cargo_tests "tests" cargo test --locked --workspace --no-fail-fast
}
