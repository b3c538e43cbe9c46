"""Compares what the notebooks compute with what others compute: lifelines, statsmodels, pandas, scipy, brute force.

    OVERGRANT_STORE=STORE python -m unittest discover notebooks

Without OVERGRANT_STORE, the comparisons of a store with the engine's own numbers are skipped.
"""

from __future__ import annotations

import itertools
import json
import math
import os
import tempfile
import unittest
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pandas as pd
import polars as pl
import statsmodels.api as sm
from lifelines import KaplanMeierFitter
from scipy.linalg import null_space
from scipy.stats import multivariate_normal
from statsmodels.stats.proportion import confint_proportions_2indep, proportion_confint

import overgrant_figures as figures
import overgrant_stats as stats
import run
from overgrant_store import Snapshot, Store, StoreError

DAY = timedelta(days=1)
START = datetime(2026, 9, 6, tzinfo=UTC)


class Concentration(unittest.TestCase):
    def test_by_hand(self) -> None:
        self.assertAlmostEqual(stats.gini([5, 5, 5, 5]), 0.0)
        self.assertAlmostEqual(stats.gini([0, 0, 0, 1]), 0.75)
        self.assertAlmostEqual(stats.top_share([1] * 9 + [91], 0.1), 0.91)
        # A tenth of four principals is four tenths of the richest one.
        self.assertAlmostEqual(stats.top_share([0, 0, 0, 8], 0.1), 0.4)

    def test_by_all_pairs(self) -> None:
        random = np.random.default_rng(1)
        for size in (2, 3, 17, 80):
            values = random.pareto(1.3, size) * random.integers(0, 2, size) + 0.01 * random.integers(0, 2, size)
            values[0] += 1
            pairs = np.abs(values[:, None] - values[None, :]).mean()
            self.assertAlmostEqual(stats.gini(values), pairs / (2 * values.mean()), places=12)

    def test_nothing_held_is_no_number(self) -> None:
        self.assertIsNone(stats.gini([]))
        self.assertIsNone(stats.gini([0, 0]))
        self.assertIsNone(stats.top_share([0.0]))


class Charts(unittest.TestCase):
    def test_against_pandas(self) -> None:
        values = np.random.default_rng(2).normal(10, 2, 30)
        chart = stats.ewma(values.tolist())
        centre, sigma = values[:20].mean(), values[:20].std(ddof=1)
        smoothed = pd.Series(np.concatenate([[centre], values])).ewm(alpha=0.2, adjust=False).mean().to_numpy()[1:]
        np.testing.assert_allclose(chart.smoothed, smoothed, atol=1e-12)
        # The limits settle at L σ √(λ / (2 − λ)).
        self.assertAlmostEqual(chart.high[-1] - centre, 3 * sigma / 3, places=4)
        self.assertFalse(chart.provisional)

    def test_a_flat_baseline_is_broken_by_one_point(self) -> None:
        chart = stats.ewma([3.0] * 20 + [3.0, 4.0, 3.0])
        self.assertEqual(np.flatnonzero(chart.signals).tolist(), [21])
        self.assertIsNone(stats.ewma([1.0]))
        self.assertTrue(stats.ewma([1.0, 2.0]).provisional)


class Shares(unittest.TestCase):
    def test_against_statsmodels(self) -> None:
        for k1, n1, k2, n2 in [(5, 50, 9, 60), (0, 10, 0, 12), (56, 70, 48, 80), (10, 10, 0, 20)]:
            low, high = proportion_confint(k1, n1, method="wilson")
            np.testing.assert_allclose(stats.wilson(k1, n1), (low, high), atol=1e-12)
            # Theirs is the first share less the second; the change goes the other way.
            theirs = confint_proportions_2indep(k2, n2, k1, n1, compare="diff", method="newcomb", correction=False)
            np.testing.assert_allclose(stats.newcombe(k1, n1, k2, n2), theirs, atol=1e-12)
        self.assertIsNone(stats.newcombe(0, 0, 1, 2))


