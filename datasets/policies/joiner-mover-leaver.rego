# Joiners, movers and leavers: what a change of job may change.
package overgrant.joiner_mover_leaver

import rego.v1

# A leaver only loses.
deny contains {"rule": "leaver-gains", "message": sprintf("%s gains access in a draft for a leaver", [row.principal])} if {
	input.draft.workflow == "leaver"
	some row in input.added_access
}

# A mover gives up something where something is added: rights that pile up are how access creeps.
deny contains {"rule": "mover-keeps-all", "message": "a mover gains access and gives nothing up"} if {
	input.draft.workflow == "mover"
	count(input.added_access) > 0
	count(input.removed_access) == 0
}

# Access comes with the job: through groups and roles, not by statements of one's own.
deny contains {"rule": "own-statement", "message": sprintf("%s gets a statement of its own", [change.holder])} if {
	input.draft.workflow in {"joiner", "mover"}
	some change in input.draft.changes
	change.op == "put_grant"
	change.effect == "allow"
	startswith(change.policy, "inline:")
}

# Whoever starts with more than reading is looked at by a person.
needs_human contains {"rule": "joiner-writes", "message": sprintf("%s starts with %s access", [row.principal, row.level])} if {
	input.draft.workflow == "joiner"
	some row in input.added_access
	row.level in {"write", "permissions"}
}
