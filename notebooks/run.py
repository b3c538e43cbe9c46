"""Executes the notebooks without a browser, and keeps their files in one form.

    python notebooks/run.py                          # all of them, on OVERGRANT_STORE or ./overgrant-store
    python notebooks/run.py --out figures 02 06      # two of them; figures, conclusions and executed copies are kept
    python notebooks/run.py --strict                 # a warning is an error as well, and so is a missing conclusion
    python notebooks/run.py --tidy                   # only checks the files; needs nothing but Python
    python notebooks/run.py --format                 # brings the files into the one form: do it before a commit

Ends with 1 when a cell fails or a file is not in order, and names the notebook and the cell.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
METADATA = {
    "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
    "language_info": {"name": "python"},
}
HEADINGS = ["**Question.**", "**For.**", "**How to read the figure.**", "**What it does not show.**"]
# Notebooks read through `overgrant_store` alone, so that what they read is the store's Parquet and nothing else.
READING = re.compile(
    r"\b(pl|pd|np)\.(read|scan|load|fromfile)\w*|(?<!Store\.)\bopen\(|\bread_(text|bytes)\b|\burllib|\brequests\b"
)
CELL_SECONDS = 600
# Escapes with which IPython colours a traceback.
COLOURS = re.compile(r"\x1b\[[0-9;]*m")


def notebooks(folder: Path = HERE) -> list[Path]:
    """The notebooks, in the order of their numbers."""
    return sorted(folder.glob("*.ipynb"))


def text_of(cell: dict[str, Any]) -> str:
    """Source of a cell, which the format lets be a list of lines."""
    return "".join(cell.get("source", ""))


def canonical(stem: str, notebook: dict[str, Any]) -> str:
    """The one form of a notebook: no output, no trace of who ran it, cells numbered, keys sorted, a line a line."""
    cells = []
    for number, cell in enumerate(notebook["cells"], start=1):
        source = text_of(cell).strip("\n").splitlines(keepends=True)
        plain = {"cell_type": cell["cell_type"], "id": f"{stem}-{number:02}", "metadata": {}, "source": source}
        if cell["cell_type"] == "code":
            plain |= {"execution_count": None, "outputs": []}
        cells.append(plain)
    document = {"cells": cells, "metadata": METADATA, "nbformat": 4, "nbformat_minor": 5}
    return json.dumps(document, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def faults(path: Path) -> list[str]:
    """What is not in order with one notebook's file."""
    text = path.read_text(encoding="utf-8")
    notebook = json.loads(text)
    cells = notebook["cells"]
    found = []
    if text != canonical(path.stem, notebook):
        found.append("is not in the one form: run `python notebooks/run.py --format`")
    opening = text_of(cells[0]) if cells and cells[0]["cell_type"] == "markdown" else ""
    if not opening.startswith("# "):
        found.append("does not open with a title")
    for heading in HEADINGS:
        said = opening.partition(heading)[2].strip()
        if not said or said.startswith("**"):
            found.append(f"does not say {heading} in its first cell")
    if not cells or cells[-1]["cell_type"] != "code" or "figures.conclude(" not in text_of(cells[-1]):
        found.append("does not end with a conclusion that is computed (`figures.conclude`)")
    code = "\n".join(text_of(cell) for cell in cells if cell["cell_type"] == "code")
    if f'figures.setup("{path.stem}")' not in code:
        found.append(f'does not call figures.setup("{path.stem}")')
    for match in READING.finditer(code):
        found.append(f"reads by itself with `{match.group()}`: notebooks read through `Store` alone")
    return found


def tidy(folder: Path = HERE) -> list[str]:
    """What is not in order with the notebooks of a folder and its README."""
    paths = notebooks(folder)
    found = [f"{path.name} {fault}" for path in paths for fault in faults(path)]
    numbers = [path.name[:2] for path in paths]
    if numbers != [f"{n:02}" for n in range(1, len(paths) + 1)]:
        found.append(f"notebooks are not numbered from 01 on: {', '.join(numbers) or 'there are none'}")
    readme = (folder / "README.md").read_text(encoding="utf-8")
    found += [f"README.md does not list {path.name}" for path in paths if f"({path.name})" not in readme]
    return found


def printed(cell: Any) -> str:
    """What a cell wrote to standard error."""
    return "".join(
        out["text"] for out in cell.get("outputs", []) if out["output_type"] == "stream" and out["name"] == "stderr"
    )


def shown(cell: Any) -> str:
    """What a cell displayed as Markdown."""
    return "".join(out.get("data", {}).get("text/markdown", "") for out in cell.get("outputs", []))


