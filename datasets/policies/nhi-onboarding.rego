# New machine identities: owned, federated, and no wider than their task.
package overgrant.nhi_onboarding

import rego.v1

created contains change.principal if {
	some change in input.draft.changes
	change.op == "create_principal"
	change.kind in {"role", "service_account", "application", "workload", "agent"}
}

owned contains change.entity if {
	some change in input.draft.changes
	change.op == "set_owner"
	count(change.owners) > 0
}

# Whoever makes a machine identity says who answers for it, in the same draft.
deny contains {"rule": "no-owner", "message": sprintf("%s is created without an owner", [principal])} if {
	some principal in created
	not principal in owned
}

deny contains {"rule": "static-credential", "message": sprintf("%s starts with a static credential", [change.principal])} if {
	some change in input.draft.changes
	change.op == "create_credential"
	change.principal in created
	change.kind != "federated"
}

# What no conditions name may be used by anyone who is trusted by everyone.
deny contains {"rule": "trusts-everyone", "message": sprintf("%s trusts everyone", [change.principal])} if {
	some change in input.draft.changes
	change.op == "set_trust"
	change.principal in created
	some trustee in change.trustees
	trustee.trustee in {"*", "AWS:*"}
}

deny contains {"rule": "everything", "message": sprintf("%s starts with access to everything", [row.principal])} if {
	some row in input.added_access
	row.principal in created
	"*" in row.resources
	row.level in {"write", "permissions"}
}

needs_human contains {"rule": "new-machine", "message": sprintf("%s is a new machine identity", [principal])} if {
	some principal in created
}
