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
NO_CRATES = {"rust-std", "musl", "glibc", "aws-lc"}
# In a static program, by how its target ends. Only the wrapper is static.
C_LIBRARIES = {"musl": "musl", "gnu": "glibc"}


def cargo(*arguments):
    return subprocess.run(["cargo", *arguments, "--locked"], check=True, stdout=subprocess.PIPE, text=True).stdout


def trees(programs, target, edges):
    """What is below each program, itself included. They are asked for together, as they are built: each has the features
    that the other asks for."""
    chosen = [word for program in programs for word in ("-p", program)]
    said = cargo(
        "tree", *chosen, "--edges", edges, "--target", target, "--prefix", "depth", "--no-dedupe", "--format", " {p}"
    )
    found, program = {}, None
    for depth, name, version, *_ in (line.split() for line in said.splitlines() if line):
        program = name if depth == "0" else program
        found.setdefault(program, set()).add((name, version.removeprefix("v")))
    return found


def named_in(program):
    """The crates of others whose sources the program names."""
    found = re.findall(rb"/crates/([A-Za-z0-9_-]+?)-(\d+\.\d+\.\d+[A-Za-z0-9.+-]*)/", program.read_bytes())
    return {(name.decode(), version.decode()) for name, version in found}


def key(component):
    return component["name"], component["version"]


def faults(program, bill, wanted, named, locked, licences):
    """What is wrong with the bill of a program: texts."""
    crates = [c for c in bill["components"] if c["name"] not in NO_CRATES]
    required = {key(c) for c in crates if c["scope"] == "required"}
    others = sorted(c["name"] for c in bill["components"] if c["name"] in NO_CRATES)
    for crate in named[program] - required:
        yield f"{program} names the sources of {crate}, which its bill does not"
    has_crypto = ("aws-lc-sys", locked["aws-lc-sys"]) in required
    if others != sorted(["rust-std", *linked(program, wanted), *(["aws-lc"] if has_crypto else [])]):
        yield f"{program}: {others} are all that is no crate"
    for component in crates:
        yield from faults_of(program, component, locked, licences)
    own = {key(bill["metadata"]["component"])}
    for (target, edges, scopes), below in wanted.items():
        if program in below:
            listed = own | {key(c) for c in crates if c["scope"] in scopes}
            for crate in below[program] ^ listed:
                yield f"{program}, {edges}: {crate} is {'not ' if crate in below[program] else ''}listed"


def linked(program, wanted):
    [target] = {target for (target, *_), below in wanted.items() if program in below}
    return [C_LIBRARIES[target.rsplit("-", 1)[1]]] if program == "pat-exec" else []


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


def with_fault(bill, change):
    changed = copy.deepcopy(bill)
    change(changed["components"])
    return changed


def first(parts, is_it):
    return next(part for part in parts if is_it(part))


def is_crate(part):
    return part["name"] not in NO_CRATES and part["scope"] == "required"


def is_macro(part):
    return part["scope"] == "excluded"


# Faults that are put in on purpose. Every program has a part of each kind.
CONTROLS = {
    "one less": lambda parts: parts.remove(first(parts, is_crate)),
    "one more": lambda parts: parts.append(dict(parts[0], name="ring", version="0.17.14")),
    "another version": lambda parts: first(parts, is_crate).update(version="0.0.0"),
    "another licence": lambda parts: first(parts, is_crate).update(licenses=[{"expression": "GPL-3.0-only"}]),
    "another checksum": lambda parts: first(parts, lambda part: "hashes" in part)["hashes"][0].update(content="00"),
    "a macro for a part": lambda parts: first(parts, is_macro).update(scope="required"),
    "a part for a macro": lambda parts: first(parts, is_crate).update(scope="excluded"),
    "one macro less": lambda parts: parts.remove(first(parts, is_macro)),
    "no standard library": lambda parts: parts.remove(first(parts, lambda part: part["name"] == "rust-std")),
    "another C library": lambda parts: parts.append(
        dict(parts[0], name="glibc" if any(part["name"] == "musl" for part in parts) else "musl")
    ),
}


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
        (target, edges, scopes): trees(together, target, edges)
        for target, together in TARGETS.items()
        for edges, scopes in (("normal", ("required", "excluded")), ("normal,no-proc-macro", ("required",)))
    }
    named = {program: named_in(released / program) for program in programs}
    facts = (wanted, named, locked_crates(), licences)
    unseen = [
        f"{program}: {name}"
        for program, bill in bills.items()
        for name, change in CONTROLS.items()
        if not list(faults(program, with_fault(bill, change), *facts))
    ]
    if unseen:
        sys.exit(f"bills: not found, though put in on purpose: {unseen}")
    if not named["patd"] or not named["pat-exec"]:
        sys.exit("bills: the programs name no crate: were they built by packaging/release/build?")
    found = [fault for program, bill in bills.items() for fault in faults(program, bill, *facts)]
    print("\n".join(found), end="")
    sys.exit(1 if found else 0)


main()
