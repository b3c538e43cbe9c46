"""The statistics of the notebooks: pure functions of numbers, with no store and no figure.

A result that cannot be had is `None`, never zero. Every function here is compared with an independent computation by
`test_overgrant.py`.
"""

from __future__ import annotations

import heapq
import itertools
import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy import optimize  # type: ignore[import-untyped]
from scipy import stats as distributions

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]

BASELINE_POINTS = 20
"""Points of the baseline phase of a control chart; with fewer, limits are provisional (docs/history.md)."""


# --- Concentration ---------------------------------------------------------------------------------------------------


def lorenz(values: Iterable[float]) -> tuple[Floats, Floats]:
    """Shares of the population (poorest first) and of the total that they hold, both from 0 to 1."""
    held = np.sort(np.asarray(list(values), dtype=float))
    if held.size == 0 or held.sum() <= 0 or held[0] < 0:
        return np.empty(0), np.empty(0)
    return np.arange(held.size + 1) / held.size, np.concatenate([[0.0], held.cumsum() / held.sum()])


def gini(values: Iterable[float]) -> float | None:
    """Gini coefficient: 0 when all hold the same, near 1 when one holds everything. None when nothing is held.

    Twice the area between the diagonal and the Lorenz curve, which is the mean absolute difference of all pairs over
    twice the mean.
    """
    people, total = lorenz(values)
    return None if people.size == 0 else float(1.0 - 2.0 * np.trapezoid(total, people))


def top_share(values: Iterable[float], part: float = 0.1) -> float | None:
    """Share of the total that the richest part holds; a part of a principal counts in proportion."""
    people, total = lorenz(values)
    return None if people.size == 0 else float(1.0 - np.interp(1.0 - part, people, total))


# --- Control charts --------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Chart:
    """An EWMA chart whose limits were frozen after the baseline phase."""

    centre: float
    sigma: float
    smoothed: Floats
    low: Floats
    high: Floats
    provisional: bool

    @property
    def signals(self) -> Bools:
        """Points outside the limits, rounding allowed for."""
        slack = 1e-9 * np.maximum(1.0, np.abs(self.smoothed))
        return (self.smoothed < self.low - slack) | (self.smoothed > self.high + slack)


def ewma(values: Sequence[float], weight: float = 0.2, width: float = 3.0) -> Chart | None:
    """The chart of docs/history.md; None for fewer than two points. Without variation each point is compared itself."""
    points = np.asarray(values, dtype=float)
    baseline = points[:BASELINE_POINTS]
    if baseline.size < 2:
        return None
    centre, sigma = float(baseline.mean()), float(baseline.std(ddof=1))
    if sigma <= 1e-12 * max(1.0, abs(centre)):
        flat = np.full(points.size, centre)
        return Chart(centre, 0.0, points, flat, flat, points.size < BASELINE_POINTS)
    smoothed, before = np.empty(points.size), centre
    for at, value in enumerate(points):
        before = smoothed[at] = weight * value + (1 - weight) * before
    steps = np.arange(1, points.size + 1)
    half = width * sigma * np.sqrt(weight / (2 - weight) * (1 - (1 - weight) ** (2 * steps)))
    return Chart(centre, sigma, smoothed, centre - half, centre + half, points.size < BASELINE_POINTS)


def wilson(k: float, n: float) -> tuple[float, float]:
    """Wilson's interval at 95 % of a share k of n, 0 to 1."""
    z2 = 1.959963984540054**2
    centre, half = (k + z2 / 2) / (n + z2), math.sqrt(z2) / (n + z2) * math.sqrt(k * (n - k) / n + z2 / 4)
    return centre - half, centre + half


def newcombe(k1: float, n1: float, k2: float, n2: float) -> tuple[float, float] | None:
    """Interval at 95 % of the change from a share k1 of n1 to k2 of n2 (Newcombe 1998, method 10); None of nobody."""
    if n1 <= 0 or n2 <= 0:
        return None
    (l1, u1), (l2, u2), p1, p2 = wilson(k1, n1), wilson(k2, n2), k1 / n1, k2 / n2
    return p2 - p1 - math.hypot(p2 - l2, u1 - p1), p2 - p1 + math.hypot(u2 - p2, p1 - l1)


# --- Survival --------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Spell:
    """How long a finding was open. `ended` is false for one that still is (right-censored)."""

    fingerprint: str
    rule: str
    severity: str
    days: float
    ended: bool
    prevalent: bool
    """Whether it was already there at the first scan, so that it began earlier than is known."""


