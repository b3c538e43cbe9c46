# Access for emergencies: named, ended, and asked for by a person.
package overgrant.break_glass

import rego.v1

is_emergency if input.draft.workflow == "break-glass"

# It ends by itself within a day at the latest: whoever asks says when.
deny contains {"rule": "no-end", "message": "access for emergencies has no end (intent.until)"} if {
	is_emergency
	not input.draft.intent.until
}

deny contains {"rule": "member-without-end", "message": sprintf("%s is put into %s without an end", [change.member, change.container])} if {
	is_emergency
	some change in input.draft.changes
	change.op == "add_member"
	not change.expires_at
}

deny contains {"rule": "no-ticket", "message": "access for emergencies has no ticket"} if {
	is_emergency
	not input.draft.ticket
}

# A model may not open the glass.
deny contains {"rule": "drafted-by-ai", "message": "access for emergencies is asked for by a person"} if {
	is_emergency
	input.draft.author.kind == "ai"
}

# Nothing that lasts is changed under the name of an emergency.
deny contains {"rule": "lasting-change", "message": sprintf("`%s` is no access for emergencies", [change.op])} if {
	is_emergency
	some change in input.draft.changes
	not change.op in {"add_member", "remove_member"}
}

needs_human contains {"rule": "emergency", "message": "access for emergencies is always seen by a person"} if is_emergency
