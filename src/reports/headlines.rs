//! The few metrics that a page begins with, and what people call them.

/// One of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Headline {
    /// Id of the metric.
    pub id: &'static str,
    /// What people call it.
    pub title: &'static str,
}

/// In the order of the page: what an attacker reaches, who answers for it, what is more than needed, what is old.
pub const HEADLINES: &[Headline] = &[
    Headline { id: "exposure_pct", title: "Principals that reach what is protected" },
    Headline { id: "admin_equivalents", title: "Administrators in effect" },
    Headline { id: "orphaned_nhi_pct", title: "Orphaned non-human identities" },
    Headline { id: "ownerless_nhi_pct", title: "Non-human identities without an owner" },
    Headline { id: "wpg_p50", title: "Unused privilege of the median principal" },
    Headline { id: "unused_principals_90d_pct", title: "Principals unused for 90 days" },
    Headline { id: "keys_over_90d_pct", title: "Keys older than 90 days" },
    Headline { id: "risk_p90", title: "Risk that nine in ten stay below" },
];
