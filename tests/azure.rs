//! Entra ID and Azure: agreement with the naive authorizer on random tenants, the roles of tier 0, hostile input.

use std::collections::BTreeSet;

use overgrant::access::{Ask, Evaluators, Settings};
use overgrant::model::text::parse_time;
use overgrant::model::{Certainty, Decision, EntityId, Request, Tables};
use overgrant::platforms::{self, input};
use roaring::RoaringBitmap;
use serde_json::{Value, json};

use crate::analysed::{AS_OF, Analysed};
use crate::reference::azure::{Answer, Role, Tenant, built_in, guid, random, subscription};

/// Random tenants compared.
const SEEDS: u64 = 2_500;

fn read(texts: &[(String, String)]) -> Tables {
    let texts = texts.iter().map(|(name, text)| (name.as_str(), text.as_bytes()));
    input::read_texts(texts, platforms::ALL).join(platforms::ALL)
}

fn same(expected: Answer, found: Decision) -> bool {
    matches!(
        (expected, found),
        (Answer::Allowed, Decision::Allowed)
            | (Answer::Denied, Decision::Denied)
            | (Answer::Conditional, Decision::Conditional)
            | (Answer::Unknown, Decision::Unknown)
    )
}

/// What a question is about, as the engine knows it.
fn resource(asked: &str) -> String {
    if asked.starts_with('/') { asked.to_owned() } else { format!("azure:object/{asked}") }
}

/// What differs in the tenant of a seed.
fn compare(seed: u64, roles: &[Role]) -> Vec<String> {
    let tenant = random(seed, roles);
    let tables = read(&tenant.export());
    let mut wrong: Vec<String> = tables
        .issues
        .iter()
        .filter(|issue| issue.severity == overgrant::model::IssueSeverity::Error)
        .map(|issue| format!("{seed}: {} {}", issue.record, issue.message))
        .collect();
    let as_of = parse_time(AS_OF).unwrap();
    let evaluators = Evaluators::new(&tables, Settings { as_of });
    for (action, place) in &tenant.questions {
        let mut who = Vec::new();
        for id in principals(&tenant) {
            let expected = tenant.authorize(id, action, place);
            let entity = tables.find(&format!("azure:object/{id}")).unwrap();
            let verdict = evaluators.decide(&Request::new(entity, action, &resource(place)));
            if !same(expected, verdict.decision) {
                let (found, reasons) = (verdict.decision, &verdict.reasons);
                wrong.push(format!("{seed}: {id} {action} {place}: {expected:?}, found {found} {reasons:?}"));
            }
            // Groups are asked about, and never listed: their members are.
            if expected != Answer::Denied && tenant.users.contains(id) {
                who.push(entity);
            }
        }
        who.sort_unstable();
        let found = evaluators.who_can(&Request::new(EntityId(0), action, &resource(place)));
        let mut found: Vec<EntityId> = found.into_iter().map(|(entity, _)| entity).collect();
        found.retain(|entity| principals(&tenant).any(|id| tables.entity(*entity).id.ends_with(id.as_str())));
        if found != who {
            wrong.push(format!("{seed}: who can {action} {place}: {who:?}, found {found:?}"));
        }
        if seed.is_multiple_of(8) {
            wrong.extend(bulk(seed, &tables, &evaluators, action));
        }
    }
    wrong
}

fn principals(tenant: &Tenant) -> impl Iterator<Item = &String> {
    tenant.users.iter().chain(tenant.groups.iter().map(|(group, _)| group))
}

/// Answers about everything at once must be those about each.
fn bulk(seed: u64, tables: &Tables, evaluators: &Evaluators<'_>, action: &str) -> Vec<String> {
    let evaluator = evaluators.of("azure").unwrap();
    let all: RoaringBitmap = tables.entities.iter().filter(|one| one.present).map(|one| one.entity.0).collect();
    let mut wrong = Vec::new();
    for (number, class) in evaluator.classes().iter().enumerate() {
        let member = class.members[0];
        if !tables.entity(member).is_principal() {
            continue;
        }
        let reach = evaluator.open(number).targets(&Ask { action: action.to_owned(), pins: Vec::new() }, &all);
        for target in tables.entities.iter().filter(|one| one.present && one.id.starts_with('/')) {
            let one = evaluator.decide(&Request::new(member, action, &target.id)).decision;
            let (certain, possible) =
                (reach.certain.contains(target.entity.0), reach.possible.contains(target.entity.0));
            let agrees = match one {
                Decision::Allowed => certain,
                Decision::Unknown | Decision::Conditional => possible && !certain,
                Decision::Denied => !possible,
            };
            if !agrees {
                let id = &tables.entity(member).id;
                wrong.push(format!("{seed}: {id} {action} {}: {one}, in bulk {certain} {possible}", target.id));
            }
        }
    }
    wrong
}

