//! The IAM credential report: a table of users with the state and dates of their passwords, keys, certificates
//! and multi-factor devices; as CSV, or inside the JSON response that carries it (in base64 or plain).
//!
//! Cells are found by the names in the header. `N/A` and `no_information` mean that a credential that exists was
//! not used since tracking began; `not_supported` stands for what the root user's row does not say.

use std::io::Read;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use csv::StringRecord;

use super::{names, response};
use crate::model::text::parse_time;
use crate::model::{Builder, Credential, CredentialKind, Entity, EntityKind, Handle, IssueSeverity};
use crate::platforms::aws::NAME;
use crate::platforms::aws::arn::{Arn, account_id};
use crate::platforms::input::{Head, Input, ReadError, Reader};

/// Name of the format.
pub const FORMAT: &str = "aws-credential-report";

/// Reads credential reports.
pub struct CredentialReport;

impl Reader for CredentialReport {
    fn name(&self) -> &'static str {
        FORMAT
    }

    fn title(&self) -> &'static str {
        "AWS credential report (CSV, or `aws iam get-credential-report`)"
    }

    fn recognises(&self, head: &Head) -> bool {
        if head.json().is_some() {
            return head.has("Content") && (head.has("ReportFormat") || head.has("GeneratedTime"));
        }
        let header = head.csv_header();
        ["user", "arn", "user_creation_time"].iter().all(|name| header.iter().any(|cell| cell == name))
    }

    fn read(&self, input: &mut Input<'_>, out: &mut Builder) -> Result<(), ReadError> {
        let mut start = [0; 1];
        let length = input.stream().read(&mut start).map_err(|error| ReadError::from_io(&error, ""))?;
        let path = input.path().to_owned();
        let chained = start.get(..length).unwrap_or_default().chain(input.stream());
        if start == *b"{" || start == *b"[" || start[0].is_ascii_whitespace() {
            let mut inner = Input::from_stream(&path, Box::new(chained));
            return response::pages(&mut inner, out, &[], |out, page| {
                let pointer = page.at("Content");
                let generated = page.text("GeneratedTime").map(str::to_owned);
                out.source.records = out.source.records.saturating_sub(1);
                match page.text("Content").map(content) {
                    Some(Ok(table)) => {
                        if let Err(error) = rows(table.as_bytes(), out, generated.as_deref()) {
                            out.skip(error.code, &format!("{pointer} {}", error.pointer), error.message);
                        }
                    }
                    Some(Err(why)) => out.skip("report_invalid", &pointer, format!("the report is {why}")),
                    None => out.skip("report_invalid", &pointer, "the response holds no report".to_owned()),
                }
            });
        }
        rows(chained, out, None)
    }
}

/// The table behind the `Content` of a response.
fn content(text: &str) -> Result<String, &'static str> {
    // Base64 has no commas, and a table has.
    if text.contains(',') {
        return Ok(text.to_owned());
    }
    let packed: String = text.chars().filter(|character| !character.is_whitespace()).collect();
    let bytes = STANDARD.decode(packed).map_err(|_| "neither a table nor base64")?;
    String::from_utf8(bytes).map_err(|_| "no text")
}

/// Reads the table.
fn rows(table: impl Read, out: &mut Builder, generated: Option<&str>) -> Result<(), ReadError> {
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(table);
    let failed = |error: &csv::Error| {
        let line = error.position().map_or(1, csv::Position::line);
        ReadError { code: "file_unreadable", pointer: format!("line {line}"), message: error.to_string() }
    };
    let header = reader.headers().map_err(|error| failed(&error))?.clone();
    let mut row = StringRecord::new();
    loop {
        match reader.read_record(&mut row) {
            Ok(false) => return Ok(()),
            Ok(true) => {}
            Err(error) => match error.kind() {
                csv::ErrorKind::Utf8 { .. } => {
                    let error = failed(&error);
                    out.skip("record_invalid", &error.pointer, error.message);
                    continue;
                }
                _ => return Err(failed(&error)),
            },
        }
        let line = row.position().map_or(0, csv::Position::line);
        Row { header: &header, cells: &row, line, out: &mut *out }.read(generated);
    }
}

struct Row<'a> {
    header: &'a StringRecord,
    cells: &'a StringRecord,
    line: u64,
    out: &'a mut Builder,
}