def spells(findings: pl.DataFrame, scans: Sequence[datetime]) -> list[Spell]:
    """Follows findings through snapshots as docs/history.md does; `scans` are the times of all of them, oldest first.

    `findings` has `as_of fingerprint rule severity state first_seen`. A finding that comes back begins anew; an end is
    dated by the scan that shows it.
    """
    rows = findings.filter(pl.col("state") != "absent")
    by_scan = {scan: part for (scan,), part in rows.partition_by("as_of", as_dict=True).items()}
    running: dict[str, tuple[datetime, Mapping[str, str], bool]] = {}
    done: list[Spell] = []

    def close(name: str, at: datetime, ended: bool) -> None:
        since, row, prevalent = running[name]
        days = max(0.0, (at - since).total_seconds() / 86_400)
        done.append(Spell(name, row["rule"], row["severity"], days, ended, prevalent))

    for number, scan in enumerate(scans):
        part = by_scan.get(scan)
        there = {} if part is None else {row["fingerprint"]: row for row in part.iter_rows(named=True)}
        for name in sorted(running.keys() - there.keys()):
            close(name, scan, True)
            del running[name]
        for name, row in there.items():
            if name in running:
                running[name] = (running[name][0], row, running[name][2])
            else:
                since = scan if row["state"] == "reopened" else min(row["first_seen"], scan)
                running[name] = (since, row, number == 0)
    for name in sorted(running):
        close(name, scans[-1], False)
    return done


@dataclass(frozen=True)
class Survival:
    """A Kaplan–Meier estimate. Steps are the times at which something ended."""

    days: Floats
    at_risk: Floats
    ended: Floats
    share: Floats
    low: Floats
    high: Floats
    n: int
    median: float | None
    """First time at which half or fewer are left; None when that was not reached."""

    def at(self, day: float) -> float:
        """Share that is left after so many days."""
        place = int(np.searchsorted(self.days, day, side="right"))
        return 1.0 if place == 0 else float(self.share[place - 1])


def kaplan_meier(days: Sequence[float], ended: Sequence[bool]) -> Survival | None:
    """Share left by time, with the 95 % interval on the scale ln(−ln S) by Greenwood; None of nothing.

    Interval ends are NaN where they cannot be told (no one is left).
    """
    length, over = np.asarray(days, dtype=float), np.asarray(ended, dtype=bool)
    if length.size == 0:
        return None
    steps = np.unique(length[over])
    at_risk = np.array([(length >= step).sum() for step in steps], dtype=float)
    gone = np.array([(length[over] == step).sum() for step in steps], dtype=float)
    share = np.cumprod(1 - gone / at_risk)
    with np.errstate(divide="ignore", invalid="ignore"):
        greenwood = np.cumsum(gone / (at_risk * (at_risk - gone)))
        spread = 1.959963984540054 * np.sqrt(greenwood) / np.log(share)
        low, high = share ** np.exp(-spread), share ** np.exp(spread)
    known = (share > 0) & (share < 1)
    low, high = np.where(known, low, np.nan), np.where(known, high, np.nan)
    half = steps[share <= 0.5 + 1e-12]
    median = float(half[0]) if half.size else None
    return Survival(steps, at_risk, gone, share, low, high, int(length.size), median)


# --- Effects ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Effect:
    """What an intervention seems to have done, and how small an effect could have been seen at all."""

    estimate: float
    low: float | None
    high: float | None
    p: float | None
    detectable: float | None
    """Effect that would be found with 80 % power at 5 %."""
    method: str
    fitted: Floats = field(default_factory=lambda: np.empty(0))
    without: Floats = field(default_factory=lambda: np.empty(0))
    """The fit continued as if nothing had happened."""


def verdict(effect: Effect | None, better: str = "lower") -> str:
    """`improved`, `worse`, `no evidence` or `not measurable`."""
    if effect is None or effect.low is None or effect.high is None:
        return "not measurable"
    if effect.low <= 0 <= effect.high or abs(effect.estimate) < 1e-9:
        return "no evidence"
    return "improved" if (effect.estimate < 0) == (better == "lower") else "worse"


POINTS_EACH_SIDE = 4
"""Scans that are needed before and after: two for a line, and two that can contradict it."""
REML_POINTS = 12
"""From this many points on, the correlation of neighbours is estimated too."""


