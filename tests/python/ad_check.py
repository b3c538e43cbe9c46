"""Reads a SharpHound collection by itself and says who rules its domain, with the way each comes to it.

    python ad_check.py FOLDER

FOLDER holds the JSON files of one collection. Only the standard library is used, and nothing of the engine. What it
prints is what the tests of real data expect: counts of objects and access lists, the members of Domain Admins through
nested and primary groups, who holds both rights of DCSync on the domain and by which groups, who may rewrite the
domain's access list, who gets a certificate in any name, and to how many each policy applies. Memberships that a file states and the primary group count, and everyone is in Authenticated Users
and Everyone; a record with another of the same SID adds to it.
"""

import collections
import json
import pathlib
import sys

REPLICATION = {
    "GetChanges": {"GetChanges", "GenericAll", "AllExtendedRights"},
    "GetChangesAll": {"GetChangesAll", "GenericAll", "AllExtendedRights"},
}


def load(folder):
    data = collections.defaultdict(list)
    for path in sorted(pathlib.Path(folder).glob("*.json")):
        document = json.loads(path.read_text(encoding="utf-8-sig"))
        data[document["meta"]["type"]] += document["data"]
    return data


def names(data):
    found = {}
    for rows in data.values():
        for row in rows:
            found.setdefault(row["ObjectIdentifier"], (row.get("Properties") or {}).get("name"))
    return found


def containers(data):
    """The groups that each object is in, directly."""
    within = collections.defaultdict(set)
    for group in data["groups"]:
        for member in group["Members"]:
            within[member["ObjectIdentifier"]].add(group["ObjectIdentifier"])
    for row in data["users"] + data["computers"]:
        if row.get("PrimaryGroupSID"):
            within[row["ObjectIdentifier"]].add(row["PrimaryGroupSID"])
    everyone = [group["ObjectIdentifier"] for group in data["groups"]]
    everyone = [sid for sid in everyone if sid.endswith(("-S-1-5-11", "-S-1-1-0"))]
    for row in data["users"] + data["computers"]:
        within[row["ObjectIdentifier"]].update(everyone)
    return within


def ways(start, within):
    """Everything that `start` is in, with one shortest way to each."""
    found = {start: [start]}
    queue = [start]
    for at in queue:
        for above in sorted(within[at]):
            if above not in found:
                found[above] = found[at] + [above]
                queue.append(above)
    return found


def rulers(data):
    name = names(data)
    within = containers(data)
    principals = sorted({row["ObjectIdentifier"] for row in data["users"] + data["computers"]})
    shown = lambda way: " > ".join(name.get(sid) or sid for sid in way)
    result = {"domain_admins": {}, "dcsync": {}, "write_dacl": {}}
    for domain in data["domains"]:
        admins = domain["ObjectIdentifier"] + "-512"
        holders = collections.defaultdict(set)
        for entry in domain["Aces"]:
            holders[entry["RightName"]].add(entry["PrincipalSID"])
        for sid in principals:
            reached = ways(sid, within)
            if admins in reached:
                result["domain_admins"][sid] = shown(reached[admins])
            by = {}
            for right, given_by in REPLICATION.items():
                own = [(len(reached[h]), h, r) for r in given_by for h in holders[r] if h in reached]
                if own:
                    _, holder, ace = min(own)
                    by[right] = f"{ace} of {shown(reached[holder])}"
            if len(by) == len(REPLICATION):
                result["dcsync"][sid] = by
            writers = [h for r in ("WriteDacl", "GenericAll") for h in holders[r] if h in reached]
            if writers:
                result["write_dacl"][sid] = shown(min((reached[h] for h in writers), key=len))
    return result


def certificates(data):
    """Who gets a certificate in any name: the way of ESC1, for users and computers."""
    trusted = {thumbprint for store in data["ntauthstores"] for thumbprint in store["Properties"]["certthumbprints"]}
    roots = {root["Properties"]["certthumbprint"] for root in data["rootcas"]}
    template = {row["ObjectIdentifier"]: row for row in data["certtemplates"]}
    name = names(data)
    within = containers(data)
    reached = {row["ObjectIdentifier"]: set(ways(row["ObjectIdentifier"], within)) for row in data["users"] + data["computers"]}
    found = collections.defaultdict(set)
    for ca in data["enterprisecas"]:
        own = ca["Properties"]
        if own["certthumbprint"] not in trusted or not roots & {own["certthumbprint"], *own["certchain"]}:
            continue
        security = ca["CARegistryData"]["CASecurity"]
        entries = security["Data"] if security["Collected"] else ca["Aces"]
        askers = {entry["PrincipalSID"] for entry in entries if entry["RightName"] == "Enroll"}
        if not security["Collected"]:
            askers |= {e["PrincipalSID"] for e in entries if e["RightName"] in ("GenericAll", "AllExtendedRights")}
        for published in ca["EnabledCertTemplates"]:
            row = template.get(published["ObjectIdentifier"])
            if row is None:
                continue
            p = row["Properties"]
            unsigned = p["schemaversion"] == 1 or p["authorizedsignatures"] == 0
            if not (p["enrolleesuppliessubject"] and p["authenticationenabled"] and unsigned) or p["requiresmanagerapproval"]:
                continue
            enrol = {e["PrincipalSID"] for e in row["Aces"] if e["RightName"] in ("Enroll", "AllExtendedRights", "GenericAll")}
            for sid, groups in reached.items():
                if groups & enrol and groups & askers:
                    found[p["name"]].add(sid)
    return {template: sorted(sids) for template, sids in sorted(found.items())}