def pictures(notebook: Any) -> int:
    """Number of figures in an executed notebook."""
    return sum("image/png" in out.get("data", {}) for cell in notebook.cells for out in cell.get("outputs", []))


def lacking(notebook: Any) -> list[str]:
    """What an executed notebook should have and has not, and what it should not have said."""
    found = [f"cell {at} warns: {printed(cell).strip()}" for at, cell in enumerate(notebook.cells, 1) if printed(cell)]
    said = [shown(cell) for cell in notebook.cells]
    if not pictures(notebook) and not any("Not measurable here" in text for text in said):
        found.append("shows no figure and does not say why")
    if "**Conclusion.**" not in said[-1] or len(said[-1]) < 40:
        found.append("ends without a conclusion")
    return found


def execute(path: Path, out: Path | None, strict: bool) -> list[str]:
    """Runs one notebook; gives what is wrong with it."""
    import nbformat
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError, CellTimeoutError, DeadKernelError
    from traitlets.config import Config

    notebook = nbformat.read(path, as_version=4)  # type: ignore[no-untyped-call]
    # Sockets of the file system: nobody else is to listen or to speak, and no network is used.
    sockets = Config({"KernelManager": {"transport": "ipc", "ip": f"{os.environ['IPYTHONDIR']}/kernel"}})
    where = {"metadata": {"path": str(path.parent)}}
    client = NotebookClient(notebook, config=sockets, kernel_name="python3", timeout=CELL_SECONDS, resources=where)
    begun = time.monotonic()
    try:
        client.execute()
        found = lacking(notebook) if strict else []
    except (CellExecutionError, CellTimeoutError, DeadKernelError) as error:
        at = next(
            (
                n
                for n, cell in enumerate(notebook.cells, 1)
                if any(o["output_type"] == "error" for o in cell.get("outputs", []))
            ),
            "?",
        )
        found = [f"cell {at} failed: {COLOURS.sub('', str(error)).strip()}"]
    if out is not None:
        nbformat.write(notebook, out / path.name)  # type: ignore[no-untyped-call]
    print(f"{path.name}: {pictures(notebook)} figures, {time.monotonic() - begun:.1f} s", flush=True)
    for text in (shown(cell) for cell in notebook.cells[-1:]):
        print(f"  {text.removeprefix('**Conclusion.** ').strip()}", flush=True)
    return [f"{path.name} {fault}" for fault in found]


def prepare(store: str | None, out: str | None) -> Path | None:
    """Sets what kernels inherit: the store and the folder of figures by full paths, and a home of their own."""
    named = store or os.environ.get("OVERGRANT_STORE") or str(HERE.parent / "overgrant-store")
    os.environ["OVERGRANT_STORE"] = str(Path(named).resolve())
    # Nothing of the person's own set-up of IPython may change a result.
    os.environ["IPYTHONDIR"] = tempfile.mkdtemp(prefix="overgrant-ipython-")
    if out is None:
        return None
    folder = Path(out).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    os.environ["OVERGRANT_FIGURES"] = str(folder)
    return folder


def run(arguments: argparse.Namespace) -> list[str]:
    """Executes the chosen notebooks."""
    chosen = [path for path in notebooks() if not arguments.names or path.name.startswith(tuple(arguments.names))]
    if not chosen:
        return [f"no notebook begins with {' or '.join(arguments.names)}"]
    out = prepare(arguments.store, arguments.out)
    return [fault for path in chosen for fault in execute(path, out, arguments.strict)]


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help="numbers or beginnings of names; all when there are none")
    parser.add_argument("--store", help="folder of the store (default: OVERGRANT_STORE, else ./overgrant-store)")
    parser.add_argument("--out", help="folder for figures (PNG), conclusions and executed copies")
    parser.add_argument("--strict", action="store_true", help="warnings and missing conclusions are errors")
    parser.add_argument("--tidy", action="store_true", help="check the files instead of running them")
    parser.add_argument(
        "--format", action="store_true", help="rewrite the files in the one form instead of running them"
    )
    arguments = parser.parse_args()
    if arguments.format:
        for path in notebooks():
            path.write_text(canonical(path.stem, json.loads(path.read_text(encoding="utf-8"))), encoding="utf-8")
        return 0
    found = tidy() if arguments.tidy else run(arguments)
    for fault in found:
        print(fault, file=sys.stderr)
    if arguments.tidy and not found:
        print(f"{len(notebooks())} notebooks are in order")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
