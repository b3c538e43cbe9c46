"""Computes excess privilege again, from the exports and logs themselves, and compares to the engine's.

    python excess_check.py excess.json

The file is written by the test `real_data` with `OVERGRANT_EXCESS_FILE=excess.json`: where the inputs are, and what the
engine says of each principal. Only the standard library is used. A principal is compared when its rights can be read off
its policies without a permission model: allowing statements only, with `Action` and without conditions, each on
everything or on buckets and objects, no boundary, and every policy in the export. Of the engine's data it shares the
catalogue of actions and the list of what CloudTrail records, which are inputs and not code.
"""

import datetime
import json
import pathlib
import re
import sys
import tomllib
import urllib.parse

ROOT = pathlib.Path(__file__).resolve().parents[2]
LEVEL = {"list": 1, "read": 2, "tagging": 2, "write": 5, "permissions": 10}
RETURN_DAYS = {"list": 30, "read": 30, "tagging": 90, "write": 90, "permissions": 90}
WINDOW_DAYS = 90
TRACKED_DAYS = 400
TOLERANCE = 1e-9
DAY = datetime.timedelta(days=1)


def time(text):
    found = datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))
    return found if found.tzinfo else found.replace(tzinfo=datetime.timezone.utc)


def listed(value):
    return value if isinstance(value, list) else [value]


def pattern(text):
    parts = {"*": ".*", "?": "."}
    return re.compile("".join(parts.get(char, re.escape(char)) for char in text), re.IGNORECASE | re.DOTALL)


def catalogue():
    """Access level of every action by its lower-case name."""
    levels = {}
    for line in (ROOT / "datasets/catalog/aws_actions.tsv").read_text().splitlines():
        if not line.startswith("#"):
            action, level = line.split("\t")[:2]
            levels[action.lower()] = level
    return levels


class Logging:
    """What CloudTrail records."""

    def __init__(self, levels):
        data = tomllib.loads((ROOT / "datasets/catalog/aws_logging.toml").read_text())
        self.events = {name.lower(): [one.lower() for one in actions] for name, actions in data["events"].items()}
        self.kind = {}
        for block in data["optional"]:
            for one in block["actions"]:
                self.kind.update({action: block["type"] for action in levels if pattern(one).fullmatch(action)})
        for block in data["never"]:
            for one in block["actions"]:
                self.kind.update({action: None for action in levels if pattern(one).fullmatch(action)})


def document(value):
    if isinstance(value, str):
        value = json.loads(urllib.parse.unquote(value))
    return listed(value["Statement"])


def policies_of(export, entry, kind):
    """Pairs of a statement and since when it can have been in force; None when one is not in the export."""
    managed = {policy["Arn"]: policy for policy in export["Policies"]}
    groups = {group["GroupName"]: group for group in export["GroupDetailList"]}
    out = []
    holders = [(entry, kind)] + [(groups[name], "Group") for name in entry.get("GroupList", [])]
    for holder, of in holders:
        for inline in holder.get(f"{of}PolicyList", []):
            out += [(statement, [holder.get("CreateDate")]) for statement in document(inline["PolicyDocument"])]
        for attached in holder.get("AttachedManagedPolicies", []):
            policy = managed.get(attached["PolicyArn"])
            if policy is None:
                return None
            version = next(one for one in policy["PolicyVersionList"] if one["IsDefaultVersion"])
            dates = [policy.get("CreateDate"), version.get("CreateDate")]
            out += [(statement, dates) for statement in document(version["Document"])]
    return out


def breadth(resources):
    if "*" in resources:
        return 4
    return 2 if any("*" in one or "?" in one for one in resources) else 1


def granted(export, entry, kind, levels):
    """Breadth and date of every action; None when it takes a permission model to tell."""
    statements = policies_of(export, entry, kind)
    if statements is None or entry.get("PermissionsBoundary"):
        return None
    created = time(entry["CreateDate"])
    out = {}
    for statement, dates in statements:
        resources = listed(statement.get("Resource", []))
        plain = resources == ["*"] or (resources and all(one.startswith("arn:aws:s3:::") for one in resources))
        if statement["Effect"] != "Allow" or "Action" not in statement or "Condition" in statement or not plain:
            return None
        since = max([created] + [time(date) for date in dates if date])
        for one in listed(statement["Action"]):
            wanted = pattern(one)
            for action in filter(wanted.fullmatch, levels):
                wide, known = out.get(action, (0, since))
                out[action] = (max(wide, breadth(resources)), min(known, since))
    return out