#[test]
fn random_tenants_have_the_answers_of_the_reference() {
    use rayon::prelude::*;
    let roles = built_in();
    assert!(SEEDS > roles.len() as u64, "every built-in role is assigned by some seed");
    let wrong: Vec<String> = (0..SEEDS).into_par_iter().flat_map_iter(|seed| compare(seed, &roles)).collect();
    let shown: Vec<&str> = wrong.iter().take(12).map(String::as_str).collect();
    assert!(wrong.is_empty(), "{} answers differ:\n{}", wrong.len(), shown.join("\n"));
}

#[test]
fn the_questions_are_not_all_answered_alike() {
    let (roles, mut counts) = (built_in(), [0u32; 4]);
    for seed in 0..200 {
        let tenant = random(seed, &roles);
        for (action, place) in &tenant.questions {
            for id in principals(&tenant) {
                counts[tenant.authorize(id, action, place) as usize] += 1;
            }
        }
    }
    assert!(counts.iter().all(|&count| count > 100), "allowed, denied, conditional, unknown: {counts:?}");
}

/// Roles of tier 0 in azure-tiering's list of Azure roles, but for the nine that other graphs have edges for (Owner,
/// Contributor, User Access Administrator and those of virtual machines, automation, clusters, logic apps and web sites).
const TIER_0: &[(&str, &str)] = &[
    ("0f37683f-2463-46b6-9ce7-9b788b988ba2", "App Compliance Automation Administrator"),
    ("92b92042-07d9-4307-87f7-36a593fc5850", "Azure File Sync Administrator"),
    ("b78c5d69-af96-48a3-bf8d-a8b4d589de94", "Azure AI Administrator"),
    ("18ab4d3d-a1bf-4477-8ad9-8359bc988f69", "Azure Kubernetes Fleet Manager RBAC Cluster Admin"),
    ("0ab0b1a8-8aac-4efd-b8c2-3ee1fb270be8", "Azure Kubernetes Service Cluster Admin Role"),
    ("4abbcc35-e782-43d8-92c5-2d3f1bd2253f", "Azure Kubernetes Service Cluster User Role"),
    ("3498e952-d568-435e-9b2c-8d77e338d7f7", "Azure Kubernetes Service RBAC Admin"),
    ("b1ff04bb-8a4e-4dc4-8eb5-8693973ce19b", "Azure Kubernetes Service RBAC Cluster Admin"),
    ("a7ffa36f-339b-4b5c-8bdf-e2c188b2c0eb", "Azure Kubernetes Service RBAC Writer"),
    ("ef318e2a-8334-4a05-9e4a-295a196c6a6e", "Azure Red Hat OpenShift Federated Credential"),
    ("25fbc0a9-bd7c-42a3-aa1a-3b75d497ee68", "Cognitive Services Contributor"),
    ("a001fd3d-188f-4b5d-821b-7da978bf7442", "Cognitive Services OpenAI Contributor"),
    ("f3bd1b5c-91fa-40e7-afe7-0c11d331232c", "Container Apps Operator"),
    ("86240b0e-9422-4c43-887b-b61143f32ba8", "Desktop Virtualization Application Group Contributor"),
    ("082f0a83-3be5-4ba1-904c-961cca79b387", "Desktop Virtualization Contributor"),
    ("2ad6aaab-ead9-4eaa-8ac5-da422f562408", "Desktop Virtualization Session Host Operator"),
    ("a959dbd1-f747-45e3-8ba6-dd80f235f97c", "Desktop Virtualization Virtual Machine Contributor"),
    ("5e93ba01-8f92-4c7a-b12a-801e3df23824", "Kubernetes Agent Operator"),
    ("d5a2ae44-610b-4500-93be-660a0c5f5ca6", "Kubernetes Agentless Operator"),
    ("ad710c24-b039-4e85-a019-deb4a06e8570", "Logic Apps Standard Contributor (Preview)"),
    ("e40ec5ca-96e0-45a2-b4ff-59039f2c2b59", "Managed Identity Contributor"),
    ("7e559ce2-48d7-4b27-9128-fa1b247f1308", "Managed Identity Federated Identity Credential Contributor"),
    ("f1a07417-d97a-45cb-824c-7a7467783830", "Managed Identity Operator"),
    ("a8889054-8d42-49c9-bc1c-52486c10e7cd", "Reservations Administrator"),
    ("36243c78-bf99-498c-9df9-86d9f8d28608", "Resource Policy Contributor"),
    ("f58310d9-a9f6-439a-9e8d-f62e7b41a168", "Role Based Access Control Administrator"),
    ("fb1c8493-542b-48eb-b624-b4c8fea62acd", "Security Admin"),
    ("fb879df8-f326-4884-b1cf-06f3ad86be52", "Virtual Machine User Login"),
];