class SurvivalTimes(unittest.TestCase):
    def test_against_lifelines(self) -> None:
        random = np.random.default_rng(3)
        for size in (1, 2, 7, 60, 300):
            days = random.integers(0, 12, size) * 7.0
            ended = random.random(size) < 0.6
            ours = stats.kaplan_meier(days.tolist(), ended.tolist())
            fitter = KaplanMeierFitter(alpha=0.05).fit(days, event_observed=ended)
            theirs = fitter.survival_function_at_times(ours.days).to_numpy() if ours.days.size else np.empty(0)
            np.testing.assert_allclose(ours.share, theirs, atol=1e-12)
            bounds = fitter.confidence_interval_
            for day, share, low, high in zip(ours.days, ours.share, ours.low, ours.high):
                if 0 < share < 1:
                    np.testing.assert_allclose((low, high), bounds.loc[day].to_numpy(), atol=1e-9)
            median = fitter.median_survival_time_
            self.assertEqual(ours.median, median if math.isfinite(median) else None)
            for day in (0.0, 6.9, 28.0, 500.0):
                self.assertAlmostEqual(ours.at(day), float(fitter.survival_function_at_times(day).iloc[0]))

    def test_of_nothing(self) -> None:
        self.assertIsNone(stats.kaplan_meier([], []))
        self.assertIsNone(stats.kaplan_meier([3.0], [False]).median)

    def test_findings_are_followed_through_scans(self) -> None:
        weeks = [START + 7 * n * DAY for n in range(4)]
        rows = [
            # name, week, state, days before the first scan at which it was first seen
            ("a", 0, "new", 0), ("a", 1, "absent", 0), ("a", 2, "reopened", 0), ("a", 3, "absent", 0),
            ("b", 0, "new", 5), ("b", 1, "unchanged", 5), ("b", 2, "updated", 5), ("b", 3, "unchanged", 5),
            ("c", 1, "new", -7),
        ]  # fmt: skip
        table = pl.DataFrame(
            [
                {
                    "as_of": weeks[week],
                    "fingerprint": name,
                    "rule": "r",
                    "severity": "low",
                    "state": state,
                    "first_seen": START - before * DAY,
                }
                for name, week, state, before in rows
            ]
        )
        found = sorted((s.fingerprint, s.days, s.ended, s.prevalent) for s in stats.spells(table, weeks))
        # `a` ends a week after the first scan, comes back and ends again; `b` is open since 5 days before; `c`'s row is gone.
        self.assertEqual(
            found, [("a", 7.0, True, False), ("a", 7.0, True, True), ("b", 26.0, False, True), ("c", 7.0, True, False)]
        )


