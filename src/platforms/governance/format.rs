//! Which tables there are and how each is recognised: a registry, one line a table.

use std::borrow::Cow;

use super::row::Row;
use super::table::{self, Header};
use super::text_blocks::ExceptionBlocks;
use super::usage_file::UsageFile;
use super::{records, rules};
use crate::model::{Builder, IssueSeverity};
use crate::platforms::input::{Head, Input, ReadError, Reader};

/// Every format, in the order in which they are tried: those with the most telling columns first.
pub const READERS: &[&dyn Reader] = &[
    &EXCEPTIONS,
    &ExceptionBlocks,
    &SOD_RULES,
    &APPROVALS,
    &WORKFLOWS,
    &ROLE_BASELINES,
    &USAGE,
    &UsageFile,
    &LEAKS,
    &STORED,
    &LABELS,
    &OWNERS,
    &PEOPLE,
];

/// One kind of table.
pub struct Format {
    name: &'static str,
    title: &'static str,
    /// Columns that a table of this kind has, all of them.
    required: &'static [&'static str],
    /// Further columns that it may have; it has one of them at least unless `required` says enough.
    optional: &'static [&'static str],
    /// Whether the required columns alone tell the kind.
    telling: bool,
    read: fn(&mut Row<'_>),
}

pub const EXCEPTIONS: Format = Format {
    name: "governance-exceptions",
    title: "Exceptions (CSV with the columns `exception`, `reason`, `expires`, …)",
    required: &["exception"],
    optional: &[
        "rule",
        "principal",
        "resource",
        "domain",
        "reason",
        "owner",
        "approved_by",
        "created",
        "expires",
        "ticket",
    ],
    telling: false,
    read: rules::exception,
};

const SOD_RULES: Format = Format {
    name: "governance-sod-rules",
    title: "Rules of segregation of duties (CSV with the columns `rule`, `left`, `right`, …)",
    required: &["rule", "left", "right"],
    optional: &["title", "severity"],
    telling: true,
    read: rules::sod_rule,
};

const APPROVALS: Format = Format {
    name: "governance-approvals",
    title: "Approvals (CSV with the columns `object`, `approver`, …)",
    required: &["object", "approver"],
    optional: &["required", "quorum", "cycle_days", "last_reviewed_at", "queue"],
    telling: true,
    read: rules::approval,
};

const WORKFLOWS: Format = Format {
    name: "governance-workflows",
    title: "Workflows (CSV with the columns `workflow`, `control_owner`, `principal`, …)",
    required: &["workflow"],
    optional: &[
        "business_process",
        "control_owner",
        "principal",
        "ai",
        "functions",
        "tier",
        "queue",
        "takes_from",
        "proposes",
    ],
    telling: false,
    read: rules::workflow,
};

const ROLE_BASELINES: Format = Format {
    name: "governance-role-baselines",
    title: "Role baselines (CSV with the columns `baseline`, `principal`, `actions`, …)",
    required: &["baseline", "principal", "actions"],
    optional: &["resources"],
    telling: true,
    read: rules::role_baseline,
};

pub const USAGE: Format = Format {
    name: "governance-usage",
    title: "Usage of permissions (CSV with the columns `principal`, `permission`, `last_used_at`, …)",
    required: &["principal", "permission"],
    optional: &["last_used_at", "count", "window_start", "window_end"],
    telling: false,
    read: records::usage,
};

const LEAKS: Format = Format {
    name: "governance-leaked-secrets",
    title: "Leaked secrets by id (CSV with the columns `credential`, `location`, …)",
    required: &["credential", "location"],
    optional: &["seen_at"],
    telling: true,
    read: records::leak,
};

const STORED: Format = Format {
    name: "governance-stored-secrets",
    title: "Stored secrets and whom they prove (CSV with the columns `secret`, `principal`)",
    required: &["secret", "principal"],
    optional: &[],
    telling: true,
    read: records::stored,
};

const LABELS: Format = Format {
    name: "governance-labels",
    title: "Labels (CSV with the columns `entity`, `env`, `criticality`, `domain`, …)",
    required: &["entity"],
    optional: &["env", "criticality", "domain", "protected", "protected_reason", "break_glass"],
    telling: false,
    read: records::label,
};

const OWNERS: Format = Format {
    name: "governance-owners",
    title: "Owners (CSV with the columns `principal`, `owner`, …)",
    required: &["principal", "owner"],
    optional: &["confidence"],
    telling: true,
    read: records::owner,
};

const PEOPLE: Format = Format {
    name: "governance-people",
    title: "People (CSV with the columns `person`, `email`, `status`, …)",
    required: &["person"],
    optional: &["name", "email", "status", "started_at", "left_at", "manager", "department", "identities"],
    telling: false,
    read: records::person,
};

