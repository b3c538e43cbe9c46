//! Effective permissions: placeholder until the evaluator is wired in.

use roaring::RoaringBitmap;

use crate::model::{Access, Decision, Request, Tables, Verdict};
use crate::platforms::{Ask, Class, Evaluator, On, Reach, Settings, Standpoint};

/// Knows nothing and says so.
pub struct Compiled<'t> {
    _tables: &'t Tables,
}

impl<'t> Compiled<'t> {
    /// Compiles nothing.
    #[must_use]
    pub fn new(tables: &'t Tables, _settings: Settings) -> Self {
        Self { _tables: tables }
    }
}

impl Evaluator for Compiled<'_> {
    fn classes(&self) -> &[Class] {
        &[]
    }
    fn decide(&self, _request: &Request) -> Verdict {
        Verdict { decision: Decision::Unknown, reasons: Vec::new() }
    }
    fn targets(&self, _class: usize, _ask: &Ask, _among: &RoaringBitmap) -> Reach {
        Reach::default()
    }
    fn anywhere(&self, _class: usize, _ask: &Ask, _on: On) -> Option<Standpoint> {
        None
    }
    fn access(&self, _class: usize) -> Vec<Access> {
        Vec::new()
    }
    fn administrator_mass(&self) -> f64 {
        1.0
    }
}