class Effects(unittest.TestCase):
    def design(self, t: np.ndarray, start: float) -> np.ndarray:
        after = (t >= start).astype(float)
        return np.column_stack([np.ones(t.size), t, after, after * (t - start)])

    def test_least_squares_against_statsmodels(self) -> None:
        random = np.random.default_rng(4)
        t = np.arange(0, 70, 7.0)
        y = 20 + 0.1 * t - 3 * (t >= 35) + random.normal(0, 1, t.size)
        effect = stats.interrupted(t.tolist(), y.tolist(), 35)
        fit = sm.OLS(y, self.design(t, 35)).fit().t_test([0, 0, 1, t[-1] - 35])
        self.assertAlmostEqual(effect.estimate, float(fit.effect[0]))
        np.testing.assert_allclose((effect.low, effect.high), fit.conf_int()[0], atol=1e-9)
        self.assertAlmostEqual(effect.p, float(fit.pvalue))
        self.assertEqual(effect.method, "least squares")

    def test_restricted_likelihood_against_error_contrasts(self) -> None:
        """REML is the likelihood of what is left of y in directions that the design does not see."""
        random = np.random.default_rng(5)
        t = np.arange(0, 140, 7.0)
        noise = [0.0]
        for _ in t[1:]:
            noise.append(0.7 * noise[-1] + random.normal())
        y = 5 + np.array(noise)
        design = self.design(t, 70)
        lags = np.abs(t[:, None] - t[None, :]) / 7
        seen = null_space(design.T)

        def minus_twice(rho: float) -> float:
            covariance = seen.T @ rho**lags @ seen
            rest = seen.T @ y
            size = rest @ np.linalg.solve(covariance, rest) / rest.size
            return -2 * multivariate_normal(np.zeros(rest.size), size * covariance).logpdf(rest)

        grid = np.linspace(0, 0.95, 381)
        best = grid[int(np.argmin([minus_twice(rho) for rho in grid]))]
        found = stats.reml_correlation(design, y, lags)
        self.assertAlmostEqual(found, best, delta=0.003)
        effect = stats.interrupted(t.tolist(), y.tolist(), 70)
        fit = sm.GLS(y, design, sigma=found**lags).fit().t_test([0, 0, 1, t[-1] - 70])
        self.assertAlmostEqual(effect.estimate, float(fit.effect[0]), places=8)
        np.testing.assert_allclose((effect.low, effect.high), fit.conf_int()[0], atol=1e-8)

    def test_verdicts(self) -> None:
        t = np.arange(0, 70, 7.0).tolist()
        fall = [10 + (0.01 if n % 2 else -0.01) - 4 * (n >= 5) for n in range(10)]
        self.assertEqual(stats.verdict(stats.interrupted(t, fall, 35)), "improved")
        self.assertEqual(stats.verdict(stats.interrupted(t, [-v for v in fall], 35)), "worse")
        self.assertEqual(stats.verdict(stats.interrupted(t, [1, 3, 1, 3, 2, 1, 3, 1, 3, 2], 35)), "no evidence")
        self.assertEqual(stats.verdict(stats.interrupted(t, [7.0] * 10, 35)), "no evidence")
        self.assertEqual(stats.verdict(stats.interrupted(t, fall, 21)), "not measurable")
        self.assertEqual(stats.verdict(None), "not measurable")

    def test_too_few_units_are_not_measurable(self) -> None:
        effect = stats.difference_in_differences({"a": -5.0, "b": 0.0, "c": 0.1}, {"a"})
        self.assertAlmostEqual(effect.estimate, -5.05)
        self.assertEqual(stats.verdict(effect), "not measurable")
        self.assertIsNone(stats.difference_in_differences({"a": 1.0}, {"a"}))
        self.assertIsNone(stats.difference_in_differences({"a": 1.0, "b": 2.0}, {"c"}))

    def test_permutation_by_hand(self) -> None:
        changes = {"a": -9.0, "b": -8.0, "c": 0.0, "d": 1.0, "e": 0.5, "f": -0.5, "g": 0.2}
        effect = stats.difference_in_differences(changes, {"a", "b"})
        self.assertAlmostEqual(effect.estimate, -8.5 - 1.2 / 5)
        # Of 21 ways to choose two of seven, only this one is as extreme.
        self.assertAlmostEqual(effect.p, 1 / 21)
        self.assertEqual(stats.verdict(effect), "improved")
        self.assertEqual(stats.verdict(stats.difference_in_differences(changes, {"c", "f"})), "no evidence")


class Attribution(unittest.TestCase):
    def test_parts_add_up_as_pandas_has_them(self) -> None:
        random = np.random.default_rng(6)
        for _ in range(20):
            before = {f"p{n}": float(random.integers(0, 50)) for n in random.choice(40, 25, replace=False)}
            after = {f"p{n}": float(random.integers(0, 50)) for n in random.choice(40, 20, replace=False)}
            ours = stats.attribute(before, after)
            both = pd.DataFrame({"a": pd.Series(before), "b": pd.Series(after)})
            stayed = both.dropna()
            self.assertAlmostEqual(ours.within, (stayed["b"] - stayed["a"]).sum())
            self.assertAlmostEqual(ours.entry, both[both["a"].isna()]["b"].sum())
            self.assertAlmostEqual(ours.exit, -both[both["b"].isna()]["a"].sum())
            self.assertAlmostEqual(ours.raised + ours.lowered + ours.entry + ours.exit, ours.change)


