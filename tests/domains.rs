//! A label on a scope of every platform reaches what its exports say is in it, and nothing else.
//!
//! Where things are was read off the exports of `tests/cases/` by hand.

use std::path::Path;

use crate::analysed::{AS_OF, Analysed};

/// Labels by id, and of which domain something is then; `-` is none.
struct Case {
    exports: &'static str,
    labels: &'static [(&'static str, &'static str)],
    expected: &'static [(&'static str, &'static str)],
}

const CASES: &[Case] = &[
    // Two accounts of an organisational unit, of which one has a label of its own.
    Case {
        exports: "aws_organization_tree",
        labels: &[("aws:ou/ou-ab12-11111111", "retail"), ("aws:account/444455556666", "payments")],
        expected: &[
            ("arn:aws:iam::111122223333:root", "retail"),
            ("aws:account/111122223333", "retail"),
            ("arn:aws:iam::444455556666:root", "payments"),
            ("aws:root/r-ab12", "-"),
            ("aws:account/999900001111", "-"),
        ],
    },
    // A managed identity is in the resource group of its resource; people are the tenant's.
    Case {
        exports: "azure_05_identities_and_vaults",
        labels: &[("/subscriptions/22222222-2222-4222-8222-222222222222", "shop")],
        expected: &[
            ("/subscriptions/22222222-2222-4222-8222-222222222222/resourcegroups/app", "shop"),
            ("azure:object/aaaaaaaa-0000-4000-8000-000000000050", "shop"),
            ("azure:object/aaaaaaaa-0000-4000-8000-000000000001", "-"),
            ("azure:11111111-1111-4111-8111-111111111111", "-"),
        ],
    },
    // A subscription in a management group.
    Case {
        exports: "azure_04_resource_roles",
        labels: &[("/providers/microsoft.management/managementgroups/prod", "production")],
        expected: &[
            ("/subscriptions/22222222-2222-4222-8222-222222222222/resourcegroups/app", "production"),
            ("/providers/microsoft.management/managementgroups/11111111-1111-4111-8111-111111111111", "-"),
        ],
    },
    // A project in a folder, its custom role, and what Google predefines.
    Case {
        exports: "gcp_escalations",
        labels: &[("//cloudresourcemanager.googleapis.com/folders/2", "shop")],
        expected: &[
            ("//cloudresourcemanager.googleapis.com/projects/shop-prod", "shop"),
            ("gcp:serviceaccount/prod@shop-prod.iam.gserviceaccount.com", "shop"),
            ("projects/shop-prod/roles/UpdateIAMRole", "shop"),
            ("organizations/1/roles/SetOrgIAMPolicy", "-"),
            ("roles/editor", "-"),
        ],
    },
    // A user and a computer in an organisational unit, and an account that is in none.
    Case {
        exports: "ad_16_every_kind",
        labels: &[("ad:S-1-5-21-1-2-3", "corporate"), ("ad:B0000000-0000-0000-0000-000000000001", "sales")],
        expected: &[
            ("ad:S-1-5-21-1-2-3-1101", "sales"),
            ("ad:S-1-5-21-1-2-3-1001", "sales"),
            ("ad:S-1-5-21-1-2-3-1103", "corporate"),
            ("ad:S-1-5-21-4-5-6", "-"),
        ],
    },
    // What is in a namespace, by its id or by what the export says, on whatever node; the rest is the cluster's.
    Case {
        exports: "kubernetes_workloads",
        labels: &[("kubernetes:kubernetes", "platform"), ("kubernetes:kubernetes/namespace/dev", "shop")],
        expected: &[
            ("kubernetes:kubernetes/dev/pod/web", "shop"),
            ("kubernetes:kubernetes/dev/rolebinding/ci", "shop"),
            ("kubernetes:kubernetes/dev/secret/ci-token", "shop"),
            ("kubernetes:kubernetes/dev/serviceaccount/ci", "shop"),
            ("kubernetes:kubernetes/group/system:serviceaccounts:dev", "shop"),
            ("kubernetes:kubernetes/group/system:serviceaccounts:prod", "platform"),
            ("kubernetes:kubernetes/group/system:serviceaccounts", "platform"),
            ("kubernetes:kubernetes/clusterrole/deployer", "platform"),
            ("kubernetes:kubernetes/prod/rolebinding/readers", "platform"),
            ("kubernetes:kubernetes/node/n1", "platform"),
        ],
    },
];

#[test]
fn a_label_on_a_scope_of_each_platform_reaches_its_content() {
    for case in CASES {
        let exports = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/cases").join(case.exports).join("export");
        let label = |(id, domain): &(&str, &str)| format!("[[label]]\nmatch = \"{id}\"\ndomain = \"{domain}\"\n");
        let config: String = case.labels.iter().map(label).collect();
        let scan = Analysed::new(vec![exports], AS_OF, Some(&config)).expect("it can be scanned");
        for (id, domain) in case.labels.iter().chain(case.expected) {
            let entity = scan.tables().entity(scan.find(id).expect("it is in the exports"));
            assert_eq!(entity.domain.as_deref().unwrap_or("-"), *domain, "{}: {id}", case.exports);
        }
    }
}
