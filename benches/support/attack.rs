//! Attack graphs of any size, without an organisation behind them: a scan of a million principals would take longer
//! than everything that is to be measured.
//!
//! Accounts of 200 principals and 40 target sets lie one behind the other. Arcs go to later nodes of the same account,
//! to later accounts, and now and then back inside the account, so that components are no larger than an account and
//! the rest stays a deep graph without cycles: the case that costs closures most. Out-degrees and targets follow power
//! laws. Each node is *open* or *closed*; no arc leads from closed to open, and the protected zone, one principal in
//! each account, is open. The share of open principals is thereby, but for a few, the share that reaches the zone.

/// Principals of an account.
pub const PRINCIPALS: u32 = 200;
/// Target sets of an account.
const SETS: u32 = 40;
/// Nodes of an account.
const BLOCK: u32 = PRINCIPALS + SETS;
/// One target set comes after so many principals.
const STRIDE: u32 = BLOCK / SETS;

/// How much of a graph leads to the zone.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    /// Three principals in a hundred.
    Sparse,
    /// Three principals in five.
    Dense,
}

impl Shape {
    /// What it is called.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sparse => "sparse",
            Self::Dense => "dense",
        }
    }

    /// Open nodes in a thousand.
    const fn open(self) -> u64 {
        match self {
            Self::Sparse => 30,
            Self::Dense => 600,
        }
    }
}

/// A graph: principals first, then target sets.
pub struct Attack {
    pub nodes: u32,
    pub principals: u32,
    /// Arcs in order of their sources, without repetition.
    pub arcs: Vec<(u32, u32)>,
    /// Protected nodes, ascending.
    pub zone: Vec<u32>,
}

/// `SplitMix64` (Steele, Lea and Flood 2014).
struct Stream(u64);

impl Stream {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        mixed(self.0)
    }

    fn below(&mut self, n: u32) -> u32 {
        u32::try_from(((self.next() >> 32) * u64::from(n)) >> 32).unwrap_or(0)
    }

    /// A rank below `n` in proportion to 1 / (rank + 1), by octaves.
    fn ranked(&mut self, n: u32) -> u32 {
        let octaves = u32::BITS - n.leading_zeros();
        loop {
            let start = (1_u32 << self.below(octaves)) - 1;
            let rank = start + self.below(start + 1);
            if rank < n {
                return rank;
            }
        }
    }
}

const fn mixed(value: u64) -> u64 {
    let value = (value ^ (value >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    let value = (value ^ (value >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    value ^ (value >> 31)
}

/// A place in the order of accounts, as a node: every sixth is a target set.
fn node(place: u32, principals: u32) -> u32 {
    let (account, within) = (place / BLOCK, place % BLOCK);
    if within % STRIDE == STRIDE - 1 {
        principals + account * SETS + within / STRIDE
    } else {
        account * PRINCIPALS + within - within / STRIDE
    }
}

/// Makes the graph of so many principals, rounded up to whole accounts.
pub fn attack(principals: u32, shape: Shape, seed: u64) -> Attack {
    let accounts = principals.div_ceil(PRINCIPALS);
    let (principals, places) = (accounts * PRINCIPALS, accounts * BLOCK);
    let is_zone = |place: u32| place % BLOCK == BLOCK - 2;
    let is_open = |place: u32| is_zone(place) || mixed(seed ^ mixed(u64::from(place) + 1)) % 1000 < shape.open();
    let mut arcs = Vec::with_capacity(places as usize * 9);
    for place in 0..places {
        let mut stream = Stream(mixed(seed ^ mixed(u64::from(place))));
        let is_set = place % STRIDE == STRIDE - 1;
        let degree = 3 + stream.ranked(if is_set { 64 } else { 20 });
        let from = arcs.len();
        for _ in 0..degree {
            let to = target(place, places, &mut stream);
            // What is closed leads to what is closed: to the next such place of the account, or nowhere.
            let end = to - to % BLOCK + BLOCK;
            let to = if is_open(place) { Some(to) } else { (to..end).find(|&to| !is_open(to)) };
            if let Some(to) = to.filter(|&to| to != place) {
                arcs.push((node(place, principals), node(to, principals)));
            }
        }
        // Whoever is open has a way to the zone of its own account or the next.
        if is_open(place) && !is_zone(place) {
            arcs.push((node(place, principals), node(way(place, &mut stream, is_open), principals)));
        }
        arcs[from..].sort_unstable();
    }
    arcs.sort_unstable();
    arcs.dedup();
    let zone = (0..accounts).map(|account| node(account * BLOCK + BLOCK - 2, principals)).collect();
    Attack { nodes: places, principals, arcs, zone }
}

/// Where an arc goes: three in four stay in the account, most of them forwards; the others go to later accounts, near
/// ones more often.
fn target(place: u32, places: u32, stream: &mut Stream) -> u32 {
    let start = place - place % BLOCK;
    let drawn = stream.below(100);
    if drawn < 70 {
        let ahead = start + BLOCK - place;
        return place + stream.ranked(ahead);
    }
    let later = (places - start) / BLOCK - 1;
    if drawn < 75 || later == 0 {
        return start + stream.below(BLOCK);
    }
    start + (1 + stream.ranked(later)) * BLOCK + stream.below(BLOCK)
}

/// The next open place of the account: the zone is one, near its end.
fn way(place: u32, stream: &mut Stream, is_open: impl Fn(u32) -> bool) -> u32 {
    let last = place - place % BLOCK + BLOCK - 2;
    let from = place + 1 + stream.ranked(BLOCK / 4);
    (from..last).find(|&to| is_open(to)).unwrap_or(last)
}
