//! Sources of Helm charts: templates and their values say what could be installed, not what is.

use crate::model::{Builder, IssueSeverity};
use crate::platforms::input::{Head, Input, ReadError, Reader};

/// Templates, values and descriptions of charts.
pub struct Chart;

impl Reader for Chart {
    fn name(&self) -> &'static str {
        "helm-chart"
    }

    fn title(&self) -> &'static str {
        "sources of a Helm chart, which are passed over: render them with `helm template` first"
    }

    fn recognises(&self, head: &Head) -> bool {
        let text = head.text();
        let inside = head.path().split(['/', '!']).any(|folder| folder == "templates");
        if inside && text.trim_start().starts_with("{{") {
            return true;
        }
        if head.json().is_some() {
            return false;
        }
        let has = |key: &str| text.lines().any(|line| line.starts_with(key));
        let file = head.path().rsplit(['/', '!']).next().unwrap_or_default();
        let template = inside && has("apiVersion:") && has("kind:") && unrendered(&text);
        let described = file == "Chart.yaml" && has("apiVersion:") && has("name:") && has("version:");
        template || described || (file == "values.yaml" && !has("kind:") && text.contains(':'))
    }

    fn read(&self, _input: &mut Input<'_>, out: &mut Builder) -> Result<(), ReadError> {
        let message =
            "a source of a Helm chart, not of a cluster: render the chart with `helm template` to have it read";
        out.issue(IssueSeverity::Note, "chart_source", "", message.to_owned());
        Ok(())
    }
}

/// Whether a text has a template's actions where YAML has its structure.
fn unrendered(text: &str) -> bool {
    text.lines().any(|line| {
        let line = line.trim_start();
        line.starts_with("{{") || line.split_once(": ").is_some_and(|(_, value)| value.trim_start().starts_with("{{"))
    })
}