impl Format {
    fn knows(&self, column: &str) -> bool {
        self.required.contains(&column) || self.optional.contains(&column)
    }

    /// Whether a table of these columns is of this kind. Where a name as common as `entity` tells little, most columns
    /// must be known: a listing of ours, or of another tool, is no governance table.
    pub fn fits(&self, columns: &[String]) -> bool {
        let known = columns.iter().filter(|column| self.knows(column)).count();
        self.required.iter().all(|wanted| columns.iter().any(|column| column == wanted))
            && (self.telling || (known > self.required.len() && 2 * known >= columns.len()))
    }

    /// Notes the columns of a table that are read by nobody, and those that are there twice.
    pub fn review(&self, columns: &[String], place: &str, out: &mut Builder) {
        for (at, column) in columns.iter().enumerate().filter(|(_, column)| !column.is_empty()) {
            if columns[..at].contains(column) {
                let message = format!("the column `{column}` is there twice; the first of them is read");
                out.issue(IssueSeverity::Warning, "column_duplicate", place, message);
            } else if !self.knows(column) {
                let known = [self.required, self.optional].concat().join(", ");
                let message = format!("the column `{column}` is not read; known here: {known}");
                out.issue(IssueSeverity::Note, "column_unknown", place, message);
            }
        }
    }

    /// Reads one row.
    pub fn row(&self, out: &mut Builder, columns: &[String], place: &str, cells: &[String]) {
        let skipped = out.source.skipped;
        (self.read)(&mut Row::new(out, columns, place, cells));
        out.source.records += u64::from(out.source.skipped == skipped);
    }
}

impl Reader for Format {
    fn name(&self) -> &'static str {
        self.name
    }

    fn title(&self) -> &'static str {
        self.title
    }

    fn recognises(&self, head: &Head) -> bool {
        if head.json().is_some() {
            return false;
        }
        let text: Cow<'_, str> = head.text();
        self.fits(&Header::of(&text).columns)
    }

    fn read(&self, input: &mut Input<'_>, out: &mut Builder) -> Result<(), ReadError> {
        let mut reviewed = false;
        table::rows(input.stream(), out, |out, columns, place, cells| {
            if !std::mem::replace(&mut reviewed, true) {
                self.review(columns, "line 1", out);
            }
            self.row(out, columns, place, cells);
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kind(header: &str) -> Option<&'static str> {
        let head = Head::new("t", header.as_bytes());
        READERS.iter().find(|reader| reader.recognises(&head)).map(|reader| reader.name())
    }

    #[test]
    fn each_table_is_told_by_its_header_in_any_order_and_case() {
        for (header, expected) in [
            ("person,name,email,status,started_at,left_at,manager,department,identities\n", "people"),
            ("Status;E-Mail;Person;email\n", "people"),
            ("principal,owner\n", "owners"),
            ("principal,owner,confidence,comment\n", "owners"),
            ("object,approver,required,quorum,cycle_days,last_reviewed_at,queue\n", "approvals"),
            ("workflow,business_process,control_owner,principal,ai,functions,tier,queue\n", "workflows"),
            ("workflow,principal,takes_from,proposes\n", "workflows"),
            ("entity,env,criticality,domain,protected,protected_reason\n", "labels"),
            ("entity,break_glass\n", "labels"),
            ("baseline,principal,actions,resources\n", "role-baselines"),
            ("rule,title,left,right,severity\n", "sod-rules"),
            (
                "exception,rule,principal,resource,domain,reason,owner,approved_by,created,expires,ticket\n",
                "exceptions",
            ),
            ("principal,permission,last_used_at,count,window_start,window_end\n", "usage"),
            ("credential,location,seen_at\n", "leaked-secrets"),
            ("# ours\n[[exception]]\nid = 1\n", "exceptions-toml"),
        ] {
            assert_eq!(kind(header), Some(format!("governance-{expected}").as_str()), "{header}");
        }
    }

    #[test]
    fn other_tables_are_left_to_others() {
        for header in [
            "user,arn,user_creation_time,password_enabled\n",
            "severity,rule,entity,entity_name,platform,title,evidence,frameworks,first_seen,state,fingerprint\n",
            "entity,name,platform,kind,nhi,risk,risk_low,risk_high,excess,domain\n",
            "metric,platform,kind,domain,value\n",
            "person\n",
            "{\"person\": 1, \"status\": 2}",
            "-----BEGIN X-----\n",
            "",
        ] {
            assert_eq!(kind(header), None, "{header}");
        }
    }
}
