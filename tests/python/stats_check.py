"""Computes the statistics of a history again, independently, and compares to 1e-9.

    python stats_check.py stats.json

The file is written by the test `history::crosscheck` with `OVERGRANT_STATS_FILE=stats.json`: inputs and the engine's
outputs. Wilson and Newcombe are statsmodels', survival is lifelines', averages are pandas', percentiles are numpy's, quantiles of the
normal distribution are scipy's. Laney's chart and the attribution are written out here from their definitions.
"""

import copy
import json
import sys

import numpy as np
import pandas as pd
from lifelines import KaplanMeierFitter
from lifelines.utils import median_survival_times
from scipy.stats import norm
from statsmodels.stats.proportion import confint_proportions_2indep, proportion_confint
from statsmodels.tsa.stattools import acf

TOLERANCE = 1e-9


class Checker:
    """Counts comparisons and keeps those that fail."""

    def __init__(self):
        self.done = 0
        self.failed = []

    def close(self, what, ours, theirs):
        """Compares two numbers, relative to their size where that is above 1."""
        self.done += 1
        if ours is None or theirs is None:
            if ours is not theirs:
                self.failed.append(f"{what}: {ours} against {theirs}")
            return
        if not abs(ours - theirs) <= TOLERANCE * max(1.0, abs(theirs)):
            self.failed.append(f"{what}: {ours!r} against {theirs!r}")


def check_band(check, what, band, value, low, high):
    check.close(f"{what} value", band["value"], value)
    check.close(f"{what} low", band["low"], low)
    check.close(f"{what} high", band["high"], high)


def ewma(check, what, case):
    values, n = np.array(case["values"]), case["baseline"]
    lam, width = case["lambda"], case["width"]
    centre, sigma = values[:n].mean(), values[:n].std(ddof=1)
    check.close(f"{what} centre", case["centre"], centre)
    check.close(f"{what} sigma", case["sigma"], sigma)
    # pandas begins with the first value, so the centre goes before it.
    z = pd.Series(np.concatenate([[centre], values])).ewm(alpha=lam, adjust=False).mean().to_numpy()[1:]
    t = np.arange(1, len(values) + 1)
    half = width * sigma * np.sqrt(lam / (2 - lam) * (1 - (1 - lam) ** (2 * t)))
    for at, band in enumerate(case["points"]):
        check_band(check, f"{what} point {at}", band, z[at], centre - half[at], centre + half[at])
    if n >= 3:
        check.close(f"{what} autocorrelation", case["autocorrelation"], acf(values[:n], nlags=1, fft=False)[1])


def laney(check, what, case):
    p, n, b = np.array(case["shares"]), np.array(case["populations"]), case["baseline"]
    centre = np.average(p[:b], weights=n[:b])
    sigma = np.sqrt(centre * (1 - centre) / n)
    z = (p[:b] - centre) / sigma[:b]
    sigma_z = np.abs(np.diff(z)).mean() / 1.128
    check.close(f"{what} centre", case["centre"], centre)
    check.close(f"{what} sigma_z", case["sigma_z"], sigma_z)
    low, high = np.clip(centre - 3 * sigma * sigma_z, 0, 1), np.clip(centre + 3 * sigma * sigma_z, 0, 1)
    for at, band in enumerate(case["points"]):
        check_band(check, f"{what} point {at}", band, p[at], low[at], high[at])


def wilson(check, what, case):
    low, high = proportion_confint(case["k"], case["n"], alpha=0.05, method="wilson")
    check.close(f"{what} low", case["low"], low)
    check.close(f"{what} high", case["high"], high)


def newcombe(check, what, case):
    counts = case["k1"], case["n1"], case["k2"], case["n2"]
    low, high = confint_proportions_2indep(*counts, compare="diff", method="newcomb", alpha=0.05, correction=False)
    check.close(f"{what} low", case["low"], low)
    check.close(f"{what} high", case["high"], high)


def survival(check, what, case):
    ours = case["survival"]
    fitter = KaplanMeierFitter(alpha=0.05).fit(case["days"], event_observed=case["ended"])
    table, interval = fitter.event_table, fitter.confidence_interval_
    steps = table[table["observed"] > 0]
    check.close(f"{what} steps", len(ours["steps"]), len(steps))
    for step, (days, row) in zip(ours["steps"], steps.iterrows()):
        name = f"{what} at {days}"
        check.close(f"{name} days", step["days"], float(days))
        check.close(f"{name} at risk", step["at_risk"], int(row["at_risk"]))
        check.close(f"{name} ended", step["ended"], int(row["observed"]))
        share = float(fitter.survival_function_at_times(days).iloc[0])
        check.close(f"{name} survival", step["survival"], share)
        if 0 < share < 1:
            low, high = (float(bound) for bound in interval.loc[days])
            check.close(f"{name} low", step["low"], low)
            check.close(f"{name} high", step["high"], high)
    finite = lambda value: float(value) if np.isfinite(value) else None
    check.close(f"{what} median", ours["median"], finite(fitter.median_survival_time_))
    if steps.empty or float(fitter.survival_function_.iloc[-1, 0]) > 0:
        low, high = median_survival_times(interval).to_numpy()[0]
        check.close(f"{what} median low", ours["median_low"], finite(low))
        check.close(f"{what} median high", ours["median_high"], finite(high))


