//! What is read is what was written.

use std::fs::File;

use arrow::array::AsArray;
use arrow::datatypes::{TimestampMillisecondType, UInt32Type};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use super::super::{SnapshotReader, StoreError, TABLES, encode, schema};
use super::sample::{self, Rng};
use super::{AS_OF, commit, content, flip, store_with};
use crate::model::{Certainty, Edge, EntityId, Grant, Person, Record, Results, Tables, Trust, Usage};

#[test]
fn every_table_comes_back_as_it_went() {
    for (seed, count) in [(1, 0), (2, 1), (3, 500)] {
        let (tables, results) = sample::snapshot(seed, count);
        let (_dir, store) = store_with(&[]);
        let manifest = store.writer().unwrap().commit(commit(AS_OF, &tables, &results)).unwrap();
        assert_eq!(manifest.tables.len(), TABLES.len());
        assert!(manifest.tables.values().all(|table| table.rows == count as u64));
        let reader = store.resolve(None).unwrap();
        assert_eq!(*reader.manifest(), manifest);
        // Debug texts tell 0.0 from -0.0, which equality does not.
        assert_eq!(format!("{:?}", reader.tables().unwrap()), format!("{tables:?}"));
        assert_eq!(format!("{:?}", reader.results().unwrap()), format!("{results:?}"));
    }
}

#[test]
fn the_sample_has_what_the_round_trip_is_to_show() {
    let (tables, _) = sample::snapshot(3, 500);
    assert!(tables.grants.iter().any(|row| row.actions.is_empty() && row.condition.is_none()));
    assert!(tables.grants.iter().any(|row| row.actions.iter().any(|text| !text.is_ascii())));
    assert!(
        tables.entities.iter().any(|row| row.name.is_empty()) && tables.entities.iter().any(|row| row.nhi.is_none())
    );
}

#[test]
fn the_same_rows_give_the_same_bytes_in_any_store() {
    let (tables, results) = sample::snapshot(7, 700);
    let [a, b] = [(), ()].map(|()| {
        let (dir, store) = store_with(&[]);
        store.writer().unwrap().commit(commit(AS_OF, &tables, &results)).unwrap();
        (content(dir.path()), dir)
    });
    assert_eq!(
        a.0.iter().filter(|(path, _)| path.extension().is_some_and(|end| end == "parquet")).count(),
        TABLES.len()
    );
    assert!(a.0 == b.0, "two stores with the same snapshot differ");
}

#[test]
fn files_say_what_they_are_to_any_parquet_reader() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("usage.parquet");
    let row = Usage {
        entity: EntityId(41),
        permission: "s3:GetObject".to_owned(),
        granularity: crate::model::Granularity::Action,
        last_used_at: Some(AS_OF),
        count: None,
        window_start: None,
        window_end: Some(AS_OF + 1),
        source: crate::model::SourceId(2),
        record: "line 7".to_owned(),
    };
    encode::write_table(&path, &[row]).unwrap();
    let builder = ParquetRecordBatchReaderBuilder::try_new(File::open(&path).unwrap()).unwrap();
    let metadata = builder.metadata().file_metadata().clone();
    assert_eq!(metadata.created_by(), Some("overgrant"));
    let stated = |key: &str| {
        let all = metadata.key_value_metadata().unwrap();
        all.iter().find(|entry| entry.key == key).and_then(|entry| entry.value.clone())
    };
    assert_eq!(stated("overgrant.table").as_deref(), Some("usage"));
    assert_eq!(stated("overgrant.schema_version").as_deref(), Some("1"));
    let field = builder.schema().field_with_name("window_end").unwrap().clone();
    assert_eq!(field.metadata()["definition"], "End of the time that was observed.");
    assert_eq!(field.metadata()["unit"], "UTC milliseconds since 1970-01-01");
    let batch = builder.build().unwrap().next().unwrap().unwrap();
    assert_eq!(batch["entity"].as_primitive::<UInt32Type>().value(0), 41);
    assert_eq!(batch["permission"].as_string::<i32>().value(0), "s3:GetObject");
    assert_eq!(batch["granularity"].as_string::<i32>().value(0), "action");
    assert_eq!(batch["window_end"].as_primitive::<TimestampMillisecondType>().value(0), AS_OF + 1);
    assert!(batch["count"].is_null(0) && batch["window_start"].is_null(0));
}

/// Edges in the order of their sources, three each, with lists of every length and texts that do not compress.
fn edges(sources: u32) -> Vec<Edge> {
    let mut rng = Rng(11);
    (0..sources * 3)
        .map(|at| Edge {
            src: at / 3,
            dst: u32::try_from(rng.next() % 100_000).unwrap(),
            technique: format!("{:016x}{:016x}", rng.next(), rng.next()),
            certainty: Certainty::Certain,
            reasons: vec!["a condition".to_owned(); at as usize % 3],
            evidence: (at..at + at % 4).collect(),
        })
        .collect()
}

