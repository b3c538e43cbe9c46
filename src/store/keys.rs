//! Which row groups, pages and rows of a table can hold some keys, by the statistics in its footer and page index.

use std::ops::RangeInclusive;

use arrow::array::{Array, AsArray, BooleanArray, UInt32Array};
use parquet::arrow::arrow_reader::statistics::StatisticsConverter;
use parquet::arrow::arrow_reader::{ArrowReaderMetadata, RowSelection};
use parquet::errors::ParquetError;
use parquet::file::metadata::ParquetMetaData;

/// A set of keys as ascending ranges that do not overlap, none of them empty.
#[derive(Debug, Clone)]
pub(super) struct KeySet(Vec<RangeInclusive<u32>>);

impl KeySet {
    pub(super) fn of_range(keys: RangeInclusive<u32>) -> Self {
        Self(if keys.is_empty() { Vec::new() } else { vec![keys] })
    }

    pub(super) fn of_keys(keys: &[u32]) -> Self {
        let mut keys = keys.to_vec();
        keys.sort_unstable();
        keys.dedup();
        Self(keys.into_iter().map(|key| key..=key).collect())
    }

    /// Whether a key lies between two values, both included. An unknown end is no end.
    fn meets(&self, min: Option<u32>, max: Option<u32>) -> bool {
        let first = self.0.partition_point(|range| min.is_some_and(|min| *range.end() < min));
        self.0.get(first).is_some_and(|range| max.is_none_or(|max| *range.start() <= max))
    }

    /// Which values are in the set; a null is not.
    pub(super) fn mask(&self, values: &UInt32Array) -> BooleanArray {
        values.iter().map(|value| Some(value.is_some_and(|value| self.meets(Some(value), Some(value))))).collect()
    }

    /// Which of several parts of a column can hold a key, by their least and greatest values. A part without
    /// statistics can.
    fn may_be_in(&self, mins: &dyn Array, maxes: &dyn Array) -> Vec<bool> {
        let at = |array: &dyn Array, at: usize| {
            let array: Option<&UInt32Array> = array.as_primitive_opt();
            array.filter(|array| array.is_valid(at)).map(|array| array.value(at))
        };
        (0..mins.len()).map(|part| self.meets(at(mins, part), at(maxes, part))).collect()
    }
}

/// Where in a file keys can be.
pub(super) struct Places {
    /// Row groups, ascending.
    pub groups: Vec<usize>,
    /// Rows, counted over these groups.
    pub rows: RowSelection,
}

/// The parts of a file that can hold a row with a key in a column of 32-bit numbers. Where statistics are missing,
/// everything can.
pub(super) fn select(file: &ArrowReaderMetadata, column: &str, keys: &KeySet) -> Result<Places, ParquetError> {
    let statistics = StatisticsConverter::try_new(column, file.schema(), file.parquet_schema())?;
    let metadata: &ParquetMetaData = file.metadata();
    let all = metadata.row_groups();
    let possible = keys.may_be_in(&statistics.row_group_mins(all)?, &statistics.row_group_maxes(all)?);
    let mut groups = Vec::new();
    let mut ranges = Vec::new();
    let mut rows_before = 0;
    for (group, row_group) in all.iter().enumerate().filter(|(group, _)| possible[*group]) {
        groups.push(group);
        let end = rows_before + usize::try_from(row_group.num_rows()).unwrap_or(0);
        let mut starts = page_starts(metadata, &statistics, group);
        let possible = match (metadata.column_index(), metadata.offset_index()) {
            (Some(columns), Some(offsets)) if !starts.is_empty() => {
                let mins = statistics.data_page_mins(columns, offsets, [&group])?;
                keys.may_be_in(&mins, &statistics.data_page_maxes(columns, offsets, [&group])?)
            }
            _ => {
                starts = vec![0];
                vec![true]
            }
        };
        for (page, _) in possible.iter().enumerate().filter(|(_, possible)| **possible) {
            let page_end = starts.get(page + 1).map_or(end, |start| rows_before + start);
            ranges.push(rows_before + starts[page]..page_end);
        }
        rows_before = end;
    }
    Ok(Places { groups, rows: RowSelection::from_consecutive_ranges(ranges.into_iter(), rows_before) })
}

/// First row of each page of a column in a row group; empty without a page index.
fn page_starts(metadata: &ParquetMetaData, statistics: &StatisticsConverter<'_>, group: usize) -> Vec<usize> {
    let index = metadata.offset_index().zip(statistics.parquet_column_index());
    let pages = index.and_then(|(index, column)| index.get(group)?.get(column));
    pages.map_or_else(Vec::new, |pages| {
        pages.page_locations().iter().map(|page| usize::try_from(page.first_row_index).unwrap_or(0)).collect()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_set_meets_what_has_a_key_of_it_inside() {
        let keys = KeySet::of_keys(&[9, 3, 9, 5]);
        for (min, max, expected) in [
            (Some(0), Some(2), false),
            (Some(0), Some(3), true),
            (Some(4), Some(4), false),
            (Some(4), Some(5), true),
            (Some(6), Some(8), false),
            (Some(9), Some(9), true),
            (Some(10), None, false),
            (None, Some(2), false),
            (None, None, true),
        ] {
            assert_eq!(keys.meets(min, max), expected, "{min:?} {max:?}");
        }
        let (from, to) = (1, 0);
        assert!(!KeySet::of_range(from..=to).meets(None, None));
        assert!(!KeySet::of_keys(&[]).meets(None, None));
        assert!(KeySet::of_range(0..=u32::MAX).meets(Some(u32::MAX), Some(u32::MAX)));
    }

    #[test]
    fn a_null_is_no_key() {
        let values = UInt32Array::from(vec![Some(1), None, Some(2)]);
        let mask = KeySet::of_range(0..=1).mask(&values);
        assert_eq!(mask, BooleanArray::from(vec![true, false, false]));
    }
}
