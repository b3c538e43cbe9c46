"""Reads a store of overgrant: the Parquet files of its snapshots, and nothing else.

    store = Store.open()                      # OVERGRANT_STORE, or ../overgrant-store
    store.latest("scores")                    # one table of the newest snapshot
    store.history("metrics", ["metric", …])   # the same table of all snapshots, with `snapshot` and `as_of`

Null means unknown and is never zero. Entity numbers belong to one snapshot: join on `snapshot` and `entity`, and use
`entities.id` from one snapshot to another. Columns are defined in docs/data-dictionary.md.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cached_property
from pathlib import Path

import polars as pl

VARIABLE = "OVERGRANT_STORE"
DEFAULT = "../overgrant-store"
SCHEMA_VERSION = "1"
"""Version of the tables' columns that this module reads (`overgrant.schema_version` in each file)."""

FOLDER = re.compile(
    r"snapshot=(?P<id>(?P<day>[0-9]{4}-[0-9]{2}-[0-9]{2})T(?P<time>[0-9]{6})(?P<ms>\.[0-9]{3})?Z(-(?P<repeat>[0-9]+))?)"
)


class StoreError(Exception):
    """What is wrong with a store, where, and what to do about it."""


@dataclass(frozen=True, order=True)
class Snapshot:
    """One committed scan."""

    as_of: datetime
    """Time that the scan is of, in UTC."""
    repeat: int
    """1, and counting on for further scans of the same time."""
    id: str
    """Value of the Hive key `snapshot`."""
    folder: Path

    @property
    def day(self) -> str:
        """The date as people write it."""
        return f"{self.as_of:%Y-%m-%d}"

    @staticmethod
    def parse(folder: Path) -> Snapshot | None:
        """The snapshot in a folder; none when the folder's name is not one of a snapshot."""
        match = FOLDER.fullmatch(folder.name)
        if match is None:
            return None
        try:
            at = datetime.strptime(match["day"] + match["time"], "%Y-%m-%d%H%M%S")
        except ValueError:
            return None
        at += timedelta(milliseconds=int(match["ms"][1:]) if match["ms"] else 0)
        return Snapshot(at.replace(tzinfo=UTC), int(match["repeat"] or 1), match["id"], folder)


@dataclass(frozen=True)
class Store:
    """A store: its snapshots, oldest first. Of several scans for one time the last one counts."""

    root: Path
    snapshots: tuple[Snapshot, ...]

    @staticmethod
    def open(root: str | Path | None = None) -> Store:
        """Finds the snapshots of a store; without `root`, of the one that `OVERGRANT_STORE` names."""
        path = Path(root or os.environ.get(VARIABLE) or DEFAULT)
        hint = f"Scan something into it (overgrant scan … --store {path}), or name another one in {VARIABLE}."
        if not path.is_dir():
            raise StoreError(f"There is no store at {path.resolve()}. {hint}")
        found = sorted(filter(None, map(Snapshot.parse, path.glob("snapshot=*"))))
        # Sorted by time and repeat: the last of each time stays.
        kept = {snapshot.as_of: snapshot for snapshot in found if (snapshot.folder / "manifest.json").is_file()}
        if not kept:
            raise StoreError(f"The store at {path.resolve()} has no snapshot. {hint}")
        return Store(path, tuple(kept.values()))

    @property
    def newest(self) -> Snapshot:
        """The latest snapshot."""
        return self.snapshots[-1]

    def describe(self) -> str:
        """One line about what there is."""
        first, last, n = self.snapshots[0], self.newest, len(self.snapshots)
        return f"{n} snapshots, {first.day} to {last.day}" if n > 1 else f"1 snapshot, {last.day}"

    def scan(self, table: str, columns: list[str] | None = None, *, newest_only: bool = False) -> pl.LazyFrame:
        """A table with the columns `snapshot` (the Hive key) and `as_of` before its own, oldest snapshot first.

        A snapshot without the table (of an older engine) has no rows; a column that an older one lacks is null there.
        """
        chosen = self.snapshots[-1:] if newest_only else self.snapshots
        files = [(snapshot, snapshot.folder / f"{table}.parquet") for snapshot in chosen]
        frames = [one_file(snapshot, path, columns) for snapshot, path in files if path.is_file()]
        if not frames:
            raise StoreError(
                f"No snapshot of {self.root.resolve()} has a table `{table}`. Tables are listed in "
                "docs/data-dictionary.md; scan again with this version of overgrant if the store is older."
            )
        return pl.concat(frames, how="diagonal_relaxed")

    def latest(self, table: str, columns: list[str] | None = None) -> pl.DataFrame:
        """A table of the newest snapshot."""
        return self.scan(table, columns, newest_only=True).collect()

    def history(self, table: str, columns: list[str] | None = None) -> pl.DataFrame:
        """A table of all snapshots."""
        return self.scan(table, columns).collect()

    @cached_property
    def metrics(self) -> pl.DataFrame:
        """All metrics of all parts of all snapshots."""
        return self.history("metrics")

    def metric(self, metric: str, *, platform: str = "all", kind: str = "all", domain: str = "all") -> pl.DataFrame:
        """One metric of one part over time, a row a snapshot. `value` is null where it was not measurable."""
        part = (pl.col("platform") == platform) & (pl.col("kind") == kind) & (pl.col("domain") == domain)
        return self.metrics.filter((pl.col("metric") == metric) & part).sort("as_of")

    def principals(self, *, newest_only: bool = False) -> pl.DataFrame:
        """Scores of principals with who they are (`id name platform domain nhi kind protected present`).

        `who` is `human`, `non-human` or `undecided`: the last one is neither of the others.
        """
        labels = ["entity", "id", "name", "platform", "domain", "kind", "nhi", "protected", "present", "enabled"]
        entities = self.scan("entities", labels, newest_only=newest_only).drop("as_of")
        scores = self.scan("scores", newest_only=newest_only)
        who = (
            pl.when(pl.col("nhi").is_null())
            .then(pl.lit("undecided"))
            .when(pl.col("nhi"))
            .then(pl.lit("non-human"))
            .otherwise(pl.lit("human"))
        )
        joined = scores.join(entities, on=["snapshot", "entity"], how="left").with_columns(who.alias("who"))
        return joined.sort("as_of", "entity").collect()


def one_file(snapshot: Snapshot, path: Path, columns: list[str] | None) -> pl.LazyFrame:
    """One table of one snapshot. The Hive key is added here, so that no folder above the store is taken for one."""
    version = pl.read_parquet_metadata(path).get("overgrant.schema_version")
    if version != SCHEMA_VERSION:
        raise StoreError(
            f"{path} has columns of schema version {version}, and these notebooks read {SCHEMA_VERSION}. "
            "Use the notebooks that came with the version of overgrant that wrote the store."
        )
    frame = pl.scan_parquet(path, hive_partitioning=False)
    if columns is not None:
        there = set(frame.collect_schema().names())
        frame = frame.select([pl.col(name) if name in there else pl.lit(None).alias(name) for name in columns])
    as_of = pl.lit(snapshot.as_of).cast(pl.Datetime("ms", "UTC")).alias("as_of")
    names = frame.collect_schema().names()
    return frame.with_columns(pl.lit(snapshot.id).alias("snapshot"), as_of).select("snapshot", "as_of", *names)
