//! Progress bars on standard error; nothing at all when it is no terminal.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::analysis::Progress;

/// A bar a stage: counts, rate and time left where the total is known, a spinner and a count where not.
#[derive(Debug)]
pub struct Bars {
    visible: bool,
    bar: Mutex<Option<ProgressBar>>,
}

impl Bars {
    /// Bars that show, or not.
    #[must_use]
    pub fn new(visible: bool) -> Self {
        Self { visible, bar: Mutex::new(None) }
    }

    fn replace(&self, next: Option<ProgressBar>) {
        let mut bar = self.bar.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(previous) = bar.take() {
            previous.finish_and_clear();
        }
        *bar = next;
    }
}

const KNOWN: &str = "{msg:>12} {bar:24} {human_pos}/{human_len} · {per_sec} · {eta} left";
const OPEN: &str = "{msg:>12} {spinner} {human_pos} · {per_sec} · {elapsed}";

impl Progress for Bars {
    fn stage(&self, name: &str, total: Option<u64>) {
        if !self.visible {
            return;
        }
        let (bar, template) = match total {
            Some(total) => (ProgressBar::new(total), KNOWN),
            None => (ProgressBar::no_length(), OPEN),
        };
        bar.set_draw_target(ProgressDrawTarget::stderr());
        if let Ok(style) = ProgressStyle::with_template(template) {
            bar.set_style(style);
        }
        bar.set_message(name.to_owned());
        bar.enable_steady_tick(Duration::from_millis(120));
        self.replace(Some(bar));
    }

    fn advance(&self, n: u64) {
        if let Some(bar) = self.bar.lock().unwrap_or_else(PoisonError::into_inner).as_ref() {
            bar.inc(n);
        }
    }

    fn finish(&self) {
        self.replace(None);
    }
}
