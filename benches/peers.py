#!/usr/bin/env python3
"""The same AWS export through overgrant and through Cloudsplaining: processor seconds of both, in one run.

    benches/peers.py OVERGRANT CLOUDSPLAINING EXPORT… [--date YYYY-MM-DD] [--limit SECONDS]

OVERGRANT is a release binary, CLOUDSPLAINING the program of that name (`pip install cloudsplaining` in an environment
of its own). Both read the file and write all that they find; what each finds is not compared here: Cloudsplaining
looks at policies one by one, overgrant at principals with everything that limits them, and at what follows. A program
that needs more than the limit is ended, and its time is a lower bound. With --date the result is written to
benches/runs/.
"""

import argparse
import pathlib
import platform
import resource
import subprocess
import sys
import tempfile

BUDGET = 50
"""Times less processor time than Cloudsplaining."""


def seconds(command, limit):
    """Processor seconds of a command and of all that it starts, and whether it came to its end."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    try:
        ended = subprocess.run(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=limit).returncode
        if ended not in (0, 3):  # 3: overgrant did all it could on an export that lacks something
            sys.exit(f"{command[0]} ended with {ended}")
        finished = True
    except subprocess.TimeoutExpired:
        finished = False
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime, finished


def compare(overgrant, cloudsplaining, export, limit):
    with tempfile.TemporaryDirectory() as scratch:
        scan = [overgrant, "scan", export, "--store", f"{scratch}/store", "--as-of", "2026-11-22"]
        own, _ = min(seconds(scan, limit) for _ in range(3))
        peer, finished = seconds([cloudsplaining, "scan", "-i", export, "-o", scratch, "--skip-open-report"], limit)
    size = pathlib.Path(export).stat().st_size / 1e6
    at_least = "" if finished else "more than "
    met = "met" if peer / own >= BUDGET else "MISSED" if finished else "open"
    return (
        f"{pathlib.Path(export).name} ({size:.2f} MB): overgrant {own:.2f} s, Cloudsplaining {at_least}{peer:.2f} s, "
        f"{at_least}{peer / own:.0f} times (budget {BUDGET}: {met})"
    )


def output(*command):
    return subprocess.run(command, capture_output=True, text=True, check=False).stdout.strip()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("overgrant")
    parser.add_argument("cloudsplaining")
    parser.add_argument("exports", nargs="+", metavar="EXPORT")
    parser.add_argument("--date", help="day of the run, for the name of the record")
    parser.add_argument("--limit", type=float, default=300, help="seconds that a program may take")
    given = parser.parse_args()
    here = pathlib.Path(__file__).resolve().parent
    names = " ".join(pathlib.Path(path).name for path in given.exports)
    lines = [
        f"machine  {platform.processor() or platform.machine()}, Linux {platform.release()}",
        f"peer     {output(given.cloudsplaining, '--version')}",
        f"commit   {output('git', '-C', str(here), 'rev-parse', '--short', 'HEAD')}",
        f"command  benches/peers.py overgrant cloudsplaining {names}",
        "",
    ]
    lines += [compare(given.overgrant, given.cloudsplaining, export, given.limit) for export in given.exports]
    text = "\n".join(lines) + "\n"
    print(text, end="")
    if given.date:
        (here / "runs").mkdir(exist_ok=True)
        (here / "runs" / f"{given.date}-peers.txt").write_text(text)


if __name__ == "__main__":
    main()