impl Row<'_> {
    fn cell(&self, column: &str) -> Option<&str> {
        let at = self.header.iter().position(|name| name.trim() == column)?;
        self.cells.get(at).map(str::trim)
    }

    fn record(&self) -> String {
        format!("line {}", self.line)
    }

    fn flag(&self, column: &str) -> Option<bool> {
        match self.cell(column)?.to_ascii_lowercase().as_str() {
            "true" => Some(true),
            "false" => Some(false),
            _ => None,
        }
    }

    /// Whether a cell says in words that there is nothing.
    fn says_nothing(&self, column: &str) -> bool {
        matches!(self.cell(column), None | Some("" | "N/A" | "no_information" | "not_supported"))
    }

    fn time(&mut self, column: &str) -> Option<i64> {
        if self.says_nothing(column) {
            return None;
        }
        let text = self.cell(column)?.to_owned();
        let time = parse_time(&text);
        if time.is_none() {
            let message = format!("`{text}` in column `{column}` is no date");
            let record = self.record();
            self.out.issue(IssueSeverity::Warning, "time_invalid", &record, message);
        }
        time
    }

    fn read(mut self, generated: Option<&str>) {
        let record = self.record();
        let arn_text = self.cell("arn").unwrap_or_default().to_owned();
        let Some(arn) = Arn::parse(&arn_text) else {
            return self.out.skip("record_invalid", &record, format!("`{arn_text}` is no ARN"));
        };
        if arn.account == NAME {
            let message = format!("`{arn_text}` has no account number, so whose credentials these are is not known");
            return self.out.skip("account_masked", &record, message);
        }
        self.out.source.records += 1;
        let root = arn.resource == "root";
        let account = names::exported_account(self.out, arn.account, arn.partition);
        if let Some(generated) = generated.filter(|_| root) {
            self.out.attribute(account, "credential_report_generated_at", generated);
        }
        let name = if root { "root" } else { self.cell("user").unwrap_or(arn.name()) };
        let mut user = Entity::named(&arn_text, NAME, EntityKind::User, name);
        user.present = true;
        user.scope = Some(account_id(arn.account));
        user.created_at = self.time("user_creation_time");
        let uses = ["password_last_used", "access_key_1_last_used_date", "access_key_2_last_used_date"];
        user.last_used_at = uses.iter().filter_map(|column| self.time(column)).max();
        user.last_used_source = user.last_used_at.map(|_| "credential-report".to_owned());
        user.source = Some(self.out.source_id());
        let handle = self.out.define(user);
        self.password(handle, &arn_text, root);
        for slot in ["1", "2"] {
            self.access_key(handle, &arn_text, slot);
            self.certificate(handle, &arn_text, slot);
        }
        self.devices(handle, &arn_text);
    }

    fn add(&mut self, id: String, entity: Handle, kind: CredentialKind, dates: &Dates) {
        let source = self.out.source_id();
        let record = self.record();
        self.out.credentials.push(Credential {
            credential: id,
            entity,
            kind,
            created_at: dates.created,
            expires_at: dates.expires,
            last_used_at: dates.used,
            never_used: dates.never_used,
            last_rotated_at: dates.rotated,
            active: dates.active,
            source,
            record,
        });
    }

    fn password(&mut self, user: Handle, arn: &str, root: bool) {
        let enabled = self.flag("password_enabled");
        if let Some(enabled) = enabled {
            self.out.attribute(user, "console_password", if enabled { "true" } else { "false" });
        }
        // The root user always has a password, of which the report says only when it was used.
        if !root && enabled != Some(true) {
            return;
        }
        let used = self.time("password_last_used");
        let silent = self.says_nothing("password_last_used");
        let dates = Dates {
            rotated: self.time("password_last_changed"),
            expires: self.time("password_next_rotation"),
            used,
            never_used: if silent { Some(true) } else { used.map(|_| false) },
            active: enabled,
            ..Dates::default()
        };
        self.add(format!("{arn}#password"), user, CredentialKind::Password, &dates);
    }

    fn access_key(&mut self, user: Handle, arn: &str, slot: &str) {
        let column = |what: &str| format!("access_key_{slot}_{what}");
        let active = self.flag(&column("active"));
        let rotated = self.time(&column("last_rotated"));
        // An inactive key without a date is a slot without a key.
        if active != Some(true) && rotated.is_none() {
            return;
        }
        let last_used = column("last_used_date");
        let used = self.time(&last_used);
        let silent = self.cell(&last_used).is_some() && self.says_nothing(&last_used);
        let never_used = if silent { Some(true) } else { used.map(|_| false) };
        let dates = Dates { created: rotated, rotated, used, never_used, active, expires: None };
        self.add(format!("{arn}#access_key_{slot}"), user, CredentialKind::AccessKey, &dates);
    }

    fn certificate(&mut self, user: Handle, arn: &str, slot: &str) {
        let active = self.flag(&format!("cert_{slot}_active"));
        let rotated = self.time(&format!("cert_{slot}_last_rotated"));
        if active == Some(true) || rotated.is_some() {
            let dates = Dates { created: rotated, rotated, active, ..Dates::default() };
            self.add(format!("{arn}#certificate_{slot}"), user, CredentialKind::Certificate, &dates);
        }
    }

    fn devices(&mut self, user: Handle, arn: &str) {
        let Some(active) = self.flag("mfa_active") else { return };
        self.out.attribute(user, "mfa", if active { "true" } else { "false" });
        if active {
            let dates = Dates { active: Some(true), ..Dates::default() };
            self.add(format!("{arn}#mfa"), user, CredentialKind::Mfa, &dates);
        }
    }
}

