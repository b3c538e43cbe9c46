//! Reading a committed snapshot: whole tables, or the rows of a range of keys.
//!
//! Nothing is decoded before its bytes are known to be those that were committed: every block of a file that is
//! touched is hashed and compared with the block list, whose own digest is in the manifest. Reading the rows of
//! one entity out of a table of gigabytes hashes the file's footer and the blocks of the pages read, not the rest.

use std::fs::File;
use std::iter::once;
use std::ops::{Range, RangeInclusive};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;

use arrow::array::AsArray;
use arrow::datatypes::DataType;
use parquet::arrow::ProjectionMask;
use parquet::arrow::arrow_reader::{
    ArrowPredicateFn, ArrowReaderMetadata, ArrowReaderOptions, ParquetRecordBatchReaderBuilder, RowFilter, RowSelection,
};
use parquet::errors::ParquetError;
use parquet::file::metadata::{PageIndexPolicy, ParquetMetaData, ParquetMetaDataReader, RowGroupMetaData};
use parquet::file::page_index::offset_index::OffsetIndexMetaData;
use parquet::file::reader::ChunkReader;

use super::files::{self, BLOCK_BYTES};
use super::keys::{self, KeySet};
use super::manifest::{BlockList, Manifest, SnapshotId, TableInfo};
use super::{StoreError, decode, schema};
use crate::model::{Access, AccessTable, ClassTable, Peer, Record, Removal, Results, Tables};

/// Rows decoded at a time.
const BATCH_ROWS: usize = 8 * 1024;
/// Bytes at the end of a Parquet file that say where its footer begins.
const TAIL_BYTES: u64 = 8;
/// Threads that decode one table.
const THREADS_MAX: usize = 8;

/// A committed snapshot.
#[derive(Debug, Clone)]
pub struct SnapshotReader {
    folder: PathBuf,
    manifest: Manifest,
    blocks: BlockList,
}

impl SnapshotReader {
    pub(super) fn open(store: &Path, id: SnapshotId) -> Result<Self, StoreError> {
        let folder = store.join(id.folder());
        let manifest = Manifest::load(&folder, id)?;
        let blocks = BlockList::load(&folder, &manifest.blocks_sha256)?;
        Ok(Self { folder, manifest, blocks })
    }

    /// What the snapshot says about itself.
    #[must_use]
    pub const fn manifest(&self) -> &Manifest {
        &self.manifest
    }

