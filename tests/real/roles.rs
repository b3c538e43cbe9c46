//! Published role-mining matrices: as few roles as the best results in the literature, and exactly the matrix.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Instant;

use overgrant::roles::cover::{BooleanMatrix, Cover, Limits, cover};

/// Seconds for one matrix, without optimisation and beside other tests.
const SECONDS_MAX: u64 = 60;

fn file(name: &str) -> Result<String, String> {
    let path: PathBuf = super::shared().ok_or("OVERGRANT_SHARED is not set")?.join("data/rolemining").join(name);
    std::fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))
}

/// Numbers names in the order of their first appearance.
#[derive(Default)]
struct Numbering(BTreeMap<String, u32>);

impl Numbering {
    fn of(&mut self, name: &str) -> u32 {
        let next = u32::try_from(self.0.len()).unwrap_or(u32::MAX);
        *self.0.entry(name.to_owned()).or_insert(next)
    }
}

/// A matrix from pairs of a row's name and a column's name.
fn matrix<'a>(pairs: impl Iterator<Item = (&'a str, &'a str)>) -> BooleanMatrix {
    let (mut rows, mut columns) = (Numbering::default(), Numbering::default());
    let mut ones: Vec<Vec<u32>> = Vec::new();
    for (row, column) in pairs {
        let row = rows.of(row) as usize;
        if row == ones.len() {
            ones.push(Vec::new());
        }
        ones[row].push(columns.of(column));
    }
    BooleanMatrix::new(columns.0.len(), ones)
}

/// Covers a matrix and holds the cover to what a decomposition is.
fn decomposed(matrix: &BooleanMatrix) -> Result<Cover, String> {
    let start = Instant::now();
    let found = cover(matrix, Limits::default());
    let seconds = start.elapsed().as_secs();
    if found.product(matrix.rows().len(), matrix.columns()) != *matrix {
        return Err("the product is not the matrix".to_owned());
    }
    if found.lower_bound > found.bicliques.len() || seconds > SECONDS_MAX {
        return Err(format!("{} roles, bound {}, {seconds} s", found.bicliques.len(), found.lower_bound));
    }
    Ok(found)
}

/// Holds a set of pairs to its published size and to the best known number of roles.
fn known(name: &str, size: (usize, usize, usize), roles_max: usize) -> Result<(), String> {
    let text = file(name)?;
    let pairs = text.lines().filter_map(|line| {
        let mut fields = line.split_whitespace();
        Some((fields.next()?, fields.next()?))
    });
    let matrix = matrix(pairs);
    let found = (matrix.rows().len(), matrix.columns(), matrix.ones());
    if found != size {
        return Err(format!("rows, columns and ones are {found:?}, expected {size:?}"));
    }
    let cover = decomposed(&matrix)?;
    let turned = decomposed(&matrix.transposed())?;
    let sizes = [&cover, &turned].map(|cover| (cover.bicliques.len(), cover.lower_bound));
    if sizes.iter().all(|(roles, bound)| *roles <= roles_max && roles == bound) {
        return Ok(());
    }
    Err(format!("roles and bounds of the matrix and its transpose are {sizes:?}, expected at most {roles_max}, proven"))
}

pub fn domino() -> Result<(), String> {
    known("domino.txt", (79, 231, 730), 20)
}

pub fn hc() -> Result<(), String> {
    known("hc.txt", (46, 46, 1486), 14)
}

pub fn emea() -> Result<(), String> {
    known("emea.txt", (35, 3046, 7220), 34)
}

/// A directory of a thousand people with the memberships that their attributes stand for: every attribute with its
/// value is a permission.
pub fn directory() -> Result<(), String> {
    for month in ["2009-12", "2010-01", "2010-02"] {
        let text = file(&format!("ldap/{month}.csv"))?;
        let pairs = text.lines().skip(1).flat_map(|line| {
            let fields: Vec<&str> = line.split(',').collect();
            let person = fields.get(1).copied().unwrap_or("");
            fields
                .into_iter()
                .skip(3)
                .filter(|field| !field.is_empty())
                .map(|field| (person, field))
                .collect::<Vec<_>>()
        });
        let matrix = matrix(pairs);
        if matrix.rows().len() < 900 {
            return Err(format!("{month}: only {} people", matrix.rows().len()));
        }
        let cover = decomposed(&matrix).map_err(|error| format!("{month}: {error}"))?;
        let rows = matrix.rows().len().min(matrix.columns());
        if cover.bicliques.len() > rows || !cover.is_exact() {
            let (roles, bound) = (cover.bicliques.len(), cover.lower_bound);
            return Err(format!("{month}: {roles} roles, bound {bound}, {:?}", cover.reached));
        }
    }
    Ok(())
}
