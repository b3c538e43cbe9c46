//! Certificate templates: what a certificate made by one is good for, and whom it can be made to speak for.

use serde_json::Value;

use super::objects::{Objects, Record};
use super::value::{flag, number, texts};
use crate::model::Handle;

/// Extended key usage of an enrolment agent.
const AGENT: &str = "1.3.6.1.4.1.311.20.2.1";
/// Extended key usage that stands for all.
const ANY_PURPOSE: &str = "2.5.29.37.0";
/// Attribute of a template: a use of [`uses`].
pub const USE: &str = "use";
/// Attribute of a template: an issuance policy that its certificates carry.
pub const ISSUANCE_POLICY: &str = "issuance_policy";
/// Value of a fact that hangs on what the export lacks.
const UNKNOWN: &str = "unknown: properties of the template are not in the export";

/// What a template says of itself; what it does not say is neither true nor false.
struct Template<'v>(&'v Value);

impl Template<'_> {
    fn is(&self, key: &str) -> Option<bool> {
        flag(self.0, key)
    }

    fn authenticates(&self) -> Option<bool> {
        self.is("authenticationenabled")
    }

    fn unapproved(&self) -> Option<bool> {
        self.is("requiresmanagerapproval").map(|required| !required)
    }

    /// Templates of the first version ask nobody to sign.
    fn unsigned(&self) -> Option<bool> {
        if number(self.0, "schemaversion") == Some(1) {
            return Some(true);
        }
        number(self.0, "authorizedsignatures").map(|count| count == 0)
    }

    fn has_usage(&self, usages: &[&str]) -> Option<bool> {
        self.0.get("effectiveekus").or_else(|| self.0.get("ekus"))?.as_array()?;
        let key = if self.0.get("effectiveekus").is_some() { "effectiveekus" } else { "ekus" };
        let mut own = texts(self.0, key).peekable();
        // A certificate without any usage is good for everything.
        Some(own.peek().is_none() || own.any(|usage| usages.contains(&usage)))
    }

    /// Whether an agent may ask for it in another's name.
    fn by_agent(&self) -> Option<bool> {
        if number(self.0, "schemaversion") == Some(1) {
            return Some(true);
        }
        let signed = number(self.0, "authorizedsignatures").map(|count| count >= 1);
        all([signed, Some(texts(self.0, "applicationpolicies").any(|policy| policy == AGENT))])
    }

    fn any(&self, keys: [&str; 2]) -> Option<bool> {
        let found = keys.map(|key| self.is(key));
        if found.contains(&Some(true)) { Some(true) } else { all(found) }
    }
}

/// Whether all of these hold; `None` when that is not known.
fn all<const N: usize>(facts: [Option<bool>; N]) -> Option<bool> {
    if facts.contains(&Some(false)) { Some(false) } else { facts.iter().all(Option::is_some).then_some(true) }
}

/// Facts that techniques ask for, by attribute.
fn facts(own: &Template<'_>) -> [(&'static str, Option<bool>); 6] {
    let plain = all([own.unapproved(), own.unsigned()]);
    let logon = all([plain, own.authenticates()]);
    let named = own.is("enrolleesuppliessubject");
    [
        ("names_any_subject", all([logon, named])),
        ("makes_agents", all([plain, own.has_usage(&[AGENT, ANY_PURPOSE])])),
        ("logs_on", logon),
        ("logs_on_unbound", all([logon, own.is("nosecurityextension")])),
        ("lacks_only_name", all([logon, named.map(|named| !named)])),
        ("lacks_only_approval", all([own.unsigned(), own.authenticates(), named])),
    ]
}

/// Actions that leave to enrol in a template is besides: how its certificates name whom they speak for.
pub fn uses(properties: &Value) -> impl Iterator<Item = &'static str> {
    let own = Template(properties);
    let logon = all([own.unapproved(), own.unsigned(), own.authenticates()]);
    let (upn, dns) = (
        own.any(["subjectaltrequireupn", "subjectaltrequirespn"]),
        own.any(["subjectaltrequiredns", "subjectaltrequiredomaindns"]),
    );
    let unbound = own.is("nosecurityextension");
    let found = [
        ("certificate:EnrollOnBehalf", all([own.authenticates(), own.unapproved(), own.by_agent()])),
        ("certificate:EnrollUnboundUpn", all([logon, upn, unbound])),
        ("certificate:EnrollUnboundDns", all([logon, dns, unbound])),
        ("certificate:EnrollForUpn", all([logon, upn])),
        ("certificate:EnrollForDns", all([logon, dns])),
    ];
    found.into_iter().filter(|(_, holds)| *holds == Some(true)).map(|(name, _)| name)
}

