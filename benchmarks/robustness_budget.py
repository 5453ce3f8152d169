"""What a time budget costs evasion: flips found in a share of the time that all of its effort takes (R6).

python benchmarks/robustness_budget.py --data DIR [--points 200] [--shares 0.25,0.5]. LightGBM and a random forest
behind a pipeline on Adult, through the check itself. Its clock counts CPU seconds of this process, whatever else the
machine does.
"""

from __future__ import annotations

import argparse
import math
import os
import sys
import time
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from typing import Any

os.environ.setdefault("OMP_NUM_THREADS", "1")
if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parent.parent))

import polars as pl

from holdfast.adapters.models.opening import wrap_model
from holdfast.auditing.catalogue import entry_for
from holdfast.auditing.context import RunContext
from holdfast.auditing.settling import settle
from holdfast.auditing.subject import AuditSubject
from holdfast.core.deployment import Deployment
from holdfast.core.subject import Table

CHECK = "robustness.evasion"


@dataclass(frozen=True, kw_only=True)
class CpuContext(RunContext):
    """A context whose time budget is in CPU seconds."""

    def time_left(self) -> float:
        return math.inf if self.deadline is None else self.deadline - time.process_time()


def subject_of(estimator: Any, data: Path, returns: str, *, with_trees: bool) -> AuditSubject:
    """Fit a pipeline on Adult as it stands in its file; without its trees it is only asked."""
    from sklearn.compose import make_column_transformer
    from sklearn.impute import SimpleImputer
    from sklearn.pipeline import make_pipeline
    from sklearn.preprocessing import OrdinalEncoder

    train, test = (pl.read_csv(data / f"adult_{name}.csv") for name in ("train", "test"))
    inputs = train.drop("income").to_pandas()
    texts = [column.name for column in train.drop("income").iter_columns() if column.dtype == pl.String]
    numbers = [name for name in inputs.columns if name not in texts]
    codes = OrdinalEncoder(handle_unknown="use_encoded_value", unknown_value=-1)
    columns = make_column_transformer(
        (make_pipeline(SimpleImputer(strategy="most_frequent"), codes), texts), (SimpleImputer(), numbers)
    )
    model = wrap_model(make_pipeline(columns, estimator).fit(inputs, train["income"].to_numpy()))
    tables = {name: Table(name=name, frame=frame, digest=name) for name, frame in (("train", train), ("test", test))}
    deployment = Deployment(returns=returns)  # type: ignore[arg-type]
    facts = settle(deployment, target="income", train=tables["train"], test=tables["test"], model=model)
    if not with_trees:
        assert facts.info is not None
        facts = replace(facts, info=replace(facts.info, capabilities=facts.info.capabilities - {"trees"}))
    return AuditSubject(facts=facts, deployment=deployment, model=model, **tables)


def attacked(subject: AuditSubject, effort: dict[str, int], budget_s: float | None) -> tuple[float, int, str]:
    """Run the check; CPU seconds, flips, and the interval of the share flipped."""
    entry, begin = entry_for(CHECK), time.process_time()
    deadline = None if budget_s is None else begin + budget_s
    outcome = import_module(entry.module).run(
        subject.view(entry.spec), CpuContext(check=CHECK, seed=0, effort=effort, deadline=deadline)
    )
    share = next(found for found in outcome.measurements if found.id == "attack_success")
    interval = f"{share.value:.3f} ({share.interval.low:.3f} to {share.interval.high:.3f}) of {share.n}"
    return time.process_time() - begin, int(outcome.tables["points"]["success"].sum()), interval


def main() -> None:
    from lightgbm import LGBMClassifier
    from sklearn.ensemble import RandomForestClassifier

    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--points", type=int, default=200)
    parser.add_argument("--shares", default="0.25,0.5")
    parser.add_argument("--only", choices=("scores", "labels", "trees", "forest"))
    options, _ = parser.parse_known_args()
    lightgbm = LGBMClassifier(n_estimators=200, n_jobs=1, random_state=0, verbose=-1)
    forest = RandomForestClassifier(100, n_jobs=1, random_state=0)
    cases = {
        "scores": (lightgbm, "probabilities", "thorough", False),
        "labels": (lightgbm, "label", "thorough", False),
        "trees": (lightgbm, "probabilities", "thorough", True),
        "forest": (forest, "probabilities", "default", True),
    }
    for name, (estimator, returns, effort, with_trees) in cases.items():
        if options.only not in (None, name):
            continue
        subject = subject_of(estimator, options.data, returns, with_trees=with_trees)
        limits = dict(entry_for(CHECK).spec.effort[effort])  # type: ignore[index]
        limits |= {} if with_trees else {"points": options.points, "tree_points": options.points}
        subject.view(entry_for(CHECK).spec).predictions  # noqa: B018  # asked once, before the clock starts
        whole_s, most, interval = attacked(subject, limits, None)
        print(f"| {name}, {effort} | all | {whole_s:.1f} | {most} | | {interval} |", flush=True)
        for share in map(float, options.shares.split(",")):
            seconds, flips, interval = attacked(subject, limits, share * whole_s)
            used = seconds / (share * whole_s)
            print(
                f"| {name}, {effort} | {share:.0%} | {seconds:.1f} ({used:.0%} of the budget) | {flips} "
                f"| {flips / most:.0%} | {interval} |",
                flush=True,
            )


if __name__ == "__main__":
    main()
