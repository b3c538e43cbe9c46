//! A secret in an export is dropped and reported; its bytes are nowhere afterwards.

use overgrant::store::Store;
use serde_json::{Value, json};

use super::{Place, arn, content, details, record};

/// Made-up secrets, none of which contains another.
const SECRETS: [&str; 5] = [
    "wJalrXUtnFEMI/K7MDENG/bPxRfiCYONE11111",
    "wJalrXUtnFEMI/K7MDENG/bPxRfiCYTWO22222",
    "MIIEowIBAAKCAQEAthree33333",
    "zTHREEhunter2four44444",
    "wJalrXUtnFEMI/K7MDENG/bPxRfiCYFIVE5555",
];

fn exports(place: &Place) {
    let key = json!([{"AccessKeyId": "AKIAEXAMPLE000000001", "Status": "Active", "SecretAccessKey": SECRETS[0]}]);
    let user = record("user", "ada", json!({"AccessKeys": key, "Password": SECRETS[3]}));
    place.write("exports/iam.json", details(&[user, record("user", "bob", json!({}))], &[], &[], &[]));
    let created = json!({"AccessKey": {"UserName": "ada", "AccessKeyId": "AKIAEXAMPLE000000002", "Status": "Active",
        "SecretAccessKey": SECRETS[1], "CreateDate": "2026-01-01T00:00:00Z"}});
    place.write("exports/create-access-key.json", created.to_string());
    let listed = json!({"AccessKeyMetadata": [{"UserName": "bob", "AccessKeyId": "AKIAEXAMPLE000000003",
        "Status": "Active", "SecretAccessKey": SECRETS[4], "CreateDate": "2026-01-01T00:00:00Z"}]});
    place.write("exports/list-access-keys.json", listed.to_string());
    let pem = format!("-----BEGIN RSA PRIVATE KEY-----\n{}\n-----END RSA PRIVATE KEY-----\n", SECRETS[2]);
    let certificate = json!({"Certificate": {"UserName": "bob", "CertificateId": "C1", "PrivateKey": pem}});
    place.write("exports/create-signing-certificate.json", certificate.to_string());
    place.write("exports/key.pem", pem);
}

#[test]
fn a_secret_in_an_export_is_in_no_table_no_output_and_no_report() {
    let place = Place::new();
    exports(&place);
    let more = ["--report", "json=a.json", "--report", "csv=a.csv", "--report", "markdown=a.md"];
    let run = place.scan(&["exports"], &more);
    assert!(matches!(run.code, Some(0 | 4)), "{run:?}");
    let shown = place.run(&["snapshots", "show", "--format", "json"]);
    let explained = place.run(&["explain", "ada"]);
    let reader = Store::open(&place.store()).unwrap().resolve(None).unwrap();
    // Pages are compressed, so that the cells are looked at as well as the bytes.
    let cells = format!("{:?} {:?}", reader.tables().unwrap(), reader.results().unwrap());
    assert!(cells.contains(&arn("user", "ada")) && cells.contains("secret_dropped"), "the cells are looked at");
    for secret in SECRETS {
        for text in [&run.out, &run.err, &shown.out, &explained.out, &explained.err, &cells] {
            assert!(!text.contains(secret), "`{secret}` in {text}");
        }
        for (name, bytes) in content(place.path()).into_iter().filter(|(name, _)| !name.starts_with("exports/")) {
            assert!(!bytes.windows(secret.len()).any(|window| window == secret.as_bytes()), "`{secret}` in {name}");
        }
    }
    assert!(run.err.contains("secret") && run.err.contains("a key or certificate in PEM form"), "{}", run.err);
    let dropped: Vec<Value> = place.issues().into_iter().filter(|issue| issue["code"] == "secret_dropped").collect();
    let files: Vec<&str> = dropped.iter().filter_map(|issue| issue["file"].as_str()).collect();
    for file in ["iam.json", "create-access-key.json", "list-access-keys.json", "create-signing-certificate.json"] {
        assert!(files.contains(&format!("exports/{file}").as_str()), "{file}: {dropped:?}");
    }
}