def interrupted(days: Sequence[float], values: Sequence[float], start: float) -> Effect | None:
    """Interrupted time series: level and slope before and after `start`; the effect is the distance at the last point.

    Ordinary least squares under 12 points, restricted maximum likelihood with first-order autocorrelation from there
    on. None with fewer than four points on either side.
    """
    t, y = np.asarray(days, dtype=float), np.asarray(values, dtype=float)
    after = t >= start
    if min(int(after.sum()), int((~after).sum())) < POINTS_EACH_SIDE:
        return None
    design = np.column_stack([np.ones(t.size), t - start, after, np.where(after, t - start, 0.0)])
    contrast = np.array([0.0, 0.0, 1.0, t[-1] - start])
    # Gaps of a typical scan interval, so that scans that are further apart are less alike.
    gap = float(np.median(np.diff(t)))
    lags = np.abs(t[:, None] - t[None, :]) / gap
    rho = reml_correlation(design, y, lags) if t.size >= REML_POINTS else 0.0
    beta, covariance = generalised_least_squares(design, y, rho**lags)
    error = math.sqrt(max(0.0, float(contrast @ covariance @ contrast)))
    estimate, freedom = float(contrast @ beta), t.size - design.shape[1]
    quantile = float(distributions.t.ppf(0.975, freedom))
    power = float(distributions.t.ppf(0.8, freedom))
    p = float(2 * distributions.t.sf(abs(estimate) / error, freedom)) if error > 0 else None
    before_only = design * np.array([1.0, 1.0, 0.0, 0.0])
    return Effect(
        estimate,
        estimate - quantile * error,
        estimate + quantile * error,
        p,
        (quantile + power) * error,
        f"restricted maximum likelihood, autocorrelation {rho:.2f}" if t.size >= REML_POINTS else "least squares",
        design @ beta,
        before_only @ beta,
    )


def generalised_least_squares(design: Floats, y: Floats, correlation: Floats) -> tuple[Floats, Floats]:
    """Coefficients and their covariance, for errors of a known correlation and unknown size."""
    inverse = np.linalg.inv(correlation)
    core = np.linalg.inv(design.T @ inverse @ design)
    beta = core @ design.T @ inverse @ y
    rest = y - design @ beta
    return beta, core * float(rest @ inverse @ rest) / (y.size - design.shape[1])


def reml_criterion(rho: float, design: Floats, y: Floats, lags: Floats) -> float:
    """Minus twice the restricted log-likelihood of a correlation rho^lag, up to a constant."""
    correlation = rho**lags
    inverse = np.linalg.inv(correlation)
    core = design.T @ inverse @ design
    beta = np.linalg.solve(core, design.T @ inverse @ y)
    rest = y - design @ beta
    freedom = y.size - design.shape[1]
    size = max(float(rest @ inverse @ rest) / freedom, 1e-300)
    return float(freedom * math.log(size) + np.linalg.slogdet(correlation)[1] + np.linalg.slogdet(core)[1])


def reml_correlation(design: Floats, y: Floats, lags: Floats) -> float:
    """Correlation of neighbours, from 0 to 0.95. A negative one would make intervals narrower, so 0 is the least."""
    plain = y - design @ np.linalg.lstsq(design, y, rcond=None)[0]
    if float(np.abs(plain).max()) <= 1e-9 * max(1.0, float(np.abs(y).max())):
        return 0.0
    found = optimize.minimize_scalar(reml_criterion, bounds=(0.0, 0.95), method="bounded", args=(design, y, lags))
    at_zero = reml_criterion(0.0, design, y, lags)
    return 0.0 if at_zero <= float(found.fun) else float(found.x)


DRAWS = 20_000
"""Assignments that permutation inference looks at, at most; all of them when there are no more."""


