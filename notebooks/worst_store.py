"""Makes stores that are as bad as a store may be, to try the notebooks on; no use but that.

    python notebooks/worst_store.py STORE OUT unknown     # every column that may be null is, and names are hostile
    python notebooks/worst_store.py STORE OUT empty       # every table is there and has no row

OUT gets the newest snapshot of STORE, changed. Which columns may be null stands in docs/data-dictionary.md.
"""

from __future__ import annotations

import re
import sys
from pathlib import Path

import polars as pl

from overgrant_store import SCHEMA_VERSION, Store

DICTIONARY = Path(__file__).resolve().parent.parent / "docs" / "data-dictionary.md"
HOSTILE = [
    "<script>alert(1)</script>",
    "$\\frac{a}{$",
    "\u202e" + "\u05d0" * 1000,
    "a\nb\tc\x00d",
    "`x` **b** [l](http://x)",
    "%s {0} {name}",
]
# Ids that name things of which there may be none, so that nothing else in the store hangs on them.
NAMES = {
    "entities": "name",
    "choke_points": "name",
    "exceptions": "exception",
    "workflows": "workflow",
    "people": "name",
}


def nullable(page: str) -> dict[str, set[str]]:
    """By table, the columns that the data dictionary says may be null."""
    tables = {}
    for part in page.split("\n## ")[1:]:
        rows = re.findall(r"^\| `(\w+)` \| [^|]* \| [^|]* \| (yes|no) \|", part, flags=re.MULTILINE)
        tables[part.split("\n", 1)[0].strip()] = {name for name, null in rows if null == "yes"}
    return tables


def unknown(table: str, frame: pl.DataFrame, columns: set[str]) -> pl.DataFrame:
    """A table without anything that it may do without."""
    gone = [pl.lit(None, dtype=frame.schema[name]).alias(name) for name in frame.columns if name in columns]
    frame = frame.with_columns(gone)
    if table in NAMES and frame.height:
        words = [HOSTILE[at % len(HOSTILE)] for at in range(frame.height)]
        frame = frame.with_columns(pl.Series(NAMES[table], words))
    if table == "scores":
        # Without a component the index is what it is without any evidence: nothing, and anything.
        components = pl.Series(
            "shares",
            [["escalation=0", "excess=0", "credential=0", "orphan=0"]] * frame.height,
            dtype=pl.List(pl.String),
        )
        frame = frame.with_columns(components, risk=pl.lit(0.0), risk_low=pl.lit(0.0), coverage=pl.lit(0.0))
    return frame


def main() -> int:
    source, out, how = sys.argv[1:]
    newest = Store.open(source).newest
    columns = nullable(DICTIONARY.read_text(encoding="utf-8"))
    folder = Path(out) / newest.folder.name
    folder.mkdir(parents=True)
    for path in sorted(newest.folder.glob("*.parquet")):
        frame = pl.read_parquet(path, hive_partitioning=False)
        frame = frame.clear() if how == "empty" else unknown(path.stem, frame, columns[path.stem])
        frame.write_parquet(folder / path.name, metadata={"overgrant.schema_version": SCHEMA_VERSION})
    # What makes a snapshot a committed one.
    (folder / "manifest.json").write_text("{}\n", encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
