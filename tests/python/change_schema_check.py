"""Checks the JSON schema of change sets with somebody else's validator.

    change_schema_check.py [REPOSITORY]

The schema is a schema of draft 2020-12; every example of the documentation and every draft in the normal form under
tests/changes/ fits it; and each of a list of broken drafts does not, for the reason that is written beside it.
"""

import copy
import json
import re
import sys
from pathlib import Path

import jsonschema

WHOLE = {
    "format": 1,
    "draft_id": "D-1",
    "author": {"kind": "ai", "id": "assistant", "on_behalf_of": "P1"},
    "intent": {"task": "t", "grants": [{"principal": "a", "actions": ["s3:Get*"], "resources": ["*"]}]},
    "changes": [
        {"op": "add_member", "container": "g", "member": "u", "expires_at": "2027-01-01T00:00:00Z"},
        {"op": "put_grant", "holder": "h", "policy": "p", "statement": "s", "effect": "allow", "condition": {"a": 1}},
        {"op": "set_boundary", "principal": "u", "policy": None},
    ],
}

# What is changed, to what (nothing: it is taken out), and where the validator must say that something is wrong.
BROKEN = [
    (["format"], 2, "format"),
    (["author"], None, ""),
    (["authr"], 1, ""),
    (["author", "kind"], "robot", "author/kind"),
    (["intent", "task"], "", "intent/task"),
    (["intent", "grants", 0, "actions"], "s3:*", "intent/grants/0/actions"),
    (["prompt_sha256"], "abc", "prompt_sha256"),
    (["changes"], {}, "changes"),
    (["changes", 0, "op"], "addmember", "changes/0"),
    (["changes", 0, "op"], None, "changes/0"),
    (["changes", 0, "membr"], "x", "changes/0"),
    (["changes", 0, "expires_at"], "soon", "changes/0"),
    (["changes", 0, "standing"], "sitting", "changes/0"),
    (["changes", 1, "effect"], None, "changes/1"),
    (["changes", 1, "occurrence"], 0, "changes/1"),
    (["changes", 1, "actions"], [1], "changes/1"),
    (["changes", 2, "policy"], None, "changes/2"),
]

def broken(path, value, drop):
    draft = copy.deepcopy(WHOLE)
    target = draft
    for key in path[:-1]:
        target = target[key]
    if drop:
        del target[path[-1]]
    else:
        target[path[-1]] = value
    return draft


def main():
    root = Path(sys.argv[1] if len(sys.argv) > 1 else Path(__file__).parents[2])
    schema = json.loads((root / "datasets/schema/change-set.schema.json").read_text(encoding="utf-8"))
    jsonschema.Draft202012Validator.check_schema(schema)
    validator = jsonschema.Draft202012Validator(schema)
    validator.validate(WHOLE)
    for path, value, place in BROKEN:
        errors = list(validator.iter_errors(broken(path, value, value is None)))
        places = {"/".join(str(part) for part in error.absolute_path) for error in errors}
        assert place in places, f"{path} = {value!r}: {sorted(places)}"
    operations = {one["$ref"].rsplit("/", 1)[1] for one in schema["$defs"]["change"]["oneOf"]}
    shown = set()
    text = (root / "docs/changes.md").read_text(encoding="utf-8")
    for block in re.findall(r"```json\n(.*?)```", text, re.S):
        example = json.loads(block)
        if "op" in example:
            validator.validate({**WHOLE, "changes": [example]})
            shown.add(example["op"])
        else:
            validator.validate(example)
    assert shown == operations, f"without an example: {sorted(operations - shown)}"
    drafts = 0
    for folder in sorted((root / "tests/changes/cases").iterdir()):
        expected = json.loads((folder / "expected.json").read_text(encoding="utf-8"))
        if "changes" in expected:
            validator.validate({**WHOLE, "changes": expected["changes"]})
            drafts += 1
    assert drafts > 10, drafts
    print(f"{len(BROKEN)} broken drafts refused, {len(shown)} operations shown, {drafts} drafts fit")


if __name__ == "__main__":
    main()
