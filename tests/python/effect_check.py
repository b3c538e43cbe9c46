"""Computes the statistics of `effect` again, independently, and compares.

    python effect_check.py effect.json

The file is written by the test `effect::crosscheck` with `OVERGRANT_EFFECT_FILE=effect.json`: inputs and the engine's
outputs. Regressions are statsmodels' OLS and GLS, Newey and West's covariance its HAC, Student's distribution and
Fisher's test scipy's, Holm's correction statsmodels'. The restricted likelihood is written out here with dense matrices
and maximised by scipy; permutations are counted here one by one.
"""

import copy
import itertools
import json
import sys

import numpy as np
import statsmodels.api as sm
from scipy import stats
from scipy.linalg import toeplitz
from scipy.optimize import minimize_scalar
from statsmodels.stats.multitest import multipletests

TOLERANCE = 1e-8
# Where a maximum was searched for, it is found to the root of the precision of what was maximised.
SEARCHED = 1e-5


class Checker:
    """Counts comparisons and keeps those that fail."""

    def __init__(self):
        self.done = 0
        self.failed = []

    def close(self, what, ours, theirs, tolerance=TOLERANCE):
        """Compares two numbers, relative to their size where that is above 1."""
        self.done += 1
        if not abs(ours - theirs) <= tolerance * max(1.0, abs(theirs)):
            self.failed.append(f"{what}: {ours!r} against {theirs!r}")


def check_estimate(check, what, ours, value, error, degrees, alpha, tolerance=TOLERANCE):
    half, power = stats.t.ppf(1 - alpha / 2, degrees), stats.t.ppf(0.8, degrees)
    check.close(f"{what} value", ours["value"], value, tolerance)
    check.close(f"{what} error", ours["standard_error"], error, tolerance)
    check.close(f"{what} degrees", ours["degrees_of_freedom"], degrees)
    check.close(f"{what} low", ours["low"], value - half * error, tolerance)
    check.close(f"{what} high", ours["high"], value + half * error, tolerance)
    check.close(f"{what} p", ours["p"], 2 * stats.t.sf(abs(value / error), degrees), tolerance)
    check.close(f"{what} detectable", ours["minimum_detectable"], (half + power) * error, tolerance)


def restricted(rho, x, y):
    """Minus twice the restricted log likelihood with AR(1) errors, constants aside."""
    n, k = x.shape
    v = toeplitz(rho ** np.arange(n)) / (1 - rho**2)
    inverse = np.linalg.inv(v)
    middle = x.T @ inverse @ x
    residual = y - x @ np.linalg.solve(middle, x.T @ inverse @ y)
    variance = residual @ inverse @ residual / (n - k)
    return (n - k) * np.log(variance) + np.linalg.slogdet(v)[1] + np.linalg.slogdet(middle)[1]


def interrupted(check, what, case):
    ours, alpha = case["found"], case["alpha"]
    days = np.array([point["days"] for point in case["points"]])
    y = np.array([point["value"] for point in case["points"]])
    after = (days >= 0).astype(float)
    x = np.column_stack([np.ones_like(days), days, after, after * days])
    contrast = np.array([0, 0, 1, days[days >= 0].mean()])
    plain = sm.OLS(y, x).fit()
    robust = plain.get_robustcov_results("HAC", maxlags=case["lags"], use_correction=True)
    check.close(f"{what} lags", case["lags"], np.floor(4 * (len(y) / 100) ** (2 / 9)))
    check.close(f"{what} plain effect", ours["least_squares_effect"], contrast @ plain.params)
    wide = np.sqrt(contrast @ robust.cov_params() @ contrast)
    check.close(f"{what} Newey-West", ours["newey_west_standard_error"], wide)
    used, tolerance = plain, TOLERANCE
    if len(y) >= 12:
        tolerance = SEARCHED
        grid = np.linspace(-0.95, 0.98, 400)
        start = grid[np.argmin([restricted(rho, x, y) for rho in grid])]
        bounds = max(-0.95, start - 0.01), min(0.98, start + 0.01)
        best = minimize_scalar(restricted, args=(x, y), bounds=bounds, method="bounded", options={"xatol": 1e-10})
        check.close(f"{what} rho", ours["rho"], best.x, SEARCHED)
        # What was searched for is as good as the best that is found here …
        check.close(f"{what} likelihood", restricted(ours["rho"], x, y), restricted(best.x, x, y), TOLERANCE)
        # … and the fit that follows from it is the same to the last digits.
        used, tolerance = sm.GLS(y, x, sigma=toeplitz(ours["rho"] ** np.arange(len(y)))).fit(), TOLERANCE
    for at in range(4):
        check.close(f"{what} coefficient {at}", ours["coefficients"][at], used.params[at], tolerance)
    level, slope = np.array([0, 0, 1, 0]), np.array([0, 0, 0, 1])
    for name, c in ("effect", contrast), ("level", level), ("slope", slope):
        error = np.sqrt(c @ used.cov_params() @ c)
        check_estimate(check, f"{what} {name}", ours[name], c @ used.params, error, len(y) - 4, alpha, tolerance)