class Trail:
    """CloudTrail logs of one account."""

    def __init__(self, folder, logging, levels):
        self.used, self.kinds, self.reads, self.unknown = {}, set(), False, set()
        self.start = self.end = None
        files = sorted(folder.rglob("*.json")) if folder.is_dir() else []
        for path in files:
            for record in json.loads(path.read_text()).get("Records", []):
                self.take(record, logging, levels)

    def take(self, record, logging, levels):
        at = time(record["eventTime"])
        self.start = min(self.start or at, at)
        self.end = max(self.end or at, at)
        identity = record.get("userIdentity", {})
        refused = re.search("AccessDenied|Unauthorized|AuthFailure", record.get("errorCode", ""))
        if identity.get("type") not in ("IAMUser", "AssumedRole") or refused:
            return
        if record.get("eventType") == "AwsServiceEvent" or record["eventSource"].startswith("signin."):
            return
        session = identity.get("sessionContext", {}).get("sessionIssuer", {})
        who = session.get("arn") if identity["type"] == "AssumedRole" else identity["arn"]
        service = {"monitoring": "cloudwatch", "email": "ses"}.get(
            record["eventSource"].split(".")[0], record["eventSource"].split(".")[0]
        )
        name = re.sub(r"_?\d{8}(v\d+)?$", "", record["eventName"])
        call = f"{service}:{name}".lower()
        for action in logging.events.get(call, [call]):
            self.used[who, action] = max(self.used.get((who, action), at), at)
            if action in levels:
                self.reads |= levels[action] in ("list", "read")
                if logging.kind.get(action):
                    self.kinds.add(logging.kind[action])

    def records(self, action, logging, levels):
        if self.start is None:
            return False
        if action in logging.kind:
            kind = logging.kind[action]
            if kind is None or kind not in self.kinds:
                return False
        return self.reads or levels[action] not in ("list", "read")


def reports(folder):
    """Service reports by principal: end of the report and latest use by service."""
    out, jobs = {}, {}
    begun = folder / "iam-generate-service-last-accessed-details"
    if begun.is_dir():
        for path in begun.iterdir():
            jobs[json.loads(path.read_text())["JobId"]] = urllib.parse.unquote(path.name)
        for path in (folder / "iam-get-service-last-accessed-details").iterdir():
            report = json.loads(path.read_text())
            services = {
                one["ServiceNamespace"]: one.get("LastAuthenticated") for one in report["ServicesLastAccessed"]
            }
            out[jobs[path.name]] = (time(report["JobCompletionDate"]), services)
    return out


class Sums:
    """Sums over the granted actions of one principal."""

    def __init__(self):
        self.granted = self.observable = self.unused = self.young = 0
        self.mass = self.observable_mass = self.unused_mass = 0.0

    def add(self, verdict, weight):
        self.granted += 1
        self.mass += weight
        if verdict == "young":
            self.young += 1
        elif verdict:
            self.observable += 1
            self.observable_mass += weight
            if verdict == "unused":
                self.unused += 1
                self.unused_mass += weight


def verdict(action, since, as_of, last, watched, levels):
    """`watched`: whether its use would have been seen; `last`: its latest use that was seen."""
    if last is not None and last >= as_of - WINDOW_DAYS * DAY:
        return "used"
    if not watched:
        return None
    age = (as_of - min(since, last or since)) // DAY
    return "young" if age < RETURN_DAYS[levels[action]] else "unused"


def measure(case, levels, logging):
    """Sums of every principal that is compared, by ARN."""
    export = json.loads(pathlib.Path(case["export"]).read_text())
    usage = pathlib.Path(case["usage"])
    as_of = time(case["as_of"])
    trail, told = Trail(usage if not (usage / "iam-get-user").exists() else usage / "none", logging, levels), reports(usage)
    entries = [(one, "User") for one in export["UserDetailList"]] + [(one, "Role") for one in export["RoleDetailList"]]
    out = {}
    for entry, kind in entries:
        rights = granted(export, entry, kind, levels)
        if rights is None:
            continue
        arn, sums = entry["Arn"], Sums()
        end, services = told.get(arn, (None, {}))
        for action, (wide, since) in sorted(rights.items()):
            last = trail.used.get((arn, action))
            watched = trail.records(action, logging, levels)
            service = action.split(":")[0]
            if service in services and end > as_of - WINDOW_DAYS * DAY:
                watched = True
                last = max(filter(None, [last, services[service] and time(services[service])]), default=None)
            sums.add(verdict(action, since, as_of, last, watched, levels), LEVEL[levels[action]] * wide)
        out[arn] = sums
    return out


def differences(case, ours):
    wrong, compared = [], 0
    for row in case["principals"]:
        sums = ours.get(row["principal"])
        if sums is None:
            continue
        observable = sums.observable
        expected = {key: getattr(sums, key) for key in ("granted", "observable", "unused", "young", "mass")}
        expected |= {"observable_mass": sums.observable_mass, "unused_mass": sums.unused_mass}
        expected["pgr"] = 1 - (observable - sums.unused) / observable if observable else None
        expected["wpg"] = sums.unused_mass / sums.observable_mass if observable else None
        expected["wpa"] = sums.unused_mass if observable else None
        for key, value in expected.items():
            compared += 1
            same = row[key] is value if value is None or row[key] is None else abs(row[key] - value) <= TOLERANCE
            if not same:
                wrong.append(f"{row['principal']} {key}: {row[key]} against {value}")
        print(f"{row['principal']}: {expected}")
    return wrong, compared


def main():
    levels = catalogue()
    logging = Logging(levels)
    cases = json.loads(pathlib.Path(sys.argv[1]).read_text())["cases"]
    wrong, compared = [], 0
    for case in cases:
        failed, done = differences(case, measure(case, levels, logging))
        wrong, compared = wrong + failed, compared + done
    print("\n".join(wrong) or f"{compared} numbers agree")
    # Were nothing compared, nothing would be shown.
    sys.exit(1 if wrong or compared < 40 else 0)


main()
