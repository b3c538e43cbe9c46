//! Progress bars on standard error; nothing at all when it is no terminal.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};

use crate::analysis::Progress;

/// Columns from which a bar has its full length and says its rate.
const WIDE: u16 = 80;

/// A bar a stage: counts, rate and time left where the total is known, a spinner, a count and the time that it has
/// taken where not. A run of several stages says which one it is at.
#[derive(Debug)]
pub struct Bars {
    visible: bool,
    /// Stages of the run, where that is known.
    stages: Option<usize>,
    wide: bool,
    state: Mutex<Running>,
}

#[derive(Debug, Default)]
struct Running {
    bar: Option<ProgressBar>,
    /// Stages that have begun.
    begun: usize,
}

/// What is known of the length of a stage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Length {
    Unknown,
    Known,
    AtMost,
}

impl Length {
    /// How a stage is shown.
    const fn template(self, wide: bool) -> &'static str {
        match (self, wide) {
            (Self::Unknown, true) => "{prefix:>4} {msg:<11} {spinner} {done}{elapsed}",
            (Self::Unknown, false) => "{prefix} {msg} {spinner} {done}{elapsed}",
            (Self::Known, true) => "{prefix:>4} {msg:<11} {bar:24} {human_pos}/{human_len} · {rate} · {eta} left",
            (Self::Known, false) => "{prefix} {msg} {bar:8} {human_pos}/{human_len} · {eta} left",
            (Self::AtMost, true) => {
                "{prefix:>4} {msg:<11} {bar:16} {human_pos} of at most {human_len} · {rate} · at most {eta} left"
            }
            (Self::AtMost, false) => "{prefix} {msg} {human_pos} of at most {human_len} · at most {eta} left",
        }
    }
}

impl Bars {
    /// Bars that show, or not.
    #[must_use]
    pub fn new(visible: bool) -> Self {
        let mut table = comfy_table::Table::new();
        let wide = table.use_stderr().width().is_none_or(|width| width >= WIDE);
        Self { visible, stages: None, wide, state: Mutex::default() }
    }

    /// Bars of a run with so many stages.
    #[must_use]
    pub fn of_stages(visible: bool, stages: usize) -> Self {
        let mut bars = Self::new(visible);
        bars.stages = Some(stages);
        bars
    }

    fn style(&self, length: Length) -> Option<ProgressStyle> {
        let style = ProgressStyle::with_template(length.template(self.wide)).ok()?;
        // Writing to the terminal's buffer does not fail, and a rate that is not shown is no loss.
        let rate = |state: &ProgressState, out: &mut dyn std::fmt::Write| {
            let _ = out.write_str(&rate(state.per_sec()));
        };
        // A stage that counts nothing has only its time.
        let done = |state: &ProgressState, out: &mut dyn std::fmt::Write| {
            if state.pos() > 0 {
                let _ = write!(out, "{} · ", state.pos());
            }
        };
        Some(style.with_key("rate", rate).with_key("done", done))
    }

    fn with(&self, change: impl FnOnce(&mut Running)) {
        change(&mut self.state.lock().unwrap_or_else(PoisonError::into_inner));
    }

    /// Gives the running stage a length that it did not have.
    fn lengthen(&self, total: u64, length: Length) {
        self.with(|state| {
            let Some(bar) = state.bar.as_ref().filter(|bar| bar.length() != Some(total)) else { return };
            bar.set_length(total);
            if let Some(style) = self.style(length) {
                bar.set_style(style);
            }
        });
    }
}

/// `12/s`, `1.2/s`, `1 in 5 s`.
fn rate(per_second: f64) -> String {
    match per_second {
        many if many >= 10.0 => format!("{many:.0}/s"),
        some if some >= 1.0 => format!("{some:.1}/s"),
        few if few > 0.001 => format!("1 in {:.0} s", 1.0 / few),
        _ => "–".to_owned(),
    }
}

impl Progress for Bars {
    fn stage(&self, name: &str, total: Option<u64>) {
        if !self.visible {
            return;
        }
        let (bar, length) = match total {
            Some(total) => (ProgressBar::new(total), Length::Known),
            None => (ProgressBar::no_length(), Length::Unknown),
        };
        // Nothing is drawn until all of it is said.
        bar.set_draw_target(ProgressDrawTarget::hidden());
        if let Some(style) = self.style(length) {
            bar.set_style(style);
        }
        self.finish();
        self.with(|state| {
            state.begun += 1;
            if let Some(stages) = self.stages.filter(|stages| state.begun <= *stages) {
                bar.set_prefix(format!("{}/{stages}", state.begun));
            }
            bar.set_message(name.to_owned());
            bar.set_draw_target(ProgressDrawTarget::stderr());
            bar.enable_steady_tick(Duration::from_millis(120));
            state.bar = Some(bar);
        });
    }

    fn expect(&self, total: u64) {
        self.lengthen(total, Length::Known);
    }

    fn expect_at_most(&self, total: u64) {
        self.lengthen(total, Length::AtMost);
    }

    fn advance(&self, n: u64) {
        self.with(|state| {
            if let Some(bar) = &state.bar {
                bar.inc(n);
            }
        });
    }

    fn finish(&self) {
        self.with(|state| {
            if let Some(bar) = state.bar.take() {
                bar.finish_and_clear();
            }
        });
    }
}

impl Drop for Bars {
    /// An error that ends a run is not to stand behind a bar.
    fn drop(&mut self) {
        self.finish();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_template_is_one_and_tells_count_and_time() {
        for length in [Length::Unknown, Length::Known, Length::AtMost] {
            for wide in [true, false] {
                let template = length.template(wide);
                assert!(ProgressStyle::with_template(template).is_ok(), "{template}");
                assert!(template.contains("{human_pos}") || template.contains("{done}"), "{template}");
                let time = if length == Length::Unknown { "{elapsed}" } else { "{eta} left" };
                assert!(template.ends_with(time), "{template}");
            }
        }
    }

    #[test]
    fn a_stage_that_learns_its_length_has_it_and_the_next_one_begins_anew() {
        let bars = Bars { visible: true, stages: Some(2), wide: true, state: Mutex::default() };
        let seen = || {
            let state = bars.state.lock().expect("a lock");
            state.bar.as_ref().map(|bar| (bar.prefix(), bar.message(), bar.position(), bar.length()))
        };
        let line = |prefix: &str, name: &str, at, of| Some((prefix.to_owned(), name.to_owned(), at, of));
        bars.stage("reading", None);
        bars.advance(1);
        assert_eq!(seen(), line("1/2", "reading", 1, None));
        bars.expect(7);
        bars.advance(2);
        assert_eq!(seen(), line("1/2", "reading", 3, Some(7)));
        bars.stage("paths", Some(4));
        assert_eq!(seen(), line("2/2", "paths", 0, Some(4)));
        bars.stage("one more than was said", None);
        assert_eq!(seen(), line("", "one more than was said", 0, None));
        bars.finish();
        assert_eq!(seen(), None);
        let hidden = Bars { visible: false, stages: None, wide: true, state: Mutex::default() };
        hidden.stage("reading", Some(1));
        hidden.expect(2);
        assert!(hidden.state.lock().expect("a lock").bar.is_none(), "nothing is drawn where nobody looks");
    }

    #[test]
    fn rates_are_short() {
        assert_eq!([1234.4, 2.5, 0.2, 0.0].map(rate), ["1234/s", "2.5/s", "1 in 5 s", "–"]);
    }
}
