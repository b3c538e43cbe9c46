//! The AWS accounts of the demo: what Okta signs people in to, a role for each service, a few users with keys, and what
//! is planted.

mod estate;
mod neglect;
mod ordinary;
mod trusts;
mod ways;

use super::facts::Facts;
use super::staff::Staff;
use super::week::{DATA, MANAGEMENT, PRODUCTION, STAGING, Week};
use crate::generate::aws::organization;
use crate::generate::file::{Error, Folder};
use estate::Estate;

/// Roles that Okta signs people in to, and the groups of Okta that stand for them.
pub use ordinary::{ADMINISTRATOR, SIGN_IN};

/// Writes all accounts and the organisation around them.
pub fn write(week: &Week, staff: &Staff, folder: Folder<'_>, facts: &mut Facts) -> Result<(), Error> {
    for account in &week.plan.accounts {
        let mut estate = Estate::new(week, staff, account, facts);
        ordinary::people_sign_in(&mut estate);
        ordinary::services(&mut estate);
        match account.at {
            MANAGEMENT => neglect::management(&mut estate),
            PRODUCTION => {
                neglect::production(&mut estate);
                trusts::production(&mut estate);
                ways::production(&mut estate);
            }
            STAGING => {
                neglect::staging(&mut estate);
                trusts::staging(&mut estate);
                ways::staging(&mut estate);
            }
            DATA => {
                neglect::data(&mut estate);
                trusts::data(&mut estate);
                ways::data(&mut estate);
            }
            _ => {
                trusts::tooling(&mut estate);
                ways::tooling(&mut estate);
            }
        }
        estate.write(folder)?;
    }
    let path = folder.0.join("aws");
    organization::write(&week.plan, Folder(&path))
}
