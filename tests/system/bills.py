#!/usr/bin/env python3
"""Holds the bills of materials to the programs they are of: bills.py RELEASED [--glibc], in the workspace. Prints what is wrong.

Asked are Cargo.lock, cargo tree and cargo metadata, and each program itself, which names the sources of a crate where
that may panic. Ends with 1 on a fault; and says first whether faults that are put in on purpose are found.
"""

import copy
import json
import os
import pathlib
import re
import subprocess
import sys
import tomllib

TARGETS = {
    f"{os.uname().machine}-unknown-linux-gnu": ["patd", "patctl"],
    f"{os.uname().machine}-unknown-linux-musl": ["pat-exec"],
}
# In a program without being a crate of Cargo.lock.
NO_CRATES = {"rust-std", "musl", "aws-lc"}


def cargo(*arguments):
    return subprocess.run(["cargo", *arguments, "--locked"], check=True, stdout=subprocess.PIPE, text=True).stdout


def tree(programs, target, edges):
    chosen = [word for program in programs for word in ("-p", program)]
    said = cargo("tree", *chosen, "--edges", edges, "--target", target, "--prefix", "none", "--format", "{p}")
    lines = (line.split() for line in said.splitlines() if line)
    return {(name, version.removeprefix("v")) for name, version, *_ in lines}


def named_in(program):
    """The crates of others whose sources the program names."""
    found = re.findall(rb"/crates/([A-Za-z0-9_-]+?)-(\d+\.\d+\.\d+[A-Za-z0-9.+-]*)/", program.read_bytes())
    return {(name.decode(), version.decode()) for name, version in found}


def key(component):
    return component["name"], component["version"]


def faults(bills, wanted, named, locked, licences):
    """What is wrong with these bills: texts."""
    for program, bill in bills.items():
        required = {key(c) for c in bill["components"] if c["scope"] == "required" and c["name"] not in NO_CRATES}
        others = {c["name"] for c in bill["components"]} & NO_CRATES
        for crate in named[program] - required:
            yield f"{program} names the sources of {crate}, which its bill does not"
        if "rust-std" not in others or ("aws-lc" in others) != (("aws-lc-sys", locked["aws-lc-sys"]) in required):
            yield f"{program}: {sorted(others)} are all that is no crate"
        for component in bill["components"]:
            if component["name"] not in NO_CRATES:
                yield from faults_of(program, component, locked, licences)
    for (programs, edges, scopes), crates in wanted.items():
        listed = {
            key(c) for p in programs for c in bills[p]["components"] if c["scope"] in scopes and c["name"] not in NO_CRATES
        }
        listed |= {key(bills[p]["metadata"]["component"]) for p in programs}
        for crate in crates ^ listed:
            yield f"{programs}, {edges}: {crate} is {'not ' if crate in crates else ''}listed"


def faults_of(program, component, locked, licences):
    name, version = key(component)
    said = [licence["expression"] for licence in component["licenses"]]
    if said != [licences.get((name, version))]:
        yield f"{program}: licence of {name} {version}: {said}, not {licences.get((name, version))}"
    sums = [each["content"] for each in component.get("hashes", [])]
    if sums != ([locked[name, version]] if locked.get((name, version)) else []):
        yield f"{program}: checksum of {name} {version}"


def locked_crates():
    crates = tomllib.loads(pathlib.Path("Cargo.lock").read_text())["package"]
    sums = {(crate["name"], crate["version"]): crate.get("checksum") for crate in crates}
    [crypto] = [crate["version"] for crate in crates if crate["name"] == "aws-lc-sys"]
    return sums | {"aws-lc-sys": crypto}


def with_fault(bills, change):
    changed = copy.deepcopy(bills)
    change(changed["patd"]["components"])
    return changed


def main():
    released = pathlib.Path(sys.argv[1])
    if "--glibc" in sys.argv[2:]:
        (glibc, dynamic), (_, static) = TARGETS.items()
        TARGETS.clear()
        TARGETS[glibc] = dynamic + static
    programs = [program for together in TARGETS.values() for program in together]
    bills = {program: json.loads((released / f"{program}.cdx.json").read_text()) for program in programs}
    metadata = json.loads(cargo("metadata", "--format-version", "1"))
    licences = {(p["name"], p["version"]): (p["license"] or "").replace("/", " OR ") for p in metadata["packages"]}
    wanted = {
        (tuple(together), edges, scopes): tree(together, target, edges)
        for target, together in TARGETS.items()
        for edges, scopes in (("normal", ("required", "excluded")), ("normal,no-proc-macro", ("required",)))
    }
    # As a crate that only macros of one program need may be in the other, scopes are compared for both together.
    named = {program: named_in(released / program) for program in programs}
    facts = (wanted, named, locked_crates(), licences)
    controls = {
        "one less": lambda parts: parts.pop(next(i for i, c in enumerate(parts) if c["name"] == "sled")),
        "one more": lambda parts: parts.append(dict(parts[0], name="ring", version="0.17.14")),
        "another version": lambda parts: parts[0].update(version="0.0.0"),
        "another licence": lambda parts: parts[0].update(licenses=[{"expression": "GPL-3.0-only"}]),
        "another checksum": lambda parts: [c for c in parts if "hashes" in c][0]["hashes"][0].update(content="00"),
        "a macro for a part": lambda parts: next(c for c in parts if c["scope"] == "excluded").update(scope="required"),
        "no standard library": lambda parts: parts.remove(next(c for c in parts if c["name"] == "rust-std")),
    }
    unseen = [name for name, change in controls.items() if not list(faults(with_fault(bills, change), *facts))]
    if unseen:
        sys.exit(f"bills: not found, though put in on purpose: {unseen}")
    if not named["patd"] or not named["pat-exec"]:
        sys.exit("bills: the programs name no crate: were they built by packaging/release/build?")
    found = list(faults(bills, *facts))
    print("\n".join(found), end="")
    sys.exit(1 if found else 0)


main()