STATISTICS = {
    "principals": lambda rows: float(len(rows)),
    "unused_principals_90d_pct": lambda rows: 100.0 * np.mean([row["idle_days"] >= 90 for row in rows]),
    "risk_p50": lambda rows: float(np.percentile([row["risk"] for row in rows], 50)),
    "risk_p90": lambda rows: float(np.percentile([row["risk"] for row in rows], 90)),
}


def trend(check, what, case, weeks):
    statistic = STATISTICS[case["metric"]]
    values = [statistic(week) for week in weeks]
    adjusted = values[0]
    for at, point in enumerate(case["points"]):
        name = f"{what} {case['metric']} week {at}"
        check.close(f"{name} value", point["value"], values[at])
        if at:
            before, after = weeks[at - 1], weeks[at]
            both = {row["id"] for row in before} & {row["id"] for row in after}
            of_both = lambda rows: statistic([row for row in rows if row["id"] in both])
            parts = point["change"]
            check.close(f"{name} within", parts["within"], of_both(after) - of_both(before))
            check.close(f"{name} entry", parts["entry"], values[at] - of_both(after))
            check.close(f"{name} exit", parts["exit"], of_both(before) - values[at - 1])
            check.close(f"{name} sum", parts["within"] + parts["entry"] + parts["exit"], values[at] - values[at - 1])
            adjusted += of_both(after) - of_both(before)
        check.close(f"{name} adjusted", point["adjusted"], adjusted)
    bands = {"values": values, "baseline": 20, "lambda": 0.2, "width": 3.0, "centre": case["centre"]}
    bands |= {"sigma": case["sigma"], "points": [point["ewma"] for point in case["points"]]}
    bands["autocorrelation"] = case["autocorrelation"]
    ewma(check, f"{what} {case['metric']}", bands)
    if case["unit"] == "percent":
        as_share = lambda band: {key: value / 100.0 for key, value in band.items()}
        shares = {"shares": [value / 100.0 for value in values], "populations": [len(week) for week in weeks]}
        shares |= {"baseline": 20, "centre": case["p_centre"] / 100.0, "sigma_z": case["sigma_z"]}
        shares["points"] = [as_share(point["p"]) for point in case["points"]]
        laney(check, f"{what} {case['metric']}", shares)


PARTS = {"ewma": ewma, "laney": laney, "wilson": wilson, "newcombe": newcombe, "survival": survival}


def run(document):
    check = Checker()
    check.close("quantile of the normal distribution", 1.959963984540054, float(norm.ppf(0.975)))
    for name, function in PARTS.items():
        for at, case in enumerate(document[name]):
            function(check, f"{name} {at}", case)
    for case in document["trend"]["trends"]:
        trend(check, "trend", case, document["trend"]["weeks"])
    return check


def planted(document):
    """Copies of the document with one number of each part off by a millionth."""
    places = {
        "ewma": lambda d: (d["ewma"][2]["points"][7], "high"),
        "laney": lambda d: (d["laney"][1], "sigma_z"),
        "wilson": lambda d: (d["wilson"][9], "low"),
        "newcombe": lambda d: (d["newcombe"][9], "high"),
        "survival": lambda d: (d["survival"][2]["survival"]["steps"][3], "low"),
        "median": lambda d: (d["survival"][2]["survival"], "median"),
        "attribution": lambda d: (d["trend"]["trends"][1]["points"][5]["change"], "entry"),
    }
    for name, place in places.items():
        wrong = copy.deepcopy(document)
        where, key = place(wrong)
        where[key] += 1e-6
        yield name, wrong


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        document = json.load(file)
    check = run(document)
    for line in check.failed[:20]:
        print(line, file=sys.stderr)
    if check.failed:
        sys.exit(f"{len(check.failed)} of {check.done} numbers differ")
    for name, wrong in planted(document):
        if not run(wrong).failed:
            sys.exit(f"a wrong number in `{name}` went unnoticed")
    print(f"{check.done} numbers agree to {TOLERANCE}; a wrong one in each part is noticed")


if __name__ == "__main__":
    main()
