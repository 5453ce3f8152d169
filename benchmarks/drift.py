"""Drift between two large tables, and a profile of one: time, memory, what is found and what is flagged in vain.

``python benchmarks/drift.py [--rows 1000000] [--evidently PY] [--alibi PY] [--whylogs PY] [--profile-rows 10000000]``,
where each PY is an interpreter that has the peer. Two tables of 20 columns: normal, lognormal, gamma and categories,
five of them moved a little (see ``drawn``). Each tool runs in a process of its own; CPU seconds and peak memory are of
the whole process, start-up included, unless said. Then a Parquet file of ten columns is profiled.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
from pathlib import Path

import numpy as np
from measure import Measured, run
from numpy.typing import NDArray

MOVED = ("n0", "n5", "n10", "c0", "c3")
LEVELS = (3, 5, 10, 20, 50)
SMALL_GROUPS = 16_384
EVIDENTLY = """
import sys, json, os
os.environ["DO_NOT_TRACK"] = "1"
import pandas as pd
from evidently import Report
from evidently.presets import DataDriftPreset
a, b = (pd.read_parquet(path) for path in sys.argv[1:3])
snapshot = Report([DataDriftPreset()]).run(b, a)
snapshot.save_html(sys.argv[3])
flagged = []
for metric in json.loads(snapshot.json())["metrics"]:
    name = str(metric.get("metric_name") or metric.get("metric_id"))
    if name.startswith("ValueDrift("):
        stated = dict(part.split("=", 1) for part in name[len("ValueDrift("):].rstrip(")").split(",") if "=" in part)
        value, threshold = float(metric["value"]), float(stated.get("threshold", 0.1))
        if value < threshold if "p_value" in stated.get("method", "") else value >= threshold:
            flagged.append(stated["column"])
print(json.dumps({"flagged": flagged}))
"""
ALIBI = """
import sys, json, time
import numpy as np, pandas as pd
from alibi_detect.cd import TabularDrift
a, b = (pd.read_parquet(path) for path in sys.argv[1:3])
names = list(a.columns)
levels = {name: {v: i for i, v in enumerate(sorted(set(a[name])))} for name in names if a[name].dtype == object}
def column(frame, name):
    return frame[name].map(levels[name]).to_numpy() if name in levels else frame[name].to_numpy()
X, Y = (np.column_stack([column(frame, name) for name in names]) for frame in (a, b))
counts = {names.index(name): len(known) for name, known in levels.items()}
start = time.process_time()
found = TabularDrift(X, p_val=0.05, categories_per_feature=counts).predict(Y)
seconds = time.process_time() - start
p = found["data"]["p_val"].tolist()
flagged = [n for n, value in zip(names, p) if value < 0.05 / len(names)]
print(json.dumps({"flagged": flagged, "p": dict(zip(names, p)), "compute": seconds}))
"""
WHYLOGS = """
import sys, json, time
import pandas as pd, whylogs as why
from whylogs.viz.drift.column_drift_algorithms import calculate_drift_scores
a, b = (pd.read_parquet(path) for path in sys.argv[1:3])
start = time.process_time()
views = [why.log(frame).profile().view() for frame in (a, b)]
scores = calculate_drift_scores(target_view=views[1], reference_view=views[0], with_thresholds=True)
seconds = time.process_time() - start
flagged = [name for name, score in scores.items() if score and score["drift_category"] != "NO_DRIFT"]
print(json.dumps({"flagged": flagged, "compute": seconds}))
"""
IN_MEMORY = """
import sys, json, time
import numpy as np, polars as pl
from holdfast.auditing.profiling import as_batch, as_numbers
from holdfast.kernels.drift.columns import compare_profiles
from holdfast.kernels.drift.profile import Profile, plan_profile
from holdfast.kernels.drift.two_sample import chi_square, ks_exact
a, b = (pl.read_parquet(path) for path in sys.argv[1:3])
ks_exact(np.arange(5.0), np.arange(6.0))
start = time.process_time()
p = {}
for name in a.columns:
    if a[name].dtype.is_numeric():
        p[name] = ks_exact(a[name].to_numpy(), b[name].to_numpy()).p_value
    else:
        sides = [dict(frame[name].value_counts().iter_rows()) for frame in (a, b)]
        levels = sorted(set(sides[0]) | set(sides[1]))
        p[name] = chi_square(*([side.get(level, 0) for level in levels] for side in sides)).p_value
