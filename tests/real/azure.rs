//! The built-in roles of Azure as another project collected them: the catalogue must say the same of each.

use std::collections::BTreeSet;

use overgrant::platforms::azure::catalog;
use serde_json::Value;

use super::shared;

/// Counted with jq in the file.
const ROLES_N: usize = 928;

fn list(permission: &Value, key: &str, plane: &str) -> BTreeSet<String> {
    let words = permission[key].as_array().into_iter().flatten().filter_map(Value::as_str);
    words.map(|word| format!("{plane}{}", word.trim())).collect()
}

/// Every role, every part of it, every action, and its condition.
pub fn built_in_roles() -> Result<(), String> {
    let path = shared().ok_or("OVERGRANT_SHARED is not set")?.join("data/azure/built-in-roles-raw.json");
    let text = std::fs::read_to_string(&path).map_err(|error| format!("{}: {error}", path.display()))?;
    let roles: Vec<Value> = serde_json::from_str(&text).map_err(|error| error.to_string())?;
    if roles.len() != ROLES_N {
        return Err(format!("{} roles, expected {ROLES_N}", roles.len()));
    }
    let mut wrong = Vec::new();
    for role in &roles {
        let id = role["name"].as_str().ok_or("a role without a name")?;
        let known = catalog::role(id).ok_or_else(|| format!("{id} is not in the catalogue"))?;
        let stated = role["permissions"].as_array().cloned().unwrap_or_default();
        if known.permissions.len() != stated.len() || known.name != role["roleName"] {
            wrong.push(format!("{id}: {} with {} parts", known.name, known.permissions.len()));
            continue;
        }
        for (own, stated) in known.permissions.iter().zip(&stated) {
            let set = |list: &[String]| list.iter().cloned().collect::<BTreeSet<_>>();
            let both = |control: &str, data: &str| &list(stated, control, "") | &list(stated, data, "data:");
            let condition =
                stated["condition"].as_str().map(|text| text.split_whitespace().collect::<Vec<_>>().join(" "));
            if set(&own.actions) != both("actions", "dataActions")
                || set(&own.not_actions) != both("notActions", "notDataActions")
                || own.condition != condition
            {
                wrong.push(format!("{id} ({})", known.name));
            }
        }
    }
    if wrong.is_empty() { Ok(()) } else { Err(wrong.join("\n")) }
}