/// Whose way to the zone hangs on nothing that the export lacks.
const CERTAIN: &[&str] = &[
    "Azure AI Administrator",
    "Azure Kubernetes Fleet Manager RBAC Cluster Admin",
    "Azure Kubernetes Service Cluster Admin Role",
    "Azure Kubernetes Service Cluster User Role",
    "Azure Kubernetes Service RBAC Admin",
    "Azure Kubernetes Service RBAC Cluster Admin",
    "Azure Kubernetes Service RBAC Writer",
    "Azure Red Hat OpenShift Federated Credential",
    "Container Apps Operator",
    "Desktop Virtualization Virtual Machine Contributor",
    "Logic Apps Standard Contributor (Preview)",
    "Managed Identity Contributor",
    "Managed Identity Federated Identity Credential Contributor",
    "Reservations Administrator",
    "Role Based Access Control Administrator",
];

/// A subscription with one resource of each kind; each runs as an identity that owns the subscription.
fn subscription_with_everything() -> Vec<(String, String)> {
    let group = format!("{}/resourceGroups/app", subscription(0));
    let identity = format!("{group}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/owner");
    let owner = guid(7, 0);
    let local = json!({"kubernetesVersion": "1.33", "aadProfile": null, "disableLocalAccounts": false});
    let roles =
        json!({"kubernetesVersion": "1.33", "aadProfile": {"enableAzureRBAC": true}, "disableLocalAccounts": true});
    let none = json!({});
    let mut records: Vec<Value> = [
        ("Microsoft.Compute/virtualMachines", "vm", &none),
        ("Microsoft.Web/sites", "function", &none),
        ("Microsoft.App/containerApps", "container", &none),
        ("Microsoft.ContainerService/managedClusters", "local", &local),
        ("Microsoft.ContainerService/managedClusters", "roles", &roles),
        ("Microsoft.ContainerService/fleets", "fleet", &none),
        ("Microsoft.CognitiveServices/accounts", "ai", &none),
        ("Microsoft.DataFactory/factories", "factory", &none),
        ("Microsoft.MachineLearningServices/workspaces", "learning", &none),
    ]
    .into_iter()
    .map(|(kind, name, properties)| {
        json!({"id": format!("{group}/providers/{kind}/{name}"), "name": name, "kind": "functionapp", "properties": properties,
            "identity": {"type": "UserAssigned", "userAssignedIdentities": {identity.as_str(): {"principalId": owner}}}})
    })
    .collect();
    records
        .push(json!({"id": identity, "name": "owner", "properties": {"principalId": owner, "clientId": guid(7, 1)}}));
    let mut assignments = vec![assigned("8e3af657-a8ff-443c-a75c-2fe8c4bcb635", &owner, "ServicePrincipal", 0)];
    for (at, (role, _)) in TIER_0.iter().enumerate() {
        assignments.push(assigned(role, &guid(1, at), "User", at + 1));
    }
    // Reader, as a check that not everybody gets anywhere.
    assignments.push(assigned("acdd72a7-3385-48ef-bd42-f606fba81ae7", &guid(1, 99), "User", 99));
    // The one role that the catalogue lacks, as its documentation lists it.
    let reservations = json!([{"name": "a8889054-8d42-49c9-bc1c-52486c10e7cd", "roleName": "Reservations Administrator",
        "roleType": "BuiltInRole", "permissions": [{"actions": ["Microsoft.Capacity/*/read", "Microsoft.Capacity/*/action",
        "Microsoft.Capacity/*/write", "Microsoft.Authorization/roleAssignments/read",
        "Microsoft.Authorization/roleDefinitions/read", "Microsoft.Authorization/roleAssignments/write",
        "Microsoft.Authorization/roleAssignments/delete"], "notActions": [], "dataActions": [], "notDataActions": []}]}]);
    [("resources.json", json!(records)), ("assignments.json", json!(assignments)), ("roles.json", reservations)]
        .map(|(name, value)| (name.to_owned(), value.to_string()))
        .to_vec()
}