class Reach(unittest.TestCase):
    def test_against_the_closure_of_the_matrix(self) -> None:
        random = np.random.default_rng(7)
        for _ in range(20):
            n = 12
            graph = random.random((n, n)) < 0.12
            edges = [(int(a), int(b)) for a, b in zip(*np.nonzero(graph))]
            for without in (frozenset(), frozenset({3})):
                cut = graph.copy()
                cut[list(without), :] = cut[:, list(without)] = False
                closure = np.eye(n, dtype=bool)
                for _ in range(n):
                    closure |= closure @ cut
                expected = {a for a in range(n) if closure[a, [0, 1]].any()} - without
                self.assertEqual(stats.upstream(edges, [0, 1], without), expected)

    def test_a_plan_is_as_good_as_promised(self) -> None:
        random = np.random.default_rng(8)
        for _ in range(20):
            sets = {
                f"s{n}": frozenset(random.choice(20, int(random.integers(1, 7)), replace=False).tolist())
                for n in range(9)
            }
            picks = stats.greedy_cover(sets, 3)
            got = set().union(*(sets[name] for name, _ in picks))
            self.assertEqual(sum(gain for _, gain in picks), len(got))
            best = max(len(set().union(*choice)) for choice in itertools.combinations(sets.values(), 3))
            self.assertGreaterEqual(len(got), (1 - 1 / math.e) * best)


class Roles(unittest.TestCase):
    def test_two_roles_by_hand(self) -> None:
        matrix = np.array([[1, 1, 0, 0], [1, 1, 0, 0], [0, 0, 1, 1], [1, 1, 1, 1], [0, 0, 0, 0]], dtype=bool)
        roles = stats.mine_roles(matrix)
        self.assertEqual(len(roles), 2)
        self.assertEqual([int(members.sum()) for members, _ in roles], [3, 2])

    def test_the_roles_give_what_there_is_and_nothing_else(self) -> None:
        random = np.random.default_rng(9)
        for shape in [(1, 1), (5, 9), (40, 25)]:
            matrix = random.random(shape) < 0.3
            given = np.zeros_like(matrix)
            for members, permissions in stats.mine_roles(matrix):
                given |= np.outer(members, permissions)
            np.testing.assert_array_equal(given, matrix)
        self.assertEqual(stats.mine_roles(np.zeros((3, 4), dtype=bool)), [])

    def test_a_limit_on_candidates_costs_roles_and_never_exactness(self) -> None:
        matrix = np.random.default_rng(10).random((30, 20)) < 0.4
        given = np.zeros_like(matrix)
        for members, permissions in stats.mine_roles(matrix, candidates_max=1):
            given |= np.outer(members, permissions)
        np.testing.assert_array_equal(given, matrix)


class Sensitivity(unittest.TestCase):
    weights = np.array([0.85, 0.50, 0.60, 0.40])

    def test_the_index_and_its_weights_are_found_again(self) -> None:
        x = np.random.default_rng(11).random((20, 4))
        x[3, 2] = 0
        rows = [
            [f"{name}={-math.log1p(-a * v)}" for name, a, v in zip(stats.COMPONENTS, self.weights, row)] for row in x
        ]
        shares = stats.parse_shares(pl.Series(rows))
        headlines = 100 * x
        headlines[3, 2] = np.nan
        np.testing.assert_allclose(stats.recover_weights(shares, headlines), self.weights, atol=1e-12)
        parts = -np.expm1(-shares)
        np.testing.assert_allclose(
            stats.risk(parts, np.ones(4)), 100 * (1 - np.prod(1 - self.weights * x, axis=1)), atol=1e-10
        )
        halved = np.array([1, 0.5, 1, 1])
        np.testing.assert_allclose(
            stats.risk(parts, halved), 100 * (1 - np.prod(1 - halved * self.weights * x, axis=1)), atol=1e-10
        )
        headlines[5, 0] /= 2
        with self.assertRaises(ValueError):
            stats.recover_weights(shares, headlines)
        with self.assertRaises(ValueError):
            stats.parse_shares(pl.Series([["novelty=0.1"]]))
        self.assertEqual(stats.recover_weights(np.zeros((1, 4)), np.full((1, 4), np.nan)), [None] * 4)

    def test_tau_by_all_pairs(self) -> None:
        random = np.random.default_rng(12)
        a, b = random.integers(0, 8, 30).astype(float), random.integers(0, 8, 30).astype(float)
        pairs = [(np.sign(a[i] - a[j]), np.sign(b[i] - b[j])) for i, j in itertools.combinations(range(30), 2)]
        score = sum(x * y for x, y in pairs)
        expected = score / math.sqrt(sum(x != 0 for x, _ in pairs) * sum(y != 0 for _, y in pairs))
        self.assertAlmostEqual(stats.kendall(a, b), expected)
        self.assertIsNone(stats.kendall(a, np.ones(30)))

    def test_overlap(self) -> None:
        a = np.array([9.0, 8, 7, 1, 0])
        self.assertAlmostEqual(stats.top_overlap(a, np.array([9.0, 0, 7, 8, 1]), 3), 2 / 3)
        self.assertEqual(stats.top_overlap(a, a, 100), 1.0)
        self.assertIsNone(stats.top_overlap(np.empty(0), np.empty(0), 10))


