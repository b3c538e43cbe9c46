//! Rows of every table with every kind of cell, from a seed: nulls, empty lists, extremes, texts of any script.

use crate::model::{
    AttachmentKind, Certainty, ChokeKind, ColumnReader, ColumnSpec, Coverage, CredentialKind, Decision, Effect,
    EntityKind, ExceptionStatus, FindingState, Granularity, IssueSeverity, Layer, MembershipKind, OrphanReason,
    OwnerOrigin, OwnerStatus, PersonStatus, Record, Results, Severity, Source, Standing, Tables, TrustKind,
    TypeMismatch,
};

const TEXTS: &[&str] = &[
    "",
    "arn:aws:iam::123456789012:role/ci-deploy",
    "Zoë Müller",
    "部署パイプライン",
    "Εταιρεία\tδοκιμή\nγραμμή",
    "🔑 \u{202e}rtl\u{0}nul",
    "a|b,\"c\"\\d",
];
const DECIMALS: &[f64] = &[0.0, -0.0, 1.0, 0.1, f64::MAX, f64::MIN_POSITIVE, f64::INFINITY, f64::NEG_INFINITY];

/// A number generator with a long enough period for test rows (splitmix64).
#[derive(Clone)]
pub(super) struct Rng(pub u64);

impl Rng {
    pub(super) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() % end as u64).unwrap()
    }

    fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }
}

/// Makes up the cells of one column.
struct Maker {
    rng: Rng,
    nullable: bool,
    /// Names that the column takes when its type is a closed list of names.
    names: Option<Vec<&'static str>>,
}

impl Maker {
    fn maybe<T>(&mut self, make: impl FnOnce(&mut Rng) -> T) -> Option<T> {
        let null = self.nullable && self.rng.below(3) == 0;
        (!null).then(|| make(&mut self.rng))
    }
}

impl ColumnReader for Maker {
    fn bool(&mut self) -> Result<Option<bool>, TypeMismatch> {
        Ok(self.maybe(|rng| rng.below(2) == 1))
    }
    fn u32(&mut self) -> Result<Option<u32>, TypeMismatch> {
        Ok(self.maybe(|rng| rng.pick(&[0, 1, 7, 1000, u32::MAX / 2 + 1, u32::MAX])))
    }
    fn u64(&mut self) -> Result<Option<u64>, TypeMismatch> {
        Ok(self.maybe(|rng| rng.pick(&[0, 1, u64::MAX / 2 + 1, u64::MAX])))
    }
    fn f64(&mut self) -> Result<Option<f64>, TypeMismatch> {
        Ok(self.maybe(|rng| rng.pick(DECIMALS)))
    }
    fn time(&mut self) -> Result<Option<i64>, TypeMismatch> {
        Ok(self.maybe(|rng| rng.pick(&[0, -1, super::AS_OF, i64::MIN, i64::MAX])))
    }
    fn text(&mut self) -> Result<Option<String>, TypeMismatch> {
        let names = self.names.clone();
        Ok(self.maybe(|rng| rng.pick(names.as_deref().unwrap_or(TEXTS)).to_owned()))
    }
    fn text_list(&mut self) -> Result<Vec<String>, TypeMismatch> {
        Ok((0..self.rng.below(4)).map(|_| self.rng.pick(TEXTS).to_owned()).collect())
    }
    fn u32_list(&mut self) -> Result<Vec<u32>, TypeMismatch> {
        Ok((0..self.rng.below(4)).map(|_| self.rng.pick(&[0, 5, u32::MAX])).collect())
    }
}

macro_rules! names_of {
    ($type:ty) => {
        Some(<$type>::ALL.iter().map(|name| name.as_str()).collect())
    };
}

fn names(table: &str, column: &ColumnSpec) -> Option<Vec<&'static str>> {
    match (table, column.name) {
        ("entities", "kind") => names_of!(EntityKind),
        ("memberships", "kind") => names_of!(MembershipKind),
        ("memberships", "standing") => names_of!(Standing),
        ("attachments", "kind") => names_of!(AttachmentKind),
        ("grants", "effect") => names_of!(Effect),
        ("grants", "layer") => names_of!(Layer),
        ("trusts", "kind") => names_of!(TrustKind),
        ("credentials", "kind") => names_of!(CredentialKind),
        ("usage", "granularity") => names_of!(Granularity),
        ("people", "status") => names_of!(PersonStatus),
        ("owners", "origin") => names_of!(OwnerOrigin),
        ("owners", "status") => names_of!(OwnerStatus),
        ("exceptions", "status") => names_of!(ExceptionStatus),
        ("sod_rules", "severity") => names_of!(Severity),
        ("issues", "severity") => names_of!(IssueSeverity),
        ("orphans", "reason") => names_of!(OrphanReason),
        ("access" | "removals", "decision") => names_of!(Decision),
        ("removals", "verdict") => names_of!(crate::model::RemovalVerdict),
        ("peers", "cohort_kind") => names_of!(crate::model::CohortKind),
        ("edges" | "paths", "certainty") => names_of!(Certainty),
        ("choke_points", "kind") => names_of!(ChokeKind),
        ("findings", "severity") => names_of!(Severity),
        ("findings", "state") => names_of!(FindingState),
        _ => None,
    }
}

/// Made-up rows of one table.
pub(super) fn rows<R: Record>(seed: u64, count: usize) -> Vec<R> {
    let mut rng = Rng(seed);
    let mut columns: Vec<Box<dyn ColumnReader>> = Vec::new();
    for column in R::COLUMNS {
        let maker = Maker { rng: Rng(rng.next()), nullable: column.nullable, names: names(R::TABLE, column) };
        columns.push(Box::new(maker));
    }
    (0..count).map(|_| R::read(&mut columns).unwrap()).collect()
}

/// Made-up rows of all tables.
pub(super) fn snapshot(seed: u64, count: usize) -> (Tables, Results) {
    let source = Source {
        path: "exports/größe.json.gz".to_owned(),
        kind: "aws-authorization-details".to_owned(),
        sha256: "ab".repeat(32),
        records: 12,
        skipped: 2,
    };
    let tables = Tables {
        sources: vec![source],
        entities: rows(seed, count),
        memberships: rows(seed, count),
        attachments: rows(seed, count),
        attributes: rows(seed, count),
        grants: rows(seed, count),
        trusts: rows(seed, count),
        credentials: rows(seed, count),
        usage: rows(seed, count),
        people: rows(seed, count),
        identities: rows(seed, count),
        owners: rows(seed, count),
        approvals: rows(seed, count),
        workflows: rows(seed, count),
        role_baselines: rows(seed, count),
        sod_rules: rows(seed, count),
        exceptions: rows(seed, count),
        issues: rows(seed, count),
    };
    let results = Results {
        access: rows::<crate::model::Access>(seed, count).into(),
        removals: rows::<crate::model::Removal>(seed, count).into(),
        peers: rows::<crate::model::Peer>(seed, count).into(),
        edges: rows(seed, count),
        target_sets: rows(seed, count),
        assists: rows(seed, count),
        paths: rows(seed, count),
        choke_points: rows(seed, count),
        minimum_cut: None,
        findings: rows(seed, count),
        orphans: rows(seed, count),
        scores: rows(seed, count),
        metrics: rows(seed, count),
        coverage: vec![Coverage { name: "last_used".to_owned(), known: 3, of: 7 }],
    };
    (tables, results)
}
