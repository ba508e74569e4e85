# Rust only: format, lints, unit tests and the promises across rooms on the real binaries.

suite_quick() {
    step "packages for the keyring test" keyring_packages
    step "packages for the clock tests" clock_packages
    step "packages for the documents" documents_packages
    step "format" cargo fmt --all --check
    step "lints" cargo clippy --locked --workspace --all-targets -- -D warnings
    step "server build without the keyring" cargo check --locked -p patd --no-default-features
    step "binaries" build_binaries
    step "wrapper as it ships" build_wrapper
    export PAT_BROKER_BIN=$TARGET/debug PAT_BROKER_WRAPPER
    PAT_BROKER_WRAPPER=$(wrapper_path)
    cargo_tests "tests" cargo test --locked --workspace --no-fail-fast
}

# For the tests that need a desktop's keyring; without root they are skipped where it is missing.
keyring_packages() {
    install_packages gnome-keyring dbus dbus-daemon libsecret-tools ||
        skip keyring "gnome-keyring is not installed, and installing it needs root"
}

# A host of its own needs its loopback up; without this those tests say that they are skipped.
documents_packages() { install_packages iproute2 util-linux || true; }