    /// Id of the snapshot.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.manifest.snapshot
    }

    /// The folder that holds the snapshot's files.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// All rows of one table, in stored order. Every byte is checked against the digests of the commit.
    ///
    /// # Errors
    /// [`StoreError::Integrity`] when the file is not the one that was committed, [`StoreError::Schema`] when it
    /// does not have this record's columns, [`StoreError::Io`] when it cannot be read.
    pub fn read<R: Record + Send>(&self) -> Result<Vec<R>, StoreError> {
        let table = self.table::<R>()?;
        let length = usize::try_from(table.info.bytes).unwrap_or(usize::MAX);
        let bytes = table.file.get_bytes(0, length).map_err(|error| table.undecodable(error))?;
        table.check_all(&bytes)?;
        let metadata =
            ArrowReaderMetadata::load(&bytes, ArrowReaderOptions::new()).map_err(|error| table.undecodable(error))?;
        table.check_metadata::<R>(&metadata)?;
        let parts = shares(metadata.metadata().num_row_groups(), threads());
        let decoded = in_parallel(parts, |groups| {
            let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(bytes.clone(), metadata.clone());
            table.decode::<R, _>(builder.with_row_groups(groups.collect()))
        });
        let mut rows = Vec::new();
        for part in decoded {
            let mut part = part?;
            if rows.is_empty() { rows = part } else { rows.append(&mut part) }
        }
        if rows.len() as u64 != table.info.rows {
            return Err(table.wrong_rows(rows.len() as u64));
        }
        Ok(rows)
    }

    /// All rows of one table as a record that has only some of its columns, in the table's order. The other columns
    /// are neither decoded nor hashed.
    ///
    /// # Errors
    /// As [`SnapshotReader::read`], for the columns that are read.
    pub fn read_columns<R: Record + Send>(&self) -> Result<Vec<R>, StoreError> {
        let table = self.table::<R>()?;
        let metadata = table.metadata()?;
        let columns: Vec<usize> =
            R::COLUMNS.iter().filter_map(|column| Some(metadata.schema().column_with_name(column.name)?.0)).collect();
        let found = metadata.schema().project(&columns).map_err(|error| StoreError::integrity(&table.path, error))?;
        if let Some(what) = schema::difference::<R>(&found) {
            return Err(StoreError::Schema { path: table.path.clone(), table: table.name, what });
        }
        let groups = metadata.metadata().row_groups();
        // Every column has one leaf, lists too.
        let ranges = groups.iter().flat_map(|group| columns.iter().map(|&at| group.column(at).byte_range()));
        table.check_ranges(ranges.map(|(start, length)| start..start + length))?;
        let length = usize::try_from(table.info.bytes).unwrap_or(usize::MAX);
        let bytes = table.file.get_bytes(0, length).map_err(|error| table.undecodable(error))?;
        let mask = ProjectionMask::roots(metadata.parquet_schema(), columns);
        let decoded = in_parallel(shares(groups.len(), threads()), |groups| {
            let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(bytes.clone(), metadata.clone());
            table.decode::<R, _>(builder.with_row_groups(groups.collect()).with_projection(mask.clone()))
        });
        let mut rows = Vec::new();
        for part in decoded {
            rows.append(&mut part?);
        }
        if rows.len() as u64 == table.info.rows { Ok(rows) } else { Err(table.wrong_rows(rows.len() as u64)) }
    }

    /// The rows whose first column is in a range, in stored order. Row groups and pages outside the range are
    /// neither read nor hashed, so that a table sorted by its first column is read in time that depends on the
    /// rows found; on another one the answer is the same and takes longer. A null is in no range.
    ///
    /// # Errors
    /// As [`SnapshotReader::read`], for the parts that are read; [`StoreError::NoSuchKey`] when the first column
    /// does not hold 32-bit numbers.
    pub fn read_range<R: Record>(&self, keys: RangeInclusive<u32>) -> Result<Vec<R>, StoreError> {
        self.read_where(R::COLUMNS.first().map_or("", |column| column.name), keys)
    }

    /// [`SnapshotReader::read_range`] over a column of choice.
    ///
    /// # Errors
    /// As [`SnapshotReader::read_range`].
    pub fn read_where<R: Record>(&self, column: &str, keys: RangeInclusive<u32>) -> Result<Vec<R>, StoreError> {
        self.read_matching(column, KeySet::of_range(keys))
    }

    /// The rows that have one of some numbers in a column, in stored order: the statements of a principal, its
    /// groups and its policies in one pass. The numbers may come in any order and more than once.
    ///
    /// # Errors
    /// As [`SnapshotReader::read_range`].
    pub fn read_keys<R: Record>(&self, column: &str, keys: &[u32]) -> Result<Vec<R>, StoreError> {
        self.read_matching(column, KeySet::of_keys(keys))
    }

    fn read_matching<R: Record>(&self, column: &str, keys: KeySet) -> Result<Vec<R>, StoreError> {
        let table = self.table::<R>()?;
        let no_such_key = || StoreError::NoSuchKey { table: R::TABLE, column: column.to_owned() };
        let metadata = table.metadata()?;
        table.check_metadata::<R>(&metadata)?;
        let (at, field) = metadata.schema().column_with_name(column).ok_or_else(no_such_key)?;
        if *field.data_type() != DataType::UInt32 {
            return Err(no_such_key());
        }
        let places = keys::select(&metadata, column, &keys).map_err(|error| table.undecodable(error))?;
        table.check_pages(metadata.metadata(), &places.groups, &places.rows)?;
        let projection = ProjectionMask::roots(metadata.parquet_schema(), [at]);
        let filter = ArrowPredicateFn::new(projection, move |batch| Ok(keys.mask(batch.column(0).as_primitive())));
        let builder = ParquetRecordBatchReaderBuilder::new_with_metadata(table.reopen()?, metadata)
            .with_row_groups(places.groups)
            .with_row_selection(places.rows)
            .with_row_filter(RowFilter::new(vec![Box::new(filter)]));
        table.decode(builder)
    }

    /// All input tables.
    ///
    /// # Errors
    /// As [`SnapshotReader::read`].
    pub fn tables(&self) -> Result<Tables, StoreError> {
        Ok(Tables {
            sources: self.manifest.sources.clone(),
            entities: self.read()?,
            memberships: self.read()?,
            attachments: self.read()?,
            attributes: self.read()?,
            grants: self.read()?,
            trusts: self.read()?,
            credentials: self.read()?,
            usage: self.read()?,
            people: self.read()?,
            identities: self.read()?,
            owners: self.read()?,
            approvals: self.read()?,
            workflows: self.read()?,
            role_baselines: self.read()?,
            sod_rules: self.read()?,
            exceptions: self.read()?,
            issues: self.read()?,
        })
    }

    /// All computed tables.
    ///
    /// # Errors
    /// As [`SnapshotReader::read`].
    pub fn results(&self) -> Result<Results, StoreError> {
        Ok(Results {
            access: AccessTable::from(self.read::<Access>()?),
            removals: ClassTable::from(self.read::<Removal>()?),
            peers: ClassTable::from(self.read::<Peer>()?),
            edges: self.read()?,
            target_sets: self.read()?,
            assists: self.read()?,
            paths: self.read()?,
            choke_points: self.read()?,
            minimum_cut: None,
            findings: self.read()?,
            orphans: self.read()?,
            scores: self.read()?,
            metrics: self.read()?,
            coverage: self.manifest.coverage.clone(),
        })
    }

    /// Opens a table's file and checks its length.
    fn table<R: Record>(&self) -> Result<TableFile<'_>, StoreError> {
        let path = self.folder.join(schema::file_name(R::TABLE));
        let (Some(info), Some(blocks)) = (self.manifest.tables.get(R::TABLE), self.blocks.tables.get(R::TABLE)) else {
            return Err(StoreError::integrity(&path, "the manifest does not list this table"));
        };
        let file = open(&path, &self.folder)?;
        let length = file.metadata().map_err(|error| StoreError::io("read", &path, error))?.len();
        check_length(&path, length, info)?;
        if blocks.len() as u64 != info.bytes.div_ceil(BLOCK_BYTES as u64) {
            return Err(StoreError::integrity(&path, "the block list does not cover it"));
        }
        Ok(TableFile { name: R::TABLE, path, file, info, blocks })
    }
}

