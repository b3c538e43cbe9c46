#!/usr/bin/env python3
"""Derives the catalogue of Google Cloud's predefined roles and permissions from a checkout of iam-dataset.

Usage: git clone https://github.com/iann0036/iam-dataset && python3 derive_gcp.py iam-dataset/gcp [VERSION [DIR]]

Reads `roles/*.json` (one predefined role each, with its permissions) and `tags.json` (what permissions can be misused
for) of the folder, and writes gcp_roles.tsv.gz into DIR (default: next to this file). VERSION names the checkout in the
first line. The same checkout gives the same bytes. The layout is described in ../README.md. Nothing is downloaded.
"""

import gzip
import json
import pathlib
import re
import sys

NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_-]*([./][a-zA-Z0-9_-]+)+")
ROLE = re.compile(r"roles/[A-Za-z0-9_.-]+")


def main() -> None:
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    source = pathlib.Path(sys.argv[1])
    version = sys.argv[2] if len(sys.argv) > 2 else "unknown version"
    target = pathlib.Path(sys.argv[3]) if len(sys.argv) > 3 else pathlib.Path(__file__).parent
    roles = {}
    for path in sorted((source / "roles").glob("*.json")):
        role = json.loads(path.read_text(encoding="utf-8"))
        if not ROLE.fullmatch(role["name"]) or role["name"] in roles:
            sys.exit(f"{path}: `{role['name']}` is no name of a role, or a second of that name")
        roles[role["name"]] = role
    if len(roles) < 1000:
        sys.exit(f"{source}: {len(roles)} roles are too few to be all")
    permissions = sorted({one for role in roles.values() for one in role.get("includedPermissions", [])})
    for one in permissions:
        if not NAME.fullmatch(one):
            sys.exit(f"`{one}` is no permission")
    tags = json.loads((source / "tags.json").read_text(encoding="utf-8"))["iam"]
    escalating = set(tags["PrivEsc"])
    lines = [
        f"# Derived by derive_gcp.py from iam-dataset ({version}). Copyright Ian Mckay, MIT licence: see ../README.md.",
        "# permission\tflag; then: role\tstage\tpermissions, as distances from one line number to the next, with runs",
    ]
    lines += [f"{one}\t!" if one in escalating else one for one in permissions]
    number = {one: at for at, one in enumerate(permissions)}
    for name in sorted(roles):
        role = roles[name]
        own = sorted(number[one] for one in set(role.get("includedPermissions", [])))
        lines.append(f"{name}\t{role.get('stage', '')}\t{runs(own)}")
    text = "\n".join(lines) + "\n"
    path = target / "gcp_roles.tsv.gz"
    with path.open("wb") as file, gzip.GzipFile("", "wb", 9, file, mtime=0) as packed:
        packed.write(text.encode())
    print(f"{path.name}: {len(permissions)} permissions, {len(roles)} roles, {len(text)} bytes, {path.stat().st_size} packed")


def runs(numbers: list[int]) -> str:
    """Ascending numbers as `distance` or `distance+more` (a run of that many more after the first)."""
    out, last, at = [], -1, 0
    while at < len(numbers):
        end = at
        while end + 1 < len(numbers) and numbers[end + 1] == numbers[end] + 1:
            end += 1
        distance, more = numbers[at] - last, end - at
        out.append(f"{distance}+{more}" if more else str(distance))
        last, at = numbers[end], end + 1
    return " ".join(out)


if __name__ == "__main__":
    main()
