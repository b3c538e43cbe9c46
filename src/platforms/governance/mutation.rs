//! Damaged tables: whatever happens to the text of a table, reading it ends, says where something is wrong, and leaves
//! nothing behind that is of no platform.

use proptest::prelude::*;

use super::NAME;
use super::format::READERS;
use super::testing::export;
use crate::model::{Builder, EntityKind, IssueSeverity, Source};
use crate::platforms::Platform;
use crate::platforms::input::{Head, Input};

/// One table of each kind, sound as it stands.
const SOUND: [&str; 13] = [
    "person,name,email,status,started_at,left_at,manager,department,identities\nP1,Ada,a@x.org,active,2020-01-01,,P2,ops,user/ada;role/app\nP2,\"B, \"\"o\"\"\",b@x.org,leaver,2020-01-01,2026-01-01,,ops,\n",
    "principal,owner,confidence\nrole/app,P1;ops,0.5\nada,P2,\n",
    "object,approver,required,quorum,cycle_days,last_reviewed_at,queue\nrole/app,P1;P2,yes,1,90,2026-10-01,q\nW-1,ops,no,,,,\n",
    "workflow,business_process,control_owner,principal,ai,functions,tier,queue\nW-1,x,P1,role/app,yes,suggest;prepare,high,q\n",
    "entity,env,criticality,domain,protected,protected_reason\nrole/app,prod,2.5,pay,yes,why\nuser/ada,test,1,,no,\n",
    "baseline,principal,actions,resources\nb,role/app,s3:Get*;s3:List*,*\n",
    "rule,title,left,right,severity\nS1,t,iam:CreateUser,principal:app;iam:PassRole,high\n",
    "exception,rule,principal,resource,domain,reason,owner,approved_by,created,expires,ticket\nE1,key-age,*,,,r,P1,P2,2026-11-01,2027-01-01,T\n",
    "principal,permission,last_used_at,count,window_start,window_end\nrole/app,s3:GetObject,2026-11-01,3,2026-08-01,2026-11-20\n",
    "credential,location,seen_at\nuser/ada,git,2026-11-01\n",
    "secret,principal\njobs/secret/x,role/app\n",
    "sep=;\nPrincipal;Owner\nrole/app;\"P1;P2\"\n",
    "[[exception]]\nexception = \"E2\"\nrule = \"key-age\"\nexpires = 2027-01-01\n[[exception]]\nexception = \"E3\"\n",
];