class Stores(unittest.TestCase):
    def setUp(self) -> None:
        # A folder above the store that looks like a Hive key must not become a column.
        self.folder = tempfile.TemporaryDirectory()
        self.root = Path(self.folder.name) / "env=prod" / "store"

    def tearDown(self) -> None:
        self.folder.cleanup()

    def write(self, snapshot: str, table: str = "metrics", version: str = "1", **columns: list[object]) -> None:
        folder = self.root / f"snapshot={snapshot}"
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "manifest.json").write_text("{}", encoding="utf-8")
        frame = pl.DataFrame(columns or {"metric": ["m"], "value": [None]}, strict=False)
        frame.write_parquet(folder / f"{table}.parquet", metadata={"overgrant.schema_version": version})

    def test_of_several_scans_of_one_time_the_last_counts(self) -> None:
        for name in ("2026-11-15T000000Z", "2026-11-15T000000Z-10", "2026-11-15T000000Z-9", "2026-11-08T053000.123Z"):
            self.write(name)
        (self.root / "snapshot=2026-11-29T000000Z").mkdir()
        (self.root / "snapshot=nonsense").mkdir()
        store = Store.open(self.root)
        self.assertEqual([one.id for one in store.snapshots], ["2026-11-08T053000.123Z", "2026-11-15T000000Z-10"])
        self.assertEqual(store.snapshots[0].as_of.microsecond, 123_000)
        self.assertEqual(store.describe(), "2 snapshots, 2026-11-08 to 2026-11-15")
        self.assertIsNone(Snapshot.parse(Path("snapshot=2026-13-01T000000Z")))

    def test_null_stays_null_and_columns_may_be_missing(self) -> None:
        self.write("2026-11-08T000000Z", metric=["m"], value=[1.5])
        self.write("2026-11-15T000000Z", metric=["m"], value=[None], low=[0.0])
        history = Store.open(self.root).history("metrics")
        self.assertEqual(history.columns, ["snapshot", "as_of", "metric", "value", "low"])
        self.assertEqual(history["value"].to_list(), [1.5, None])
        self.assertEqual(history["low"].to_list(), [None, 0.0])
        named = Store.open(self.root).history("metrics", ["metric", "low", "unheard_of"])
        self.assertEqual(named.columns, ["snapshot", "as_of", "metric", "low", "unheard_of"])
        self.assertEqual(named["low"].to_list(), [None, 0.0])
        self.assertEqual(history["snapshot"].to_list(), ["2026-11-08T000000Z", "2026-11-15T000000Z"])

    def test_errors_say_what_to_do(self) -> None:
        with self.assertRaisesRegex(StoreError, "There is no store at .*overgrant scan"):
            Store.open(self.root)
        self.root.mkdir(parents=True)
        with self.assertRaisesRegex(StoreError, "has no snapshot.*overgrant scan"):
            Store.open(self.root)
        self.write("2026-11-08T000000Z", version="2")
        with self.assertRaisesRegex(StoreError, "schema version 2, and these notebooks read 1"):
            Store.open(self.root).latest("metrics")
        with self.assertRaisesRegex(StoreError, "has a table `scores`"):
            Store.open(self.root).latest("scores")