/// Reads what only templates have.
pub fn read(objects: &mut Objects<'_>, record: &Record<'_>, handle: Handle) {
    for (name, holds) in facts(&Template(record.properties)) {
        match holds {
            Some(true) => objects.out.attribute(handle, name, "true"),
            Some(false) => {}
            None => objects.out.attribute(handle, name, UNKNOWN),
        }
    }
    for name in uses(record.properties) {
        objects.out.attribute(handle, USE, name);
    }
    for policy in texts(record.properties, "issuancepolicies").chain(texts(record.properties, "certificatepolicy")) {
        objects.out.attribute(handle, ISSUANCE_POLICY, policy);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn states(properties: &Value, name: &str) -> Option<bool> {
        facts(&Template(properties)).into_iter().find(|(fact, _)| *fact == name).and_then(|(_, holds)| holds)
    }

    fn template(changes: &Value) -> Value {
        let mut own = json!({
            "authenticationenabled": true, "requiresmanagerapproval": false, "schemaversion": 2,
            "authorizedsignatures": 0, "enrolleesuppliessubject": true, "nosecurityextension": false,
            "subjectaltrequireupn": false, "subjectaltrequirespn": false, "subjectaltrequiredns": false,
            "subjectaltrequiredomaindns": false, "effectiveekus": ["1.3.6.1.5.5.7.3.2"],
        });
        for (key, value) in changes.as_object().unwrap() {
            own[key] = value.clone();
        }
        own
    }

    #[test]
    fn a_template_names_any_subject_unless_something_is_in_the_way() {
        assert_eq!(states(&template(&json!({})), "names_any_subject"), Some(true));
        for (key, value) in [
            ("authenticationenabled", json!(false)),
            ("requiresmanagerapproval", json!(true)),
            ("authorizedsignatures", json!(1)),
            ("enrolleesuppliessubject", json!(false)),
        ] {
            assert_eq!(states(&template(&json!({ key: value })), "names_any_subject"), Some(false), "{key}");
        }
        // Signatures count from the second version of templates on.
        let first = template(&json!({"authorizedsignatures": 1, "schemaversion": 1}));
        assert_eq!(states(&first, "names_any_subject"), Some(true));
        assert_eq!(states(&template(&json!({"authenticationenabled": null})), "names_any_subject"), None);
        let refused = template(&json!({"authenticationenabled": null, "requiresmanagerapproval": true}));
        assert_eq!(states(&refused, "names_any_subject"), Some(false));
    }

    #[test]
    fn an_agent_is_made_by_its_usage_by_all_or_by_none() {
        for (usages, expected) in [
            (json!([AGENT]), true),
            (json!([ANY_PURPOSE]), true),
            (json!([]), true),
            (json!(["1.3.6.1.5.5.7.3.2"]), false),
        ] {
            assert_eq!(states(&template(&json!({"effectiveekus": usages})), "makes_agents"), Some(expected));
        }
    }

    #[test]
    fn uses_are_told_by_what_names_the_subject() {
        let uses = |changes: Value| uses(&template(&changes)).collect::<Vec<_>>();
        assert!(uses(json!({})).is_empty());
        assert_eq!(uses(json!({"subjectaltrequireupn": true})), ["certificate:EnrollForUpn"]);
        assert_eq!(
            uses(json!({"subjectaltrequiredns": true, "nosecurityextension": true})),
            ["certificate:EnrollUnboundDns", "certificate:EnrollForDns"]
        );
        assert_eq!(uses(json!({"schemaversion": 1})), ["certificate:EnrollOnBehalf"]);
        let by_agent = json!({"authorizedsignatures": 1, "applicationpolicies": [AGENT]});
        assert_eq!(uses(by_agent), ["certificate:EnrollOnBehalf"]);
    }
}