def compare(check, what, ours, values, treated, alpha):
    values, treated = np.array(values), np.array(treated)
    fit = sm.OLS(values, sm.add_constant(treated.astype(float))).fit()
    check_estimate(check, what, ours["estimate"], fit.params[1], fit.bse[1], len(values) - 2, alpha)
    test = stats.ttest_ind(values[treated], values[~treated])
    check.close(f"{what} t test", ours["estimate"]["p"], test.pvalue)
    n, k = len(values), treated.sum()
    gaps = []
    for chosen in itertools.combinations(range(n), k):
        mask = np.isin(np.arange(n), chosen)
        gaps.append(values[mask].mean() - values[~mask].mean())
    far = np.abs(gaps) >= abs(fit.params[1]) * (1 - 1e-9)
    check.close(f"{what} permutation", ours["p_permutation"], far.mean())


def difference(check, what, case):
    ours, alpha = case["found"], case["alpha"]
    deltas, slopes, treated = [], [], []
    for unit in case["units"]:
        days = np.array([point["days"] for point in unit["points"]])
        y = np.array([point["value"] for point in unit["points"]])
        deltas.append(y[days >= 0].mean() - y[days < 0].mean())
        slopes.append(np.polyfit(days[days < 0], y[days < 0], 1)[0])
        treated.append(unit["treated"])
    compare(check, f"{what} effect", ours["effect"], deltas, treated, alpha)
    compare(check, f"{what} trend before", ours["pretrend"], slopes, treated, alpha)


def many(check, what, case):
    values, treated = np.array(case["values"]), np.array(case["treated"])
    test = stats.ttest_ind(values[treated], values[~treated])
    check.close(f"{what} p", case["found"]["estimate"]["p"], test.pvalue)
    # Nine thousand draws are right to a few hundredths of the root of p.
    check.close(f"{what} drawn", case["found"]["p_permutation"], test.pvalue, 0.02)


def distribution(check, what, case):
    for row in case["t"]:
        name = f"{what} t of {row['degrees']} at {row['t']}"
        check.close(name, row["two_sided"], 2 * stats.t.sf(row["t"], row["degrees"]))
        check.close(f"{name} quantile", row["quantile"], stats.t.ppf(0.975, row["degrees"]))
        check.close(f"{name} 80 %", row["quantile_80"], stats.t.ppf(0.8, row["degrees"]))
    for row in case["fisher"]:
        a, b, c, d = row["table"]
        check.close(f"{what} Fisher {row['table']}", row["p"], stats.fisher_exact([[a, b - a], [c, d - c]]).pvalue)
    corrected = multipletests(case["holm"]["p"], method="holm")[1]
    for ours, theirs in zip(case["holm"]["corrected"], corrected):
        check.close(f"{what} Holm", ours, theirs)


def run(document):
    check = Checker()
    for at, case in enumerate(document["interrupted"]):
        interrupted(check, f"interrupted {at}", case)
    for at, case in enumerate(document["difference"]):
        difference(check, f"difference {at}", case)
    many(check, "many", document["many"])
    distribution(check, "distribution", document["distribution"])
    return check


def planted(document):
    """Copies of the document with one number of each part off."""
    places = {
        "effect": lambda d: (d["interrupted"][2]["found"]["effect"], "standard_error"),
        "plain": lambda d: (d["interrupted"][0]["found"]["level"], "high"),
        "Newey-West": lambda d: (d["interrupted"][3]["found"], "newey_west_standard_error"),
        "rho": lambda d: (d["interrupted"][4]["found"], "rho"),
        "difference": lambda d: (d["difference"][1]["found"]["effect"]["estimate"], "low"),
        "permutation": lambda d: (d["difference"][2]["found"]["pretrend"], "p_permutation"),
        "many": lambda d: (d["many"]["found"]["estimate"], "p"),
        "t": lambda d: (d["distribution"]["t"][7], "two_sided"),
        "Fisher": lambda d: (d["distribution"]["fisher"][2], "p"),
        "Holm": lambda d: (d["distribution"]["holm"]["corrected"], 2),
    }
    for name, place in places.items():
        wrong = copy.deepcopy(document)
        where, key = place(wrong)
        where[key] += 1e-3 if name == "rho" else 1e-6
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
