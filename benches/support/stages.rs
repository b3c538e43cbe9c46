//! Times of the stages of a scan, as its progress reports them.

use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use overgrant::analysis::Progress;
use serde::{Deserialize, Serialize};

use super::machine;

/// What one stage took.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Took {
    pub stage: String,
    pub wall_s: f64,
    /// Of all threads: on a machine that others use as well, this is what compares.
    pub cpu_s: f64,
    /// Most memory of the process up to the stage's end.
    pub peak_bytes: u64,
}

/// Measures stages one after the other.
#[derive(Default)]
pub struct Stopwatch {
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    running: Option<(String, Instant, f64)>,
    done: Vec<Took>,
}

impl Stopwatch {
    /// Ends the stage that runs, if one does, and begins the next.
    pub fn next(&self, name: Option<&str>) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((stage, since, cpu)) = state.running.take() {
            let wall_s = since.elapsed().as_secs_f64();
            let cpu_s = machine::cpu_seconds() - cpu;
            state.done.push(Took { stage, wall_s, cpu_s, peak_bytes: machine::peak_bytes() });
        }
        state.running = name.map(|name| (name.to_owned(), Instant::now(), machine::cpu_seconds()));
    }

    /// Everything that was measured.
    pub fn stop(self) -> Vec<Took> {
        self.next(None);
        self.state.into_inner().unwrap_or_else(PoisonError::into_inner).done
    }
}

impl Progress for Stopwatch {
    fn stage(&self, name: &str, _total: Option<u64>) {
        self.next(Some(name));
    }

    fn advance(&self, _n: u64) {}

    fn finish(&self) {
        self.next(None);
    }
}
