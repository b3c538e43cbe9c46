package overgrant.break_glass_test

import rego.v1

import data.overgrant.break_glass as policy

good := {"draft": {
	"workflow": "break-glass",
	"ticket": "INC-1",
	"author": {"kind": "human", "id": "ana"},
	"intent": {"task": "restore", "until": "2026-11-22T12:00:00Z"},
	"changes": [{"op": "add_member", "container": "glass", "member": "ana", "expires_at": "2026-11-22T12:00:00Z"}],
}}

without(path) := json.remove(good, [path])

test_a_full_request_is_not_denied_and_needs_a_human if {
	count(policy.deny) == 0 with input as good
	count(policy.needs_human) == 1 with input as good
}

test_no_end_is_denied if {
	some row in policy.deny with input as without("draft/intent/until")
	row.rule == "no-end"
}

test_no_ticket_is_denied if {
	some row in policy.deny with input as without("draft/ticket")
	row.rule == "no-ticket"
}

test_a_member_without_an_end_is_denied if {
	change := {"op": "add_member", "container": "glass", "member": "ana"}
	some row in policy.deny with input as object.union(good, {"draft": {"changes": [change]}})
	row.rule == "member-without-end"
}

test_a_model_is_denied if {
	some row in policy.deny with input as object.union(good, {"draft": {"author": {"kind": "ai"}}})
	row.rule == "drafted-by-ai"
}

test_a_lasting_change_is_denied if {
	change := {"op": "put_grant", "holder": "ana", "effect": "allow"}
	some row in policy.deny with input as object.union(good, {"draft": {"changes": [change]}})
	row.rule == "lasting-change"
}

test_other_workflows_are_left_alone if {
	count(policy.deny) == 0 with input as object.union(without("draft/ticket"), {"draft": {"workflow": "joiner"}})
}