def difference_in_differences(changes: Mapping[str, float], treated: set[str]) -> Effect | None:
    """Mean change of the treated units less that of the others, judged by every other way to choose the treated ones.

    None without a treated or an untreated unit. `low` and `high` are None when there are so few units that even the
    most extreme assignment would not be rare (its p is above 0.05): then no result could have been evidence.
    """
    names = sorted(changes)
    chosen = [at for at, name in enumerate(names) if name in treated]
    if not chosen or len(chosen) == len(names):
        return None
    values = np.array([changes[name] for name in names])
    estimate = contrast_of(values, chosen)
    ways = math.comb(len(names), len(chosen))
    assignments: Iterable[Sequence[int]]
    if ways <= DRAWS:
        assignments = itertools.combinations(range(len(names)), len(chosen))
        how = f"all {ways:,} assignments"
    else:
        random = np.random.default_rng(20261122)
        drawn = (random.choice(len(names), len(chosen), replace=False).tolist() for _ in range(DRAWS - 1))
        assignments = itertools.chain([chosen], drawn)
        how = f"{DRAWS:,} of {ways:,} assignments, fixed seed"
    null = np.array([contrast_of(values, one) for one in assignments])
    p = float((np.abs(null) >= abs(estimate) - 1e-12).mean())
    # Choosing the other half instead turns the sign alone, so that two assignments are equally extreme.
    rarest = (2 if 2 * len(chosen) == len(names) else 1) / ways
    possible = rarest <= 0.05
    spread = float(null.std())
    # What is above it has a p of 0.05 at most.
    half = float(np.sort(np.abs(null))[::-1][int(0.05 * null.size)])
    return Effect(
        estimate,
        estimate - half if possible else None,
        estimate + half if possible else None,
        p,
        (1.959963984540054 + 0.8416212335729143) * spread if possible else None,
        f"permutation, {how}",
    )


def contrast_of(values: Floats, chosen: Sequence[int]) -> float:
    """Mean of the chosen values less the mean of the others."""
    mask = np.zeros(values.size, dtype=bool)
    mask[list(chosen)] = True
    return float(values[mask].mean() - values[~mask].mean())


# --- Attribution -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Attribution:
    """A change of a sum, by who made it. The five parts add up to it."""

    before: float
    after: float
    raised: float
    """By principals in both snapshots whose part grew."""
    lowered: float
    """By principals in both snapshots whose part shrank; 0 or negative."""
    entry: float
    exit: float
    """By principals that are gone; 0 or negative."""
    stayed_n: int
    entered_n: int
    left_n: int

    @property
    def within(self) -> float:
        """By principals in both snapshots, up and down together."""
        return self.raised + self.lowered

    @property
    def change(self) -> float:
        return self.after - self.before


def attribute(before: Mapping[str, float], after: Mapping[str, float]) -> Attribution:
    """Attributes the change of a sum of non-negative parts to those who stayed, came and left."""
    stayed = sorted(before.keys() & after.keys())
    moves = [after[name] - before[name] for name in stayed]
    came, left = sorted(after.keys() - before.keys()), sorted(before.keys() - after.keys())
    return Attribution(
        before=math.fsum(before.values()),
        after=math.fsum(after.values()),
        raised=math.fsum(move for move in moves if move > 0),
        lowered=math.fsum(move for move in moves if move < 0),
        entry=math.fsum(after[name] for name in came),
        exit=-math.fsum(before[name] for name in left),
        stayed_n=len(stayed),
        entered_n=len(came),
        left_n=len(left),
    )


# --- Reach -----------------------------------------------------------------------------------------------------------


def upstream(
    edges: Iterable[tuple[int, int]], targets: Iterable[int], without: frozenset[int] = frozenset()
) -> set[int]:
    """Nodes from which a target can be reached, the targets included; nothing passes through `without`."""
    sources: dict[int, list[int]] = {}
    for src, dst in edges:
        sources.setdefault(dst, []).append(src)
    seen = {target for target in targets if target not in without}
    queue = list(seen)
    while queue:
        for src in sources.get(queue.pop(), ()):
            if src not in seen and src not in without:
                seen.add(src)
                queue.append(src)
    return seen


def greedy_cover(sets: Mapping[str, frozenset[int]], budget: int) -> list[tuple[str, int]]:
    """Picks, one after another, the set that adds most, and how much it adds. Ties go to the first name.

    What `k` picks cover is at least 1 − 1/e of what any `k` sets cover (Nemhauser, Wolsey, Fisher 1978).
    """
    left = dict(sorted(sets.items()))
    covered: set[int] = set()
    picks: list[tuple[str, int]] = []
    while left and len(picks) < budget:
        name = max(left, key=lambda one: len(left[one] - covered))
        gain = len(left.pop(name) - covered)
        if gain == 0:
            break
        covered |= sets[name]
        picks.append((name, gain))
    return picks


# --- Roles -----------------------------------------------------------------------------------------------------------


