# The real snow CLI, Python connector, a Jupyter kernel and the Node SDK (on Node and on Bun) through pat-exec.

# The versions the product was tried with.
PYTHON_CLIENTS=(snowflake-cli==3.30.0 snowflake-connector-python==4.7.5)
JUPYTER=(jupyter_client==8.10.0 ipykernel==7.4.0)
NODE_CLIENTS=(snowflake-sdk@3.3.0 bun@1.4.5)

suite_clients() {
    local failed_before=$FAILED
    step "Python clients" install_python_clients
    step "Jupyter" install_jupyter
    step "Node clients" install_node_clients
    [ "$FAILED" -eq "$failed_before" ] || return 0
    step "binaries" build_binaries
    export PAT_BROKER_BIN=$TARGET/debug PAT_BROKER_CLIENTS=$CACHE
    cargo_tests "clients" cargo test --locked -p clients --features installed
}

install_python_clients() {
    [ "$(cat "$CACHE/python/.versions" 2>/dev/null)" = "${PYTHON_CLIENTS[*]}" ] && return 0
    rm -rf "$CACHE/python"
    if ! python3 -m venv "$CACHE/python"; then
        install_packages python3 python3-venv && python3 -m venv "$CACHE/python"
    fi
    "$CACHE/python/bin/pip" install --quiet "${PYTHON_CLIENTS[@]}"
    echo "${PYTHON_CLIENTS[*]}" >"$CACHE/python/.versions"
}

install_jupyter() {
    [ "$(cat "$CACHE/jupyter/.versions" 2>/dev/null)" = "${JUPYTER[*]}" ] && return 0
    rm -rf "$CACHE/jupyter"
    python3 -m venv "$CACHE/jupyter"
    "$CACHE/jupyter/bin/pip" install --quiet "${JUPYTER[@]}"
    echo "${JUPYTER[*]}" >"$CACHE/jupyter/.versions"
}

install_node_clients() {
    [ "$(cat "$CACHE/node/.versions" 2>/dev/null)" = "${NODE_CLIENTS[*]}" ] && return 0
    command -v npm >/dev/null || install_packages nodejs npm
    rm -rf "$CACHE/node"
    mkdir -p "$CACHE/node"
    (cd "$CACHE/node" && npm install --no-audit --no-fund --loglevel=error "${NODE_CLIENTS[@]}")
    # The package's own install step would only copy the binary over a placeholder; some npm versions skip it.
    "$CACHE/node/node_modules/.bin/bun" --version || (cd "$CACHE/node/node_modules/bun" && node install.js)
    echo "${NODE_CLIENTS[*]}" >"$CACHE/node/.versions"
}