#[test]
fn chosen_keys_are_read_without_the_rest_of_the_table() {
    let results = Results { edges: edges(45_000), ..Results::default() };
    let edges = &results.edges;
    let (_dir, store) = store_with(&[]);
    store.writer().unwrap().commit(commit(AS_OF, &Tables::default(), &results)).unwrap();
    let reader = store.resolve(None).unwrap();
    assert!(edges.len() > schema::ROW_GROUP_ROWS_MAX, "the table has several row groups");
    let edge = u32::try_from(schema::ROW_GROUP_ROWS_MAX / 3).unwrap();
    for keys in [0..=0, 17..=19, edge - 1..=edge + 1, 44_999..=u32::MAX, 2730..=2731] {
        let expected: Vec<&Edge> = edges.iter().filter(|row| keys.contains(&row.src)).collect();
        let found: Vec<Edge> = reader.read_range(keys.clone()).unwrap();
        assert!(!expected.is_empty() && found.iter().eq(expected), "{keys:?}");
    }
    for (column, keys) in [("src", vec![44_999, 3, 3, 20_000, 90_000]), ("dst", (0..100_000).step_by(9_000).collect())]
    {
        let found: Vec<Edge> = reader.read_keys(column, &keys).unwrap();
        let key = |row: &Edge| if column == "src" { row.src } else { row.dst };
        let expected: Vec<&Edge> = edges.iter().filter(|row| keys.contains(&key(row))).collect();
        assert!(expected.len() >= 9 && found.iter().eq(expected), "{column}");
    }
    let (from, to) = (1, 0);
    assert_eq!(reader.read_range::<Edge>(from..=to).unwrap(), []);
    assert_eq!(reader.read_range::<Edge>(45_000..=u32::MAX).unwrap(), []);
    assert_eq!(reader.read_keys::<Edge>("dst", &[]).unwrap(), []);
    damage_is_found_where_it_is_read(&reader, edges);
}

/// Damage far from the rows wanted is not looked at; damage among them is found before anything is decoded.
fn damage_is_found_where_it_is_read(reader: &SnapshotReader, edges: &[Edge]) {
    let path = reader.folder().join("edges.parquet");
    let length = usize::try_from(reader.manifest().tables["edges"].bytes).unwrap();
    flip(&path, length / 2);
    assert_eq!(reader.read_range::<Edge>(5..=5).unwrap(), edges[15..18]);
    assert!(reader.read::<Edge>().unwrap_err().is_integrity());
    let hurt = (0..45_000).step_by(1000).filter(|&at| reader.read_range::<Edge>(at..=at).is_err()).count();
    assert!((1..30).contains(&hurt), "{hurt} of 45 reads touch the damaged block");
    flip(&path, length / 2);
    for at in [0, 9, length - 1, length - 6, length - 40, length - 2000] {
        flip(&path, at);
        assert!(reader.read_range::<Edge>(5..=5).unwrap_err().is_integrity(), "byte {at} of {length}");
        flip(&path, at);
    }
    assert_eq!(reader.read::<Edge>().unwrap(), edges);
}

#[test]
fn a_column_that_is_not_sorted_can_be_searched_too() {
    let (tables, results) = sample::snapshot(5, 2000);
    let (_dir, store) = store_with(&[]);
    store.writer().unwrap().commit(commit(AS_OF, &tables, &results)).unwrap();
    let reader = store.resolve(None).unwrap();
    let found: Vec<Trust> = reader.read_where("trustee", 1..=1000).unwrap();
    let expected: Vec<&Trust> =
        tables.trusts.iter().filter(|row| row.trustee.is_some_and(|id| (1..=1000).contains(&id.0))).collect();
    assert!(!expected.is_empty() && found.iter().eq(expected));
    // Numbers in the upper half, which are negative where Parquet keeps them.
    let found: Vec<Grant> = reader.read_range(u32::MAX / 2 + 1..=u32::MAX).unwrap();
    let expected: Vec<&Grant> = tables.grants.iter().filter(|row| row.grant > u32::MAX / 2).collect();
    assert!(!expected.is_empty() && found.iter().eq(expected));
}

#[test]
fn a_search_by_what_is_no_number_is_refused() {
    let (_dir, store) = store_with(&[AS_OF]);
    let reader = store.resolve(None).unwrap();
    assert!(matches!(reader.read_range::<Person>(0..=1), Err(StoreError::NoSuchKey { .. })));
    assert!(matches!(reader.read_where::<Usage>("count", 0..=1), Err(StoreError::NoSuchKey { .. })));
    assert!(matches!(reader.read_where::<Usage>("nothing", 0..=1), Err(StoreError::NoSuchKey { .. })));
}

#[test]
fn an_empty_table_has_no_row_in_any_range() {
    let (_dir, store) = store_with(&[]);
    let empty = (Tables::default(), Results::default());
    store.writer().unwrap().commit(commit(AS_OF, &empty.0, &empty.1)).unwrap();
    let reader = store.resolve(None).unwrap();
    assert_eq!(reader.read_range::<Usage>(0..=u32::MAX).unwrap(), []);
    assert_eq!(Usage::TABLE, "usage");
}

crate::record! {
    /// Some columns of the grants.
    table "grants";
    pub struct Some {
        /// As there.
        pub grant: u32,
        /// As there.
        pub actions: Vec<String>,
        /// As there.
        pub granted_at: Option<i64>,
    }
}

crate::record! {
    /// A column that the grants have with another type.
    table "grants";
    pub struct Other {
        /// A text there.
        pub policy: u32,
    }
}

#[test]
fn some_columns_are_read_without_the_others() {
    let (tables, results) = sample::snapshot(5, 700);
    let (_dir, store) = store_with(&[]);
    store.writer().unwrap().commit(commit(AS_OF, &tables, &results)).unwrap();
    let reader = store.resolve(None).unwrap();
    let some = |row: &Grant| (row.grant, row.actions.clone(), row.granted_at);
    let found: Vec<Some> = reader.read_columns().unwrap();
    let found: Vec<_> = found.into_iter().map(|row| (row.grant, row.actions, row.granted_at)).collect();
    assert_eq!(found, tables.grants.iter().map(some).collect::<Vec<_>>());
    assert!(matches!(reader.read_columns::<Other>(), Err(StoreError::Schema { .. })));
    flip(&reader.folder().join("grants.parquet"), 100);
    let damaged = reader.read_columns::<Some>();
    assert!(damaged.is_err_and(|error| error.is_integrity()), "the first column is at the start of the file");
}
