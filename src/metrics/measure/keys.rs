//! Keys, secrets and certificates.

use super::rate;
use crate::findings::keys::is_key;
use crate::metrics::{Population, Reading, float};
use crate::model::Credential;

/// Age in days that the rotation metric goes by, whatever the configured threshold is: its name says 90.
const ROTATION_DAYS: u32 = 90;

fn keys<'a>(part: &Population<'a>) -> Vec<&'a Credential> {
    let context = part.context;
    let rows = part.members().flat_map(|entity| context.credentials(entity.entity));
    rows.filter(|row| is_key(row.kind) && row.active != Some(false)).collect()
}

/// Live keys older than 90 days.
pub fn old(part: &Population<'_>) -> Reading {
    let keys = keys(part);
    let ages: Vec<u32> = keys.iter().filter_map(|row| part.context.key_age_days(row)).collect();
    let old = ages.iter().filter(|&&age| age > ROTATION_DAYS).count();
    rate(float(old), float(ages.len()), float(keys.len()))
}

/// Live keys without an end.
pub fn endless(part: &Population<'_>) -> Reading {
    let keys = keys(part);
    let endless = keys.iter().filter(|row| row.expires_at.is_none()).count();
    rate(float(endless), float(keys.len()), float(keys.len()))
}