class Words(unittest.TestCase):
    def test_numbers(self) -> None:
        for value, unit, text in [
            (None, "", "unknown"),
            (math.nan, "", "unknown"),
            (0.0, "", "0"),
            (-0.001, "", "0.00"),
            (12.34, "%", "12.3 %"),
            (1234.5, "", "1,234"),
        ]:
            self.assertEqual(figures.number(value, unit), text)
        self.assertEqual(figures.count(1, "finding"), "1 finding")
        self.assertEqual(figures.count(2000, "identity", "identities"), "2,000 identities")

    def test_hostile_names_are_text(self) -> None:
        self.assertEqual(figures.plain("a$x$\n\u202eb"), "a$x$  b")
        self.assertEqual(figures.code("<script>`x`"), "`<script> x `")
        self.assertEqual(len(figures.short("x" * 1000, 30)), 30)

    def test_labels_tell_principals_apart(self) -> None:
        rows = [
            ("arn:aws:iam::111122223333:role/deploy", "deploy", "aws"),
            ("arn:aws:iam::444455556666:role/deploy", "deploy", "aws"),
            ("okta:app/1", "Survey", "okta"),
            ("azure:object/2", "Survey", "azure"),
            ("okta:user/3", "Ada", "okta"),
            ("okta:user/4", None, "okta"),
        ]
        found = figures.labels(pl.DataFrame(rows, schema=["id", "name", "platform"], orient="row"), 30)
        expected = [
            "111122223333:role/deploy",
            "444455556666:role/deploy",
            "Survey (okta)",
            "Survey (azure)",
            "Ada",
            "okta:user/4",
        ]
        self.assertEqual(list(found.values()), expected)
        self.assertEqual(
            figures.middle("production-eu/platform/serviceaccount/operator", 30), "production-…ceaccount/operator"
        )


class Tidiness(unittest.TestCase):
    def faults(self, change) -> list[str]:
        """Faults of a copy of the first notebook after a change to it, written in the one form."""
        source = run.notebooks()[0]
        notebook = json.loads(source.read_text(encoding="utf-8"))
        change(notebook)
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / source.name
            path.write_text(run.canonical(path.stem, notebook), encoding="utf-8")
            return run.faults(path)

    def test_all_notebooks_are_in_order(self) -> None:
        self.assertEqual(run.tidy(), [])
        self.assertEqual(len(run.notebooks()), 10)

    def test_faults_are_found(self) -> None:
        def without(text: str):
            def change(notebook: dict) -> None:
                notebook["cells"][0]["source"] = [run.text_of(notebook["cells"][0]).replace(text, "")]

            return change

        self.assertEqual(self.faults(lambda notebook: None), [])
        for heading in run.HEADINGS:
            self.assertEqual(len(self.faults(without(heading))), 1, heading)
        question = (
            run.text_of(json.loads(run.notebooks()[0].read_text(encoding="utf-8"))["cells"][0])
            .split("**Question.**")[1]
            .split("**For.**")[0]
        )
        self.assertEqual(len(self.faults(without(question))), 1)
        self.assertEqual(len(self.faults(lambda notebook: notebook["cells"].pop())), 1)
        for code in ("pl.read_csv('x')", "open('x')", "Path('x').read_text()"):

            def reads(notebook: dict, code: str = code) -> None:
                notebook["cells"][1]["source"].append("\n" + code)

            self.assertEqual(len(self.faults(reads)), 1, code)

    def test_outputs_are_found(self) -> None:
        source = run.notebooks()[0]
        notebook = json.loads(source.read_text(encoding="utf-8"))
        notebook["cells"][1]["execution_count"] = 3
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / source.name
            path.write_text(json.dumps(notebook, indent=1, sort_keys=True, ensure_ascii=False) + "\n", encoding="utf-8")
            self.assertEqual(len(run.faults(path)), 1)


