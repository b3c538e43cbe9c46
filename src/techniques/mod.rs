//! Temporary stand-in for the techniques: the surface that the command line is written against.

use std::path::PathBuf;

/// One technique.
#[derive(Debug, Clone)]
pub struct Technique {
    /// Id.
    pub id: String,
    /// Name.
    pub name: String,
    /// Platform.
    pub platform: String,
    /// Category.
    pub category: String,
    /// What the attacker does and gets.
    pub summary: String,
    /// Services.
    pub services: Vec<String>,
    /// References.
    pub references: Vec<String>,
    /// MITRE ids.
    pub mitre: Vec<String>,
}

/// What one example came to.
#[derive(Debug, Clone)]
pub struct Check {
    /// Technique.
    pub id: String,
    /// Example.
    pub example: String,
    /// Why it failed; `None` when it holds.
    pub failure: Option<String>,
}

/// All built-in techniques and those of the folders.
pub fn load(_extra: &[PathBuf]) -> Result<Vec<Technique>, String> {
    Ok(Vec::new())
}

/// Runs every example.
pub fn check(_techniques: &[Technique]) -> Vec<Check> {
    Vec::new()
}