def mine_roles(matrix: Bools, candidates_max: int = 20_000) -> list[tuple[Bools, Bools]]:
    """Roles (members, permissions) that cover the ones of a matrix exactly, most useful first.

    Candidates are the distinct rows and their pairwise intersections, as in FastMiner (Vaidya, Atluri, Warner 2006);
    a greedy cover chooses among them. Every role's members have all of its permissions, so nothing is added.
    """
    rows = np.unique(matrix[matrix.any(axis=1)], axis=0)
    if rows.size == 0:
        return []
    candidates = {row.tobytes(): row for row in rows}
    for a, b in itertools.combinations(range(len(rows)), 2):
        if len(candidates) >= candidates_max:
            break
        both = rows[a] & rows[b]
        if both.any():
            candidates.setdefault(both.tobytes(), both)
    permissions = np.array(list(candidates.values()))
    width = permissions.sum(axis=1)
    # A gain never grows while others are chosen, so that the best of the outdated ones need only be looked at again.
    heap = [(-int(members_of(matrix, one).sum() * width[at]), int(width[at]), at) for at, one in enumerate(permissions)]
    heapq.heapify(heap)
    uncovered, roles = matrix.copy(), []
    while uncovered.any():
        promised, size, at = heapq.heappop(heap)
        members = members_of(matrix, permissions[at])
        gain = int(uncovered[np.ix_(members, permissions[at])].sum())
        if gain < -promised:
            heapq.heappush(heap, (-gain, size, at))
            continue
        roles.append((members, permissions[at]))
        uncovered[np.ix_(members, permissions[at])] = False
    return roles


def members_of(matrix: Bools, permissions: Bools) -> Bools:
    """Rows that have all of the permissions."""
    return np.asarray(matrix[:, permissions].all(axis=1))


# --- Sensitivity -----------------------------------------------------------------------------------------------------


COMPONENTS = ("escalation", "excess", "credential", "orphan")
"""Components of the risk index."""
WEIGHT_MAX = 0.99
"""Largest weight that a configuration may have."""


def parse_shares(shares: pl.Series) -> Floats:
    """The column `scores.shares` as a matrix: a row a principal, a column a component of `COMPONENTS`."""
    read = [dict(part.split("=", 1) for part in row) for row in shares.to_list()]
    unknown = sorted({name for row in read for name in row} - set(COMPONENTS))
    if unknown:
        raise ValueError(f"the store has components that this notebook does not know: {', '.join(unknown)}")
    return np.array([[float(row.get(name, 0.0)) for name in COMPONENTS] for row in read]).reshape(-1, len(COMPONENTS))


def recover_weights(shares: Floats, headlines: Floats) -> list[float | None]:
    """Weights with which a store was scored: a = (1 − e^−share) / x, where x is known and above 0.

    `headlines` are the scores 0 to 100, NaN where unknown. None for a component that nobody has; an error when the
    principals disagree, for then the two columns do not belong together.
    """
    weights: list[float | None] = []
    for column, name in enumerate(COMPONENTS):
        x = headlines[:, column] / 100
        usable = np.isfinite(x) & (x > 1e-6)
        if not usable.any():
            weights.append(None)
            continue
        each = -np.expm1(-shares[usable, column]) / x[usable]
        if float(np.ptp(each)) > 1e-6:
            raise ValueError(f"the shares of {name} do not follow from its scores by one weight")
        weights.append(float(np.median(each)))
    return weights


def risk(parts: Floats, factors: Floats) -> Floats:
    """The index for weights that are multiplied by `factors`; `parts` are a·x, one column a component."""
    return np.asarray(100 * -np.expm1(np.log1p(-np.clip(parts * factors, 0.0, WEIGHT_MAX)).sum(axis=1)))


def kendall(a: Floats, b: Floats) -> float | None:
    """Kendall's tau-b: 1 for the same order, −1 for the reverse; None when one of the two does not vary."""
    tau = float(distributions.kendalltau(a, b).statistic) if a.size > 1 else math.nan
    return tau if math.isfinite(tau) else None


def top_overlap(a: Floats, b: Floats, k: int) -> float | None:
    """Share of the `k` highest of `a` that are among the `k` highest of `b`; ties go by place. None for no one."""
    k = min(k, a.size)
    if k == 0:
        return None
    top = [set(np.argsort(-values, kind="stable")[:k].tolist()) for values in (a, b)]
    return len(top[0] & top[1]) / k
