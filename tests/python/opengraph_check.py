"""Validates OpenGraph payloads against the published JSON Schemas of nodes and edges.

usage: opengraph_check.py PAYLOADS SCHEMAS

PAYLOADS is a folder that `OVERGRANT_OPENGRAPH_FOLDER=… cargo test opengraph` filled, SCHEMAS the folder with
`opengraph-node.json` and `opengraph-edge.json`. The validator shares no code with the engine. A payload that is broken
on purpose must be refused, or nothing was checked.
"""

import json
import sys
from pathlib import Path

from jsonschema import Draft202012Validator


def main(payloads: Path, schemas: Path) -> int:
    of = {
        name: Draft202012Validator(json.loads((schemas / f"opengraph-{name[:-1]}.json").read_text(encoding="utf-8")))
        for name in ("nodes", "edges")
    }
    broken = {
        "nodes": [{"id": 1, "kinds": []}, {"id": "a", "kinds": ["a", "b", "c", "d"]},
                  {"id": "a", "kinds": ["K"], "properties": {"objectid": "x"}}],
        "edges": [{"kind": "a-b", "start": {"value": "a"}, "end": {"value": "b"}}, {"kind": "K", "start": {"value": "a"}}],
    }
    for name, rows in broken.items():
        for row in rows:
            if of[name].is_valid(row):
                print(f"the schema of {name} lets through what it must not: {row}", file=sys.stderr)
                return 1
    wrong, counts = [], {"nodes": 0, "edges": 0}
    files = sorted(payloads.glob("*.json"))
    for file in files:
        payload = json.loads(file.read_text(encoding="utf-8"))
        if set(payload) != {"metadata", "graph"} or set(payload["metadata"]) != {"source_kind"}:
            wrong.append(f"{file.name}: keys at the top {sorted(payload)}")
        if set(payload["graph"]) != {"nodes", "edges"}:
            wrong.append(f"{file.name}: keys of the graph {sorted(payload['graph'])}")
        for name, validator in of.items():
            for at, row in enumerate(payload["graph"][name]):
                counts[name] += 1
                for error in validator.iter_errors(row):
                    wrong.append(f"{file.name}: /graph/{name}/{at}: {error.message}")
    if not files or not all(counts.values()):
        print(f"there is nothing to check in {payloads}", file=sys.stderr)
        return 1
    for line in wrong[:20]:
        print(line, file=sys.stderr)
    print(f"{len(files)} payloads, {counts['nodes']} nodes and {counts['edges']} edges: {len(wrong)} against the schema")
    return 1 if wrong else 0


if __name__ == "__main__":
    if len(sys.argv) != 3:
        sys.exit(__doc__)
    sys.exit(main(Path(sys.argv[1]), Path(sys.argv[2])))
