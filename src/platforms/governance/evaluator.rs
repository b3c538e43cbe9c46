//! The permission model of a platform on which nobody acts: there is nobody to ask about.

use roaring::RoaringBitmap;

use crate::model::{Access, Decision, EntityId, Request, Verdict};
use crate::platforms::{Ask, Class, Evaluator, Given, On, Reach, Standpoint, View};

/// Has no principals.
pub struct Nobody;

impl Evaluator for Nobody {
    fn classes(&self) -> &[Class] {
        &[]
    }

    fn open(&self, _class: usize) -> Box<dyn View + '_> {
        Box::new(Nothing)
    }

    fn open_given(&self, _class: usize, _given: &[Given], _policy: Option<EntityId>) -> Option<Box<dyn View + '_>> {
        None
    }

    fn decide(&self, _request: &Request) -> Verdict {
        Verdict { decision: Decision::Unknown, reasons: Vec::new() }
    }

    fn administrator_mass(&self) -> f64 {
        0.0
    }
}

/// May do nothing.
struct Nothing;

impl View for Nothing {
    fn targets(&self, _ask: &Ask, _among: &RoaringBitmap) -> Reach {
        Reach::default()
    }

    fn anywhere(&self, _ask: &Ask, _on: On) -> Option<Standpoint> {
        None
    }

    fn together(&self, _asks: &[Ask]) -> Option<Standpoint> {
        None
    }

    fn manages_permissions(&self) -> Option<Standpoint> {
        None
    }

    fn access(&self) -> Vec<Access> {
        Vec::new()
    }
}
