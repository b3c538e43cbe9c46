package overgrant.nhi_onboarding_test

import rego.v1

import data.overgrant.nhi_onboarding as policy

made := {"op": "create_principal", "principal": "robot", "kind": "role"}

owner := {"op": "set_owner", "entity": "robot", "owners": ["ana"]}

facts(changes, added) := {"draft": {"changes": changes}, "added_access": added}

denied(given, rule) if {
	some row in policy.deny with input as given
	row.rule == rule
}

test_an_owned_machine_is_not_denied_and_needs_a_human if {
	count(policy.deny) == 0 with input as facts([made, owner], [])
	count(policy.needs_human) == 1 with input as facts([made, owner], [])
}

test_one_without_an_owner_is_denied if denied(facts([made], []), "no-owner")

test_an_owner_that_is_nobody_is_none if {
	denied(facts([made, {"op": "set_owner", "entity": "robot", "owners": []}], []), "no-owner")
}

test_a_static_credential_is_denied if {
	key := {"op": "create_credential", "principal": "robot", "kind": "access_key"}
	denied(facts([made, owner, key], []), "static-credential")
}

test_trust_in_everyone_is_denied if {
	trust := {"op": "set_trust", "principal": "robot", "trustees": [{"trustee": "*", "action": "sts:AssumeRole"}]}
	denied(facts([made, owner, trust], []), "trusts-everyone")
}

test_writing_everywhere_is_denied if {
	row := {"principal": "robot", "resources": ["*"], "level": "write"}
	denied(facts([made, owner], [row]), "everything")
}

test_people_are_left_alone if {
	count(policy.deny) == 0 with input as facts([{"op": "create_principal", "principal": "ana", "kind": "user"}], [])
}