/// Opens a file of a committed snapshot. In a snapshot that is still there, a missing file is damage.
pub(super) fn open(path: &Path, folder: &Path) -> Result<File, StoreError> {
    File::open(path).map_err(|error| {
        if error.kind() == std::io::ErrorKind::NotFound && folder.is_dir() {
            StoreError::integrity(path, "the file is missing")
        } else {
            StoreError::io("read", path, error)
        }
    })
}

pub(super) fn check_length(path: &Path, found: u64, info: &TableInfo) -> Result<(), StoreError> {
    if found == info.bytes {
        return Ok(());
    }
    Err(StoreError::integrity(path, format!("it has {found} bytes, the manifest says {}", info.bytes)))
}

/// One table's file and what the commit said about it.
struct TableFile<'a> {
    name: &'static str,
    path: PathBuf,
    file: File,
    info: &'a TableInfo,
    blocks: &'a [String],
}

impl TableFile<'_> {
    /// Bytes that have the right digests and still do not decode, or an error of the operating system.
    fn undecodable(&self, error: ParquetError) -> StoreError {
        match StoreError::encode(&self.path, error) {
            StoreError::Io { path, error, .. } => StoreError::Io { action: "read", path, error },
            StoreError::Encode { path, what } => StoreError::Integrity { path, what },
            other => other,
        }
    }

    fn wrong_rows(&self, found: u64) -> StoreError {
        StoreError::integrity(&self.path, format!("it has {found} rows, the manifest says {}", self.info.rows))
    }

    fn wrong_block(&self, block: usize) -> StoreError {
        let what = format!("the bytes from {} on do not have the digest of the commit", block * BLOCK_BYTES);
        StoreError::integrity(&self.path, what)
    }

    fn reopen(&self) -> Result<File, StoreError> {
        self.file.try_clone().map_err(|error| StoreError::io("read", &self.path, error))
    }

    /// Compares all bytes of the file with the block list.
    fn check_all(&self, bytes: &[u8]) -> Result<(), StoreError> {
        let parts = shares(self.blocks.len(), threads());
        let first_wrong = in_parallel(parts, |mut blocks| {
            blocks.find(|&block| {
                let end = bytes.len().min((block + 1) * BLOCK_BYTES);
                files::sha256(&bytes[block * BLOCK_BYTES..end]) != self.blocks[block]
            })
        });
        match first_wrong.into_iter().flatten().next() {
            Some(block) => Err(self.wrong_block(block)),
            None => Ok(()),
        }
    }

    /// Compares the blocks that some byte ranges touch with the block list, each once.
    fn check_ranges(&self, ranges: impl IntoIterator<Item = Range<u64>>) -> Result<(), StoreError> {
        let block_bytes = BLOCK_BYTES as u64;
        let mut touched = vec![false; self.blocks.len()];
        for range in ranges.into_iter().filter(|range| !range.is_empty()) {
            for block in range.start / block_bytes..=(range.end - 1) / block_bytes {
                if let Some(touched) = usize::try_from(block).ok().and_then(|block| touched.get_mut(block)) {
                    *touched = true;
                }
            }
        }
        for (block, _) in touched.iter().enumerate().filter(|(_, touched)| **touched) {
            let start = block as u64 * block_bytes;
            let length = usize::try_from((self.info.bytes - start).min(block_bytes)).unwrap_or(BLOCK_BYTES);
            let bytes = self.file.get_bytes(start, length).map_err(|error| self.undecodable(error))?;
            if files::sha256(&bytes) != self.blocks[block] {
                return Err(self.wrong_block(block));
            }
        }
        Ok(())
    }

    /// The footer and the page index, each checked before it is parsed.
    fn metadata(&self) -> Result<ArrowReaderMetadata, StoreError> {
        let length = self.info.bytes;
        let tail =
            length.checked_sub(TAIL_BYTES).ok_or_else(|| StoreError::integrity(&self.path, "it is too short"))?;
        let bytes = self.file.get_bytes(tail, 4).map_err(|error| self.undecodable(error))?;
        let footer = bytes.iter().rev().fold(0, |sum, &byte| sum << 8 | u64::from(byte));
        // This covers the length just read, too: a wrong one is found here before it is used.
        self.check_ranges(once(tail.saturating_sub(footer)..length))?;
        let mut metadata =
            ParquetMetaDataReader::new().parse_and_finish(&self.file).map_err(|error| self.undecodable(error))?;
        if let Some(index_start) = index_start(&metadata) {
            self.check_ranges(once(index_start..length))?;
            let mut reader =
                ParquetMetaDataReader::new_with_metadata(metadata).with_page_index_policy(PageIndexPolicy::Required);
            reader.read_page_indexes(&self.file).map_err(|error| self.undecodable(error))?;
            metadata = reader.finish().map_err(|error| self.undecodable(error))?;
        }
        ArrowReaderMetadata::try_new(Arc::new(metadata), ArrowReaderOptions::new())
            .map_err(|error| self.undecodable(error))
    }

    fn check_metadata<R: Record>(&self, metadata: &ArrowReaderMetadata) -> Result<(), StoreError> {
        if let Some(what) = schema::difference::<R>(metadata.schema()) {
            return Err(StoreError::Schema { path: self.path.clone(), table: self.name, what });
        }
        let rows = metadata.metadata().file_metadata().num_rows();
        if u64::try_from(rows) == Ok(self.info.rows) { Ok(()) } else { Err(self.wrong_rows(rows.unsigned_abs())) }
    }

    /// Compares what will be read of some row groups: dictionaries, and the pages with selected rows.
    fn check_pages(
        &self,
        metadata: &ParquetMetaData,
        groups: &[usize],
        selection: &RowSelection,
    ) -> Result<(), StoreError> {
        let mut rest = selection.clone();
        let mut ranges = Vec::new();
        for &group in groups {
            let row_group = metadata.row_group(group);
            let here = rest.split_off(usize::try_from(row_group.num_rows()).unwrap_or(0));
            for (at, column) in row_group.columns().iter().enumerate() {
                let (start, length) = column.byte_range();
                let pages = metadata.offset_index().and_then(|index| index.get(group)?.get(at));
                let Some(pages) = pages.map(OffsetIndexMetaData::page_locations).filter(|pages| !pages.is_empty())
                else {
                    ranges.push(start..start + length);
                    continue;
                };
                let first_page = u64::try_from(pages[0].offset).unwrap_or(start);
                ranges.push(start..first_page);
                ranges.extend(here.scan_ranges(pages));
            }
        }
        self.check_ranges(ranges)
    }

    fn decode<R: Record, C: ChunkReader + 'static>(
        &self,
        builder: ParquetRecordBatchReaderBuilder<C>,
    ) -> Result<Vec<R>, StoreError> {
        let reader = builder.with_batch_size(BATCH_ROWS).build().map_err(|error| self.undecodable(error))?;
        let mut rows = Vec::new();
        for batch in reader {
            let batch = batch.map_err(|error| StoreError::integrity(&self.path, error))?;
            decode::append_rows(&batch, &mut rows).map_err(|error| StoreError::Schema {
                path: self.path.clone(),
                table: self.name,
                what: error.to_string(),
            })?;
        }
        Ok(rows)
    }
}