seconds = time.process_time() - start
print(json.dumps({"p": p, "compute": seconds}))
"""
STREAMED = """
import sys, json, time, resource
import polars
from holdfast.auditing import profiling
from holdfast.kernels.drift.columns import compare_profiles
def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
profiling.profile_table(polars.DataFrame({"x": [1.0, 2.0], "c": ["a", "b"]}))
before = peak()
start = time.process_time()
first = profiling.profile_table(sys.argv[1])
second = profiling.profile_table(sys.argv[2], like=first)
found = compare_profiles(first, second)
seconds = time.process_time() - start
flagged = [each.column for each in found if each.verdict == "drifted"]
print(json.dumps({"flagged": flagged, "compute": seconds, "added_mb": peak() - before}))
"""
DUCKDB = """
import sys, json, time
import duckdb
con = duckdb.connect()
con.execute("SET threads TO 1")
start = time.process_time()
columns = [row[0] for row in con.execute("DESCRIBE SELECT * FROM read_parquet(?)", [sys.argv[1]]).fetchall()]
wanted = []
for name in columns:
    wanted.append(f"count({name}), min({name}), max({name}), count(*) - count({name})")
    if name != "s":
        wanted.append(f"avg({name}), stddev({name}), quantile_cont({name}, [.05, .25, .5, .75, .95])")
        wanted.append(f"histogram({name} // 1)")
    else:
        wanted.append(f"histogram({name})")
con.execute(f"SELECT {', '.join(wanted)} FROM read_parquet(?)", [sys.argv[1]]).fetchall()
print(json.dumps({"compute": time.process_time() - start}))
"""
PROFILE = """
import sys, json, time
from holdfast.auditing import profiling
start = time.process_time()
profile = profiling.profile_table(sys.argv[1])
column = profile.columns["x0"]
column.mean, column.sd, column.quantiles([.05, .25, .5, .75, .95]).tolist()
print(json.dumps({"compute": time.process_time() - start, "rows": profile.n_rows}))
"""


def drawn(seed: int, rows: int, *, moved: bool) -> dict[str, NDArray[np.generic]]:
    """Draw a table: five columns of each kind, of which the first are moved in the current one."""
    rng = np.random.default_rng(seed)
    table: dict[str, NDArray[np.generic]] = {f"n{place}": rng.normal(size=rows) for place in range(5)}
    table |= {f"n{place}": rng.lognormal(0, 0.5, rows) for place in range(5, 10)}
    table |= {f"n{place}": rng.gamma(2, 1, rows) for place in range(10, 15)}
    for place, n_levels in enumerate(LEVELS):
        p = 1.0 / np.arange(1, n_levels + 1)
        p /= p.sum()
        if moved and f"c{place}" in MOVED:
            p[0] *= 1.2
            p /= p.sum()
        table[f"c{place}"] = np.array([f"L{level}" for level in range(n_levels)])[rng.choice(n_levels, rows, p=p)]
    if moved:
        table["n0"] = table["n0"] + 0.1  # type: ignore[operator]
        table["n5"] = table["n5"] * 1.1  # type: ignore[operator]
        table["n10"] = table["n10"] + 0.05 + 0.05 * rng.normal(size=rows)  # type: ignore[operator]
    return table


def write_tables(folder: Path, rows: int) -> None:
    import polars as pl

    for seed, name in ((0, "ref"), (1, "cur")):
        frame = pl.DataFrame(drawn(seed, rows, moved=seed == 1))
        frame.write_parquet(folder / f"{name}.parquet")
        frame.write_parquet(folder / f"{name}_small.parquet", row_group_size=SMALL_GROUPS)


def write_large(path: Path, rows: int) -> None:
    """Write eight columns of float32, one of int64 and one of texts."""
    import polars as pl

    rng = np.random.default_rng(0)
    table = {f"x{place}": rng.normal(place, 1 + place, rows).astype(np.float32) for place in range(8)}
    words = np.array([f"level {place}" for place in range(30)])
    frame = pl.DataFrame({**table, "k": rng.integers(0, 10**9, rows), "s": words[rng.integers(0, 30, rows)]})
    frame.write_parquet(path, row_group_size=262_144)


def asked(python: str, script: str, *arguments: str, repeats: int = 1) -> tuple[Measured, dict[str, object]]:
    """Run a script in an interpreter; the median by CPU seconds, and the last line it printed, as JSON."""
    environment = {"PATH": "/usr/bin:/bin", "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "DO_NOT_TRACK": "1"}
    environment |= {"POLARS_MAX_THREADS": "1", "NUMBA_CACHE_DIR": str(Path(tempfile.gettempdir()) / "holdfast_numba")}
    runs = [run([python, "-W", "ignore", "-c", script, *arguments], env=environment) for _ in range(repeats)]
    failed = next((one for one in runs if one.exit_code), None)
    if failed is not None:
        raise SystemExit(f"a run failed: {failed.output[-2000:]}")
    middle = sorted(runs, key=lambda one: one.cpu_s)[len(runs) // 2]
    return middle, json.loads(middle.output.strip().splitlines()[-1])


def report(name: str, cost: Measured, found: dict[str, object]) -> None:
    flagged = found.get("flagged")
    words = ""
    if isinstance(flagged, list):
        names = {str(each) for each in flagged}
        words = f"; found {len(names & set(MOVED))} of {len(MOVED)}, false flags {len(names - set(MOVED))}"
    compute = f", of it {found['compute']:.2f} computing" if "compute" in found else ""
    added = f", {found['added_mb']:.0f} MB added by the work" if "added_mb" in found else ""
    print(
        f"{name}: {cost.cpu_s:.1f} CPU s{compute}, {cost.wall_s:.1f} s, {cost.peak_mb:.0f} MB{added}{words}", flush=True
    )


def race(folder: Path, peers: argparse.Namespace) -> None:
    small = [str(folder / f"{name}_small.parquet") for name in ("ref", "cur")]
    large = [str(folder / f"{name}.parquet") for name in ("ref", "cur")]
    page = str(folder / "page.html")
    whole = """