@unittest.skipUnless(os.environ.get("OVERGRANT_STORE"), "OVERGRANT_STORE names no store")
class AgainstTheEngine(unittest.TestCase):
    """What the engine stored as a metric, computed again from the rows of every scan."""

    def setUp(self) -> None:
        self.store = Store.open()
        self.principals = self.store.principals()

    def compare(self, metric: str, ours: dict[str, float], column: str = "value", tolerance: float = 1e-9) -> int:
        rows = self.store.metric(metric).filter(pl.col(column).is_not_null())
        for snapshot, theirs in rows.select("snapshot", column).iter_rows():
            self.assertAlmostEqual(
                ours[snapshot], theirs, delta=tolerance * max(1.0, abs(theirs)), msg=f"{metric} of {snapshot}"
            )
        return rows.height

    def by_scan(self, what) -> dict[str, float]:
        return {
            name: float(what(rows)) for (name,), rows in self.principals.partition_by("snapshot", as_dict=True).items()
        }

    def test_counts_and_percentiles(self) -> None:
        done = self.compare("principals", self.by_scan(len))
        done += self.compare("administrators", self.by_scan(lambda rows: rows["protected"].sum()))
        for percent in (50, 90, 99):
            for column in ("risk", "mass"):
                ours = self.by_scan(
                    lambda rows, column=column, percent=percent: np.percentile(rows[column].to_numpy(), percent)
                )
                done += self.compare(f"{column}_p{percent}", ours)
        self.assertGreaterEqual(done, 8 * len(self.store.snapshots))

    def test_exposure_from_the_graph_and_from_the_paths(self) -> None:
        edges, entities = (
            self.store.history("edges", ["src", "dst", "certainty"]),
            self.store.history("entities", ["entity", "protected"]),
        )
        paths = self.store.history("paths", ["entity", "certainty"])
        for metric, certainties in [
            ("exposure_pct_certain", ["certain"]),
            ("exposure_pct_possible", ["certain", "conditional"]),
        ]:
            graph, witnessed = {}, {}
            for snapshot in self.store.snapshots:
                at = pl.col("snapshot") == snapshot.id
                zone = entities.filter(at & pl.col("protected"))["entity"].to_list()
                outside = set(self.principals.filter(at & ~pl.col("protected"))["entity"])
                sure = pl.col("certainty").is_in(certainties)
                graph[snapshot.id] = len(
                    stats.upstream(edges.filter(at & sure).select("src", "dst").iter_rows(), zone) & outside
                )
                witnessed[snapshot.id] = len(set(paths.filter(at & sure)["entity"]) & outside)
            self.assertGreater(self.compare(metric, graph, "numerator"), 0)
            self.compare(metric, witnessed, "numerator")

    def test_time_to_revoke(self) -> None:
        findings = self.store.history("findings", ["fingerprint", "rule", "severity", "state", "first_seen"])
        scans = [snapshot.as_of for snapshot in self.store.snapshots]
        compared = 0
        for n, snapshot in enumerate(self.store.snapshots, start=1):
            spells = stats.spells(findings.filter(pl.col("as_of") <= snapshot.as_of), scans[:n])
            ours = stats.kaplan_meier([spell.days for spell in spells], [spell.ended for spell in spells])
            theirs = self.store.metric("time_to_revoke_days").filter(pl.col("snapshot") == snapshot.id)
            for value, numerator, denominator in theirs.select("value", "numerator", "denominator").iter_rows():
                compared += 1
                self.assertEqual(value, ours.median if ours else None, snapshot.id)
                if ours and numerator is not None:
                    self.assertEqual((numerator, denominator), (ours.ended.sum(), ours.n), snapshot.id)
        self.assertEqual(compared, len(scans))

    def test_the_index_from_its_shares(self) -> None:
        for rows in self.principals.partition_by("snapshot"):
            shares = stats.parse_shares(rows["shares"])
            np.testing.assert_allclose(stats.risk(-np.expm1(-shares), np.ones(4)), rows["risk"].to_numpy(), atol=1e-6)


if __name__ == "__main__":
    unittest.main()