/// One thing that happens to a text.
#[derive(Debug, Clone)]
enum Damage {
    Replace(usize, u8),
    Insert(usize, &'static str),
    Cut(usize),
    Remove(usize, usize),
    Repeat(usize, usize),
}

fn damage() -> impl Strategy<Value = Damage> {
    let pieces = prop::sample::select(vec![
        "\"",
        "\n",
        "\r",
        "\r\n",
        ",",
        ";",
        "\t",
        "\u{feff}",
        "\0",
        "é",
        "sep=;\n",
        "9999999999999999999",
        "2026-13-45",
        "[[exception]]",
        "\u{1f}",
        "governance:principal/x",
        "'''",
        "=cmd",
        "-----BEGIN PRIVATE KEY-----",
    ]);
    prop_oneof![
        (any::<usize>(), any::<u8>()).prop_map(|(at, byte)| Damage::Replace(at, byte)),
        (any::<usize>(), pieces).prop_map(|(at, piece)| Damage::Insert(at, piece)),
        any::<usize>().prop_map(Damage::Cut),
        (any::<usize>(), 1usize..20).prop_map(|(at, n)| Damage::Remove(at, n)),
        (any::<usize>(), 1usize..60).prop_map(|(at, n)| Damage::Repeat(at, n)),
    ]
}

fn damaged(text: &str, damages: &[Damage]) -> Vec<u8> {
    let mut bytes = text.as_bytes().to_vec();
    for damage in damages {
        let n = bytes.len();
        match *damage {
            Damage::Replace(at, byte) if n > 0 => bytes[at % n] = byte,
            Damage::Insert(at, piece) => {
                let at = at % (n + 1);
                bytes.splice(at..at, piece.bytes());
            }
            Damage::Cut(at) => bytes.truncate(at % (n + 1)),
            Damage::Remove(at, length) if n > 0 => {
                let at = at % n;
                bytes.drain(at..(at + length).min(n));
            }
            Damage::Repeat(at, length) if n > 0 => {
                let at = at % n;
                let part = bytes[at..(at + length).min(n)].to_vec();
                bytes.splice(at..at, part);
            }
            _ => {}
        }
    }
    bytes
}

/// Reads a text with one reader, whether it recognises it or not.
fn read(reader: usize, bytes: &[u8]) -> Builder {
    let reader = READERS[reader % READERS.len()];
    // What a reader recognises must not panic either.
    let _known = reader.recognises(&Head::new("t", bytes));
    let source = Source { path: "t".into(), kind: reader.name().into(), sha256: String::new(), records: 0, skipped: 0 };
    let mut out = Builder::new(source);
    if let Err(error) = reader.read(&mut Input::from_bytes("t", bytes), &mut out) {
        out.skip(error.code, &error.pointer, error.message);
    }
    out
}

fn recognised(bytes: &[u8]) -> Option<usize> {
    let head = Head::new("t", bytes);
    READERS.iter().position(|reader| reader.recognises(&head))
}

#[test]
fn the_tables_that_are_damaged_are_sound_and_of_every_kind() {
    let mut kinds: Vec<usize> = SOUND.iter().filter_map(|text| recognised(text.as_bytes())).collect();
    assert_eq!(kinds.len(), SOUND.len());
    for (text, kind) in SOUND.iter().zip(&kinds) {
        let out = read(*kind, text.as_bytes());
        assert!(out.issues.is_empty() && out.source.records > 0, "{text}: {:?}", out.issues);
    }
    kinds.sort_unstable();
    kinds.dedup();
    // All but Parquet, which is damaged where it is read.
    assert_eq!(kinds.len(), READERS.len() - 1);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 600, ..ProptestConfig::default() })]

    #[test]
    fn a_damaged_table_is_read_as_far_as_it_goes(
        kind in 0..SOUND.len(),
        other in 0..SOUND.len(),
        damages in prop::collection::vec(damage(), 1..6),
        reader in any::<usize>(),
    ) {
        let bytes = damaged(SOUND[kind], &damages);
        let mut builders = vec![
            export(&[(EntityKind::User, "ada"), (EntityKind::Role, "app"), (EntityKind::Group, "ops")]),
            read(recognised(&bytes).unwrap_or(reader), &bytes),
            read(recognised(SOUND[other].as_bytes()).unwrap_or(0), SOUND[other].as_bytes()),
        ];
        for issue in builders.iter().flat_map(|one| &one.issues) {
            let placed = issue.record.starts_with("line ") || issue.record.starts_with("row ");
            prop_assert!(placed || issue.severity == IssueSeverity::Note, "{issue:?}");
        }
        super::Governance.reconcile(&mut builders);
        let mut tables = Builder::assemble(builders);
        super::Governance.complete(&mut tables);
        super::Governance.at(&mut tables, 1_795_305_600_000);
        prop_assert!(tables.entities.iter().all(|entity| entity.platform != NAME));
        let mut people: Vec<&str> = tables.people.iter().map(|row| row.person.as_str()).collect();
        let n = people.len();
        people.dedup();
        prop_assert_eq!(people.len(), n, "one record for each person");
        let secret = tables.owners.iter().any(|row| row.owner.contains("PRIVATE KEY-----"));
        prop_assert!(!secret && tables.people.iter().all(|row| !row.person.contains("PRIVATE KEY-----")));
        for row in &tables.owners {
            prop_assert!((0.0..=1.0).contains(&row.confidence));
        }
    }
}