import json, subprocess, sys
done = subprocess.run([sys.executable, "-m", "holdfast", "drift", *sys.argv[1:3], "--json", "--html", sys.argv[3]],
                      capture_output=True, text=True, check=True)
found = json.loads(done.stdout)
print(json.dumps({"flagged": [each["column"] for each in found["columns"] if each["drifted"]]}))
"""
    asked(sys.executable, IN_MEMORY, *large)  # compiled code is kept on disk from here on
    asked(sys.executable, whole, *large, page)
    ours, found = asked(sys.executable, whole, *large, page, repeats=3)
    report("ours, command with its page", ours, found)
    memory, exact = asked(sys.executable, IN_MEMORY, *large, repeats=3)
    report("ours, exact tests in memory", memory, exact)
    streamed, ours_streamed = asked(sys.executable, STREAMED, *small, repeats=3)
    report("ours, streamed from small row groups", streamed, ours_streamed)
    if peers.evidently:
        cost, flags = asked(peers.evidently, EVIDENTLY, *large, page)
        report("Evidently, DataDriftPreset with its page", cost, flags)
        print(f"  ours {cost.cpu_s / ours.cpu_s:.1f} times less CPU, {cost.wall_s / ours.wall_s:.1f} times less wall")
    if peers.alibi:
        cost, theirs = asked(peers.alibi, ALIBI, *large)
        report("Alibi Detect, TabularDrift", cost, theirs)
        p, q = exact["p"], theirs["p"]
        apart = max(abs(p[name] - q[name]) for name in p)  # type: ignore[index, union-attr]
        ratio = float(theirs["compute"]) / float(exact["compute"])  # type: ignore[arg-type]
        print(f"  ours {ratio:.1f} times less CPU computing; p-values at most {apart:.1g} apart")
    if peers.whylogs:
        cost, flags = asked(peers.whylogs, WHYLOGS, *large)
        report("whylogs", cost, flags)
        ratio = float(flags["compute"]) / float(ours_streamed["compute"])  # type: ignore[arg-type]
        print(f"  ours, streamed, {ratio:.1f} times less CPU computing")


def profiled(folder: Path, rows: int, duckdb: str | None) -> None:
    path = folder / "large.parquet"
    write_large(path, rows)
    print(f"a profile of {rows:,} rows x 10, {path.stat().st_size / 1e6:.0f} MB")
    asked(sys.executable, PROFILE, str(path))
    runs = [asked(sys.executable, PROFILE, str(path)) for _ in range(3)]
    compute = statistics.median(float(found["compute"]) for _, found in runs)  # type: ignore[arg-type]
    peak = statistics.median(cost.peak_mb for cost, _ in runs)
    print(f"ours: {compute:.1f} CPU s computing, {peak:.0f} MB")
    if duckdb:
        cost, found = asked(duckdb, DUCKDB, str(path))
        print(f"DuckDB: {found['compute']:.1f} CPU s computing, {cost.peak_mb:.0f} MB")


def merged(folder: Path) -> None:
    """Show that parts in any order merge to the same bytes as the whole."""
    import polars as pl

    from holdfast.auditing.profiling import merge_profiles, profile_table, profile_text

    frame = pl.read_parquet(folder / "ref.parquet")
    base = profile_table(frame[:1000])
    whole = profile_text(profile_table(frame, like=base))
    cuts = np.sort(np.random.default_rng(0).choice(frame.height, 12, replace=False)).tolist()
    parts = [frame[a:b] for a, b in zip([0, *cuts], [*cuts, frame.height], strict=True)]
    order = np.random.default_rng(1).permutation(len(parts))
    joined = profile_text(merge_profiles(profile_table(parts[place], like=base) for place in order))
    print(f"13 parts of any size, merged in any order: {'the same bytes' if joined == whole else 'OTHER BYTES'}")


def alarms(repeats: int) -> None:
    """Measure how often tables without change are called drifted, and how often one moved column is found."""
    from holdfast.kernels.drift.columns import compare_profiles
    from holdfast.kernels.drift.profile import Profile, batch_of, plan_profile
    from holdfast.kernels.drift.two_sample import ks_exact
    from holdfast.kernels.stats.proportions import clopper_pearson

    for rows, moved in ((1000, 0.0), (5000, 0.0), (1000, 0.1), (5000, 0.1), (20_000, 0.1), (5000, 0.3)):
        significant = drifted = 0
        for repeat in range(repeats):
            tables = [drawn(2 * repeat + side, rows, moved=False) for side in (0, 1)]
            tables[1]["n0"] = tables[1]["n0"] + moved  # type: ignore[operator]
            batches = [
                batch_of({n: c.astype(object) if c.dtype.kind == "U" else c for n, c in t.items()}) for t in tables
            ]
            plan = plan_profile(batches[0])
            profiles = Profile(plan), Profile(plan)
            for profile, batch in zip(profiles, batches, strict=True):
                profile.update(batch, n_rows=rows)
            exact = {n: ks_exact(tables[0][n], tables[1][n]) for n in tables[0] if n.startswith("n")}
            found = compare_profiles(*profiles, exact={n: test for n, test in exact.items() if test is not None})
            wanted = [each for each in found if not moved or each.column == "n0"]
            significant += any(each.adjusted <= 0.05 for each in wanted)
            drifted += any(each.verdict == "drifted" for each in wanted)
        words = f"one column + {moved} sd" if moved else "no change"
        shares = [clopper_pearson(count, repeats) for count in (significant, drifted)]
        said = [f"{share.value:.3f} ({share.low:.3f} to {share.high:.3f})" for share in shares]
        print(f"{rows:,} rows x 20, {words}: significant {said[0]}, drifted {said[1]}", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--profile-rows", type=int, default=10_000_000)
    for name in ("evidently", "alibi", "whylogs", "duckdb"):
        parser.add_argument(f"--{name}", help="interpreter that has it")
    parser.add_argument("--repeats", type=int, default=400, help="simulations of alarms; 0 for none")
    arguments = parser.parse_args()
    if arguments.repeats:
        alarms(arguments.repeats)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_tables(folder, arguments.rows)
        race(folder, arguments)
        merged(folder)
        if arguments.profile_rows:
            profiled(folder, arguments.profile_rows, arguments.duckdb)


if __name__ == "__main__":
    main()