INCLUDED = {
    ("users", "AllExtendedRights"): {"ForceChangePassword"},
    ("computers", "AllExtendedRights"): {"ForceChangePassword", "ReadLAPSPassword"},
    ("domains", "AllExtendedRights"): {"GetChanges", "GetChangesAll", "GetChangesInFilteredSet"},
    ("certtemplates", "AllExtendedRights"): {"Enroll"},
    ("users", "GenericWrite"): {"AddKeyCredentialLink", "WriteSPN"},
    ("computers", "GenericWrite"): {"AddKeyCredentialLink", "WriteSPN", "AddAllowedToAct"},
    ("groups", "GenericWrite"): {"AddMember", "AddSelf"},
    ("ous", "GenericWrite"): {"WriteGPLink"},
    ("domains", "GenericWrite"): {"WriteGPLink"},
    ("groups", "AddMember"): {"AddSelf"},
    ("computers", "WriteAccountRestrictions"): {"AddAllowedToAct"},
}
COUNTED = """AddAllowedToAct AddKeyCredentialLink AddMember AddSelf Enroll ForceChangePassword GenericAll GenericWrite
GetChangesAll ManageCA Owns ReadGMSAPassword ReadLAPSPassword WriteDacl WriteGPLink WriteOwner WriteSPN""".split()


def effective(data):
    """For each right, how many pairs of a user or computer and an object there are that it holds the right on."""
    within = containers(data)
    principals = {row["ObjectIdentifier"] for row in data["users"] + data["computers"]}
    below = collections.defaultdict(set)
    for sid in principals:
        for group in ways(sid, within):
            below[group].add(sid)
    pairs = collections.defaultdict(set)
    for kind, rows in data.items():
        for row in rows:
            entries = [(e["PrincipalSID"], e["RightName"]) for e in row["Aces"]]
            registry = row.get("CARegistryData", {}).get("CASecurity", {})
            if registry.get("Collected"):
                entries = [one for one in entries if one[1] not in ("Enroll", "ManageCA", "ManageCertificates")]
                entries += [(e["PrincipalSID"], e["RightName"]) for e in registry["Data"]]
            for holder, right in entries:
                rights = set(COUNTED) if right == "GenericAll" else {right} | INCLUDED.get((kind, right), set())
                for one in rights:
                    pairs[one].update((sid, row["ObjectIdentifier"]) for sid in below[holder])
    return {right: len(pairs[right]) for right in COUNTED}


def policies(data):
    """How many users and computers each policy applies to."""
    unit = {row["ObjectIdentifier"]: row for kind in ("domains", "ous", "containers") for row in data[kind]}
    above = {}
    for rows in data.values():
        for row in rows:
            if row.get("ContainedBy"):
                above.setdefault(row["ObjectIdentifier"], row["ContainedBy"]["ObjectIdentifier"])
    applies = collections.defaultdict(set)
    for row in data["users"] + data["computers"]:
        at, blocked = above.get(row["ObjectIdentifier"]), False
        while at in unit:
            for link in unit[at].get("Links", []):
                if link["IsEnforced"] or not blocked:
                    applies[link["GUID"]].add(row["ObjectIdentifier"])
            blocked = blocked or bool(unit[at]["Properties"].get("blocksinheritance"))
            at = above.get(at)
    name = names(data)
    return {f"{guid} {name.get(guid)}": len(sids) for guid, sids in sorted(applies.items())}


def counts(data):
    result = {"objects": {}, "distinct": {}}
    for kind, rows in sorted(data.items()):
        result["objects"][kind] = len(rows)
        result["distinct"][kind] = len({row["ObjectIdentifier"] for row in rows})
    entries = [(row["ObjectIdentifier"], entry) for rows in data.values() for row in rows for entry in row["Aces"]]
    result["aces"] = len(entries)
    # An authority that tells its own registry is asked for who may enrol and manage, not the directory.
    asked = {row["ObjectIdentifier"] for row in data["enterprisecas"] if row["CARegistryData"]["CASecurity"]["Collected"]}
    own = {"Enroll", "ManageCA", "ManageCertificates"}
    result["aces_superseded"] = sum(1 for on, entry in entries if on in asked and entry["RightName"] in own)
    result["aces_of_registries"] = sum(
        len(row["CARegistryData"]["CASecurity"]["Data"]) for row in data["enterprisecas"] if row["ObjectIdentifier"] in asked
    )
    repeated = collections.Counter(row["ObjectIdentifier"] for rows in data.values() for row in rows)
    repeated = {sid for sid, n in repeated.items() if n > 1}
    key = lambda on, entry: (on, entry["PrincipalSID"], entry["RightName"])
    among = [key(on, entry) for on, entry in entries if on in repeated or entry["PrincipalSID"] in repeated]
    result["aces_repeated_among_duplicates"] = len(among) - len(set(among))
    sessions = 0
    for row in data["computers"]:
        lists = [row[key]["Results"] for key in ("Sessions", "PrivilegedSessions", "RegistrySessions")]
        sessions += len({session["UserSID"] for results in lists for session in results})
    result["sessions"] = sessions
    result["member_rows"] = len(
        {(m["ObjectIdentifier"], g["ObjectIdentifier"]) for g in data["groups"] for m in g["Members"]}
        | {(row["ObjectIdentifier"], row["PrimaryGroupSID"]) for row in data["users"] + data["computers"] if row.get("PrimaryGroupSID")}
    )
    inside = [(row["ObjectIdentifier"], row["ContainedBy"]["ObjectIdentifier"]) for rows in data.values() for row in rows if row.get("ContainedBy")]
    result["contained_rows"] = len(set(inside))
    return result


def main():
    data = load(sys.argv[1])
    json.dump({"counts": counts(data), "effective": effective(data), "esc1": certificates(data), "policies": policies(data), **rulers(data)}, sys.stdout, indent=1, sort_keys=True)
    print()


if __name__ == "__main__":
    main()
