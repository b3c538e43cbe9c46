"""Derives azure_roles.tsv.gz and azure_graph_permissions.tsv.

    python3 datasets/catalog/derive_azure.py BUILT-IN-ROLES.json TIERS.json

BUILT-IN-ROLES.json is azure/built-in-roles-raw.json of https://github.com/iann0036/iam-dataset (MIT): what
`az role definition list` says of every built-in role. TIERS.json lists names, ids and tiers of Microsoft Graph's
application permissions, as https://github.com/emiliensocchi/azure-tiering has them; nothing but these facts is taken.
The same input gives the same bytes.
"""

import gzip
import json
import re
import sys
from pathlib import Path

HERE = Path(__file__).parent
GUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
LISTS = {"actions": "", "notActions": "-", "dataActions": "data:", "notDataActions": "-data:"}


def checked(text):
    if re.search(r"[\t\n\r]", text):
        sys.exit(f"a tab or line break in {text!r}: the layout cannot hold it")
    return text


def role_lines(roles):
    for role in sorted(roles, key=lambda role: role["name"]):
        if not GUID.fullmatch(role["name"]):
            sys.exit(f"{role['name']} is no id of a role")
        for permission in role["permissions"]:
            if set(permission) - {"condition", "conditionVersion", *LISTS}:
                sys.exit(f"unknown fields in a permission of {role['roleName']}: {sorted(permission)}")
            words = [mark + word.strip() for key, mark in LISTS.items() for word in sorted(permission[key] or [])]
            if any(" " in word for word in words):
                sys.exit(f"a blank in an action of {role['roleName']}")
            condition = " ".join((permission.get("condition") or "").split())
            yield "\t".join(checked(cell) for cell in (role["name"], role["roleName"], " ".join(words), condition))


def graph_lines(tiers):
    assets = [asset for asset in tiers["assets"] if asset["model"] == "msgraph_app_permission"]
    assets += tiers["untiered"]["msgraph_app_permission"]
    for asset in sorted(assets, key=lambda asset: (asset["name"], asset["id"])):
        if GUID.fullmatch(asset["id"]):
            yield "\t".join(checked(str(cell)) for cell in (asset["id"], asset["name"], asset.get("tier", "")))


def write(name, source, columns, lines):
    text = "".join(f"{line}\n" for line in [f"# derived from {source}", f"# {columns}", *lines])
    if name.endswith(".gz"):
        (HERE / name).write_bytes(gzip.compress(text.encode(), compresslevel=9, mtime=0))
    else:
        (HERE / name).write_text(text, encoding="utf-8", newline="\n")


def main():
    roles, tiers = (json.loads(Path(path).read_text(encoding="utf-8")) for path in sys.argv[1:3])
    write("azure_roles.tsv.gz", "iann0036/iam-dataset 2073fa5", "id\tname\tactions\tcondition", role_lines(roles))
    commit = tiers["meta"]["commit"][:7]
    write("azure_graph_permissions.tsv", f"emiliensocchi/azure-tiering {commit}", "id\tname\ttier", graph_lines(tiers))


if __name__ == "__main__":
    main()