fn assigned(role: &str, principal: &str, kind: &str, number: usize) -> Value {
    json!({"id": format!("{}/providers/Microsoft.Authorization/roleAssignments/{}", subscription(0), guid(9, number)),
        "principalId": principal, "principalName": format!("p{number}"), "principalType": kind,
        "roleDefinitionId": format!("/providers/Microsoft.Authorization/roleDefinitions/{role}"), "scope": subscription(0)})
}

#[test]
fn every_role_of_tier_0_reaches_the_zone_by_what_it_allows() -> Result<(), String> {
    let folder = tempfile::tempdir().map_err(|error| error.to_string())?;
    for (name, text) in subscription_with_everything() {
        std::fs::write(folder.path().join(name), text).map_err(|error| error.to_string())?;
    }
    let analysed = Analysed::new(vec![folder.path().to_owned()], AS_OF, None)?;
    let way = |number: usize| -> Result<Option<Certainty>, String> {
        let principal = analysed.find(&format!("azure:object/{}", guid(1, number)))?;
        if analysed.tables().entity(principal).protected {
            return Ok(Some(Certainty::Certain));
        }
        Ok(analysed.paths(principal, None).first().map(|path| path.certainty))
    };
    let mut certain = BTreeSet::new();
    for (number, (_, name)) in TIER_0.iter().enumerate() {
        let found = way(number)?.ok_or_else(|| format!("{name} reaches nothing"))?;
        if found == Certainty::Certain {
            certain.insert(*name);
        }
    }
    assert_eq!(TIER_0.len(), 28);
    assert_eq!(certain, CERTAIN.iter().copied().collect());
    assert_eq!(way(99)?, None, "who only reads reaches nothing");
    Ok(())
}

/// Exports with something of everything that is read.
const SAMPLES: &[&str] = &[
    include_str!("cases/azure_01_azurehound/export/azure.json"),
    include_str!("cases/azure_02_graph_pages/export/groups.json"),
    include_str!("cases/azure_03_applications/export/applications.json"),
    include_str!("cases/azure_03_applications/export/servicePrincipals.json"),
    include_str!("cases/azure_04_resource_roles/export/groups.json"),
    include_str!("cases/azure_04_resource_roles/export/eligible.json"),
    include_str!("cases/azure_04_resource_roles/export/deny.json"),
    include_str!("cases/azure_05_identities_and_vaults/export/resources.json"),
];

#[test]
fn damaged_records_never_end_a_scan() {
    let mut rng = crate::splitmix::Rng(11);
    let values = ["null", "[]", "{}", "12", "true", "\"/\"", "\"*\"", "[[[]]]", "{\"id\": 1}", "\"\u{1F600}\""];
    for sample in SAMPLES {
        let lines: Vec<&str> = sample.lines().collect();
        for _ in 0..25 {
            let at = rng.below(lines.len());
            let mut damaged: Vec<String> = lines.iter().map(|&line| line.to_owned()).collect();
            match rng.below(4) {
                0 => damaged.truncate(at),
                1 => drop(damaged.remove(at)),
                2 => damaged[at] = rng.pick(&values).to_owned(),
                _ => {
                    if let Some((key, _)) = lines[at].split_once(':') {
                        damaged[at] = format!("{key}: {},", rng.pick(&values));
                    }
                }
            }
            let text = damaged.join("\n");
            let tables = read(&[("damaged.json".to_owned(), text)]);
            let evaluators = Evaluators::new(&tables, Settings { as_of: 0 });
            for entity in tables.entities.iter().filter(|one| one.is_principal()).take(3) {
                evaluators.decide(&Request::new(
                    entity.entity,
                    "Microsoft.Compute/virtualMachines/write",
                    "/subscriptions/x",
                ));
            }
        }
    }
}
