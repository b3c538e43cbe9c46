//! Usage as a Parquet file, with the columns of the CSV form.

use super::format::USAGE;
use super::table::column_name;
use crate::model::{Builder, IssueSeverity};
use crate::platforms::input::{Head, Input, ReadError, Reader, UNRECOGNISED, parquet};

/// Reads usage from Parquet.
pub struct UsageFile;

impl Reader for UsageFile {
    fn name(&self) -> &'static str {
        "governance-usage-parquet"
    }

    fn title(&self) -> &'static str {
        "Usage of permissions (Parquet, with the same columns)"
    }

    fn recognises(&self, head: &Head) -> bool {
        // The columns stand at the end of the file, which is not seen here.
        head.starts_with(parquet::MAGIC)
    }

    fn read(&self, input: &mut Input<'_>, out: &mut Builder) -> Result<(), ReadError> {
        let mut columns: Vec<String> = Vec::new();
        let mut fits = None;
        parquet::rows(input.stream(), |names, row, cells| {
            if fits.is_none() {
                columns = names.iter().map(|name| column_name(name)).collect();
                fits = Some(USAGE.fits(&columns));
                if fits == Some(true) {
                    USAGE.review(&columns, "", out);
                }
            }
            if fits == Some(true) {
                USAGE.row(out, &columns, &format!("row {row}"), cells);
            }
        })?;
        if fits == Some(false) {
            UNRECOGNISED.clone_into(&mut out.source.kind);
            out.source.skipped += 1;
            let shown: Vec<String> = columns.iter().take(6).map(|name| format!("`{name}`")).collect();
            let message = format!(
                "a Parquet file with the columns {} is no table of usage, which has `principal` and `permission`",
                shown.join(", ")
            );
            out.issue(IssueSeverity::Warning, "not_recognised", "", message);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::testing::codes;
    use super::*;
    use crate::model::text::parse_time;
    use crate::model::{Granularity, Source};

    #[test]
    fn rows_are_those_of_the_csv_form() {
        let bytes = parquet::tests::usage();
        assert!(UsageFile.recognises(&Head::new("u", &bytes)));
        let source = Source { path: "u".into(), kind: "u".into(), sha256: String::new(), records: 0, skipped: 0 };
        let mut out = Builder::new(source);
        UsageFile.read(&mut Input::from_bytes("u", &bytes), &mut out).expect("the table is whole");
        let rows: Vec<_> = out
            .usage
            .iter()
            .map(|row| (row.permission.as_str(), row.granularity, row.last_used_at, row.count, row.record.as_str()))
            .collect();
        assert_eq!(
            rows,
            [
                ("s3:GetObject", Granularity::Action, parse_time("2026-09-01"), Some(12), "row 1"),
                ("sqs", Granularity::Service, None, Some(0), "row 2"),
            ]
        );
        assert_eq!((codes(&out), out.source.records, out.source.skipped), (vec!["cell_missing"], 2, 1));
    }
}