#[derive(Default)]
struct Dates {
    created: Option<i64>,
    expires: Option<i64>,
    used: Option<i64>,
    never_used: Option<bool>,
    rotated: Option<i64>,
    active: Option<bool>,
}

#[cfg(test)]
mod tests {
    use super::super::testing::read;
    use super::*;

    const TABLE: &str = "arn,extra,user,user_creation_time,password_enabled,password_last_used,password_last_changed,mfa_active,access_key_1_active,access_key_1_last_rotated,access_key_1_last_used_date,access_key_2_active,access_key_2_last_rotated,access_key_2_last_used_date\n\
        arn:aws:iam::111111111111:root,x,<root_account>,2020-01-01T00:00:00+00:00,not_supported,no_information,not_supported,true,false,N/A,N/A,false,N/A,N/A\n\
        arn:aws:iam::111111111111:user/p/a,x,a,2020-01-01T00:00:00+00:00,TRUE,2021-01-01T00:00:00+00:00,soon,FALSE,true,2020-01-02T00:00:00+00:00,N/A,false,2020-01-03T00:00:00+00:00,2020-02-01T00:00:00+00:00\n\
        nonsense,x,b\n";

    fn of<'b>(builder: &'b Builder, id: &str) -> Option<&'b Credential> {
        builder.credentials.iter().find(|row| row.credential.ends_with(id))
    }

    fn check(builder: &Builder) {
        let root = of(builder, "root#password").unwrap();
        assert_eq!((root.active, root.never_used), (None, Some(true)));
        assert!(of(builder, "root#mfa").is_some() && of(builder, "root#access_key_1").is_none());
        let password = of(builder, "user/p/a#password").unwrap();
        assert_eq!((password.active, password.never_used, password.last_rotated_at), (Some(true), Some(false), None));
        let unused = of(builder, "user/p/a#access_key_1").unwrap();
        assert_eq!((unused.active, unused.never_used, unused.last_used_at), (Some(true), Some(true), None));
        let inactive = of(builder, "user/p/a#access_key_2").unwrap();
        assert_eq!((inactive.active, inactive.last_used_at), (Some(false), parse_time("2020-02-01")));
        assert!(of(builder, "user/p/a#mfa").is_none());
        let user = builder.entity(builder.handle("arn:aws:iam::111111111111:user/p/a").unwrap());
        assert_eq!(user.last_used_at, parse_time("2021-01-01"));
        let codes: Vec<&str> = builder.issues.iter().map(|issue| issue.code.as_str()).collect();
        assert_eq!(codes, ["time_invalid", "record_invalid"]);
        assert_eq!((builder.source.records, builder.source.skipped), (2, 1));
    }

    #[test]
    fn the_table_reads_the_same_plain_and_in_a_response() {
        check(&read(&CredentialReport, "report.csv", TABLE));
        let plain = serde_json::json!({"Content": TABLE, "ReportFormat": "text/csv"}).to_string();
        check(&read(&CredentialReport, "a.json", &plain));
        let packed = serde_json::json!({"Content": STANDARD.encode(TABLE), "GeneratedTime": "2024-01-01T00:00:00Z"});
        let builder = read(&CredentialReport, "a.json", &packed.to_string());
        check(&builder);
        let generated = builder.attributes.iter().find(|row| row.key == "credential_report_generated_at");
        assert_eq!(generated.map(|row| row.value.as_str()), Some("2024-01-01T00:00:00Z"));
    }
}