/// Where the page index of a file begins: it lies between the pages and the footer.
fn index_start(metadata: &ParquetMetaData) -> Option<u64> {
    let columns = metadata.row_groups().iter().flat_map(RowGroupMetaData::columns);
    columns
        .flat_map(|column| [column.column_index_offset(), column.offset_index_offset()])
        .flatten()
        .filter_map(|offset| u64::try_from(offset).ok())
        .min()
}

fn threads() -> usize {
    thread::available_parallelism().map_or(1, std::num::NonZero::get).min(THREADS_MAX)
}

/// Cuts `0..count` into at most `parts` ranges of about the same length, none of them empty.
fn shares(count: usize, parts: usize) -> Vec<Range<usize>> {
    let parts = parts.min(count);
    (0..parts).map(|part| part * count / parts..(part + 1) * count / parts).collect()
}

/// Does the work of each part on a thread of its own and gives the answers in the order of the parts.
fn in_parallel<T: Send>(parts: Vec<Range<usize>>, work: impl Fn(Range<usize>) -> T + Sync) -> Vec<T> {
    if parts.len() <= 1 {
        return parts.into_iter().map(work).collect();
    }
    thread::scope(|scope| {
        let work = &work;
        let handles: Vec<_> = parts.into_iter().map(|part| scope.spawn(move || work(part))).collect();
        handles
            .into_iter()
            .map(|handle| handle.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic)))
            .collect()
    })
}
