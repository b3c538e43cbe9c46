package overgrant.joiner_mover_leaver_test

import rego.v1

import data.overgrant.joiner_mover_leaver as policy

draft(workflow, changes) := {"workflow": workflow, "changes": changes}

gain(level) := {"principal": "ana", "level": level}

facts(workflow, added, removed, changes) := {
	"draft": draft(workflow, changes),
	"added_access": added,
	"removed_access": removed,
}

test_a_leaver_who_gains_is_denied if {
	some row in policy.deny with input as facts("leaver", [gain("read")], [], [])
	row.rule == "leaver-gains"
}

test_a_leaver_who_loses_is_fine if {
	count(policy.deny) == 0 with input as facts("leaver", [], [gain("read")], [])
}

test_a_mover_who_keeps_all_is_denied if {
	some row in policy.deny with input as facts("mover", [gain("read")], [], [])
	row.rule == "mover-keeps-all"
}

test_a_mover_who_gives_up_is_fine if {
	count(policy.deny) == 0 with input as facts("mover", [gain("read")], [gain("write")], [])
}

test_an_own_statement_is_denied if {
	change := {"op": "put_grant", "effect": "allow", "policy": "inline:own", "holder": "ana"}
	some row in policy.deny with input as facts("joiner", [gain("read")], [], [change])
	row.rule == "own-statement"
}

test_a_joiner_who_writes_needs_a_human if {
	count(policy.needs_human) == 1 with input as facts("joiner", [gain("write")], [], [])
}

test_other_workflows_are_left_alone if {
	count(policy.deny) == 0 with input as facts("quarterly", [gain("write")], [], [])
	count(policy.needs_human) == 0 with input as facts("quarterly", [gain("write")], [], [])
}
