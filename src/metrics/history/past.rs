//! What earlier scans found, as far as a metric of today needs it: the mass of standing privilege, and since when
//! findings were open.

use std::collections::BTreeMap;

use super::snapshots;
use super::spells::Follower;
use super::survival::Spell;
use crate::metrics::Inputs;
use crate::metrics::population::{Cell, Labelling, Labels};
use crate::model::{Entity, Finding, Metric};
use crate::store::{SnapshotReader, Store, StoreError};

/// Metric whose earlier values are kept.
const MASS: &str = "standing_mass";

/// What decides the parts of a finding whose entity is not in today's tables.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Gone {
    platform: String,
    nhi: Option<bool>,
    agent: bool,
    domain: Option<String>,
}

/// Earlier scans, in short.
#[derive(Debug, Clone, Default)]
pub struct Past {
    follower: Follower,
    /// By fingerprint.
    gone: BTreeMap<String, Gone>,
    /// Time of a scan and its masses by part, oldest first; scans that did not measure it are left out.
    masses: Vec<(i64, BTreeMap<Cell, f64>)>,
}

impl Past {
    /// Reads the findings of every snapshot of an earlier time than `as_of`, and the masses of those from the last one
    /// at or before `since` on. Of several scans for the same time the last one counts.
    ///
    /// # Errors
    /// As [`SnapshotReader::read`].
    pub fn read(store: &Store, as_of: i64, since: i64) -> Result<Self, StoreError> {
        let mut readers = snapshots(store)?;
        readers.retain(|reader| reader.manifest().as_of < as_of);
        let mut past = Self::default();
        let last_before = readers.partition_point(|reader| reader.manifest().as_of <= since).saturating_sub(1);
        for (at, reader) in readers.iter().enumerate() {
            let findings: Vec<Finding> = reader.read()?;
            past.follower.snapshot(reader.manifest().as_of, &findings, &|_| true);
            if at >= last_before {
                past.add_mass(reader.manifest().as_of, reader.read()?);
            }
        }
        // The newest snapshot still has almost everything that was ever found; older ones are asked for the rest only.
        for reader in readers.iter().rev() {
            past.label(reader)?;
        }
        Ok(past)
    }

    fn add_mass(&mut self, as_of: i64, rows: Vec<Metric>) {
        let of = |row: Metric| Some((Cell { platform: row.platform, kind: row.kind, domain: row.domain }, row.value?));
        let masses: BTreeMap<Cell, f64> = rows.into_iter().filter(|row| row.metric == MASS).filter_map(of).collect();
        if !masses.is_empty() {
            self.masses.push((as_of, masses));
        }
    }

    fn label(&mut self, reader: &SnapshotReader) -> Result<(), StoreError> {
        let findings: Vec<Finding> = reader.read()?;
        let unknown: Vec<&Finding> = findings.iter().filter(|row| !self.gone.contains_key(&row.fingerprint)).collect();
        if unknown.is_empty() {
            return Ok(());
        }
        let entities: Vec<Entity> = reader.read()?;
        for finding in unknown {
            let Some(entity) = entities.get(finding.entity.index()) else { continue };
            let labels = Labels::of_row(entity);
            let (platform, domain) = (labels.platform.to_owned(), labels.domain.map(str::to_owned));
            let gone = Gone { platform, nhi: labels.nhi, agent: labels.agent, domain };
            self.gone.insert(finding.fingerprint.clone(), gone);
        }
        Ok(())
    }

    /// The mass of a part at the scans from the last one at or before `since` on, oldest first. A scan that measured
    /// masses and has no such part had nobody in it.
    #[must_use]
    pub fn standing_mass(&self, cell: &Cell, since: i64) -> Vec<(i64, f64)> {
        let from = self.masses.partition_point(|row| row.0 <= since).saturating_sub(1);
        self.masses[from..].iter().map(|(at, masses)| (*at, masses.get(cell).copied().unwrap_or(0.0))).collect()
    }

    /// How long findings lasted, today's scan included, by part. A finding about an entity that today's tables do not
    /// have is in the parts that its row decided when it was last seen.
    #[must_use]
    pub fn spells(&self, inputs: &Inputs<'_>) -> BTreeMap<Cell, Vec<Spell>> {
        let labelling = Labelling::new(inputs.context);
        let known: BTreeMap<&str, Labels<'_>> = (inputs.findings.iter())
            .map(|row| (row.fingerprint.as_str(), labelling.of(inputs.context.tables.entity(row.entity))))
            .collect();
        let mut follower = self.follower.clone();
        follower.snapshot(inputs.context.facts.as_of, inputs.findings, &|_| true);
        let mut by_part: BTreeMap<Cell, Vec<Spell>> = BTreeMap::new();
        for (fingerprint, spell) in follower.spells() {
            let labels = known.get(fingerprint.as_str()).copied();
            let labels = labels.or_else(|| self.gone.get(&fingerprint).map(Gone::labels));
            for cell in labels.iter().flat_map(Labels::cells) {
                by_part.entry(cell).or_default().push(spell);
            }
        }
        by_part
    }
}

impl Gone {
    fn labels(&self) -> Labels<'_> {
        Labels {
            platform: &self.platform,
            nhi: self.nhi,
            agent: self.agent,
            third_party: false,
            domain: self.domain.as_deref(),
        }
    }
}
