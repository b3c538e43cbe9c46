//! What is read is what was written.

use std::fs::File;

use arrow::array::AsArray;
use arrow::datatypes::{TimestampMillisecondType, UInt32Type};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;

use super::super::{StoreError, TABLES, encode, schema};
use super::sample::{self, Rng};
use super::{AS_OF, commit, content, flip, store_with};
use crate::model::{Attribute, EntityId, Grant, Person, Record, Results, Tables, Trust, Usage};

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

/// Facts in the order of their entities, three each, with values that do not compress.
fn attributes(entities: u32) -> Vec<Attribute> {
    let mut rng = Rng(11);
    (0..entities * 3)
        .map(|at| Attribute {
            entity: EntityId(at / 3),
            key: format!("tag:{}", at % 3),
            value: format!("{:016x}{:016x}", rng.next(), rng.next()),
        })
        .collect()
}

#[test]
fn a_range_of_keys_is_read_without_the_rest_of_the_table() {
    let tables = Tables { attributes: attributes(60_000), ..Tables::default() };
    let (_dir, store) = store_with(&[]);
    store.writer().unwrap().commit(commit(AS_OF, &tables, &Results::default())).unwrap();
    let reader = store.resolve(None).unwrap();
    assert!(tables.attributes.len() > schema::ROW_GROUP_ROWS_MAX, "the table has several row groups");
    let edge = u32::try_from(schema::ROW_GROUP_ROWS_MAX / 3).unwrap();
    for keys in [0..=0, 17..=19, edge - 1..=edge + 1, 59_999..=u32::MAX, 2730..=2731] {
        let expected: Vec<&Attribute> = tables.attributes.iter().filter(|row| keys.contains(&row.entity.0)).collect();
        let found: Vec<Attribute> = reader.read_range(keys.clone()).unwrap();
        assert!(!expected.is_empty() && found.iter().eq(expected), "{keys:?}");
    }
    assert_eq!(reader.read_range::<Attribute>(60_000..=u32::MAX).unwrap(), []);
    let (from, to) = (1, 0);
    assert_eq!(reader.read_range::<Attribute>(from..=to).unwrap(), []);

    // Damage far from the rows wanted is not looked at; damage among them is found before anything is decoded.
    let path = reader.folder().join("attributes.parquet");
    flip(&path, 1_500_000);
    assert_eq!(reader.read_range::<Attribute>(5..=5).unwrap(), tables.attributes[15..18]);
    assert!(reader.read::<Attribute>().unwrap_err().is_integrity());
    let hurt = (0..60_000).step_by(500).filter(|&at| reader.read_range::<Attribute>(at..=at).is_err()).count();
    assert!((1..60).contains(&hurt), "{hurt} of 120 ranges lie in a damaged block");
    flip(&path, 1_500_000);
    flip(&path, 9);
    assert!(reader.read_range::<Attribute>(5..=5).unwrap_err().is_integrity());
    flip(&path, 9);
    let length = usize::try_from(reader.manifest().tables["attributes"].bytes).unwrap();
    for from_end in [1, 6, 40, 2000] {
        flip(&path, length - from_end);
        assert!(reader.read_range::<Attribute>(5..=5).unwrap_err().is_integrity(), "{from_end} bytes from the end");
        flip(&path, length - from_end);
    }
    assert_eq!(reader.read::<Attribute>().unwrap(), tables.attributes);
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
