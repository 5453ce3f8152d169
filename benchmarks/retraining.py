"""When to train again: what strategies cost on a history, beside the best of them in hindsight.

``python benchmarks/retraining.py --data DIR``, where DIR holds ``elec.csv`` (Harries 1999: whether the price of
electricity in New South Wales is above its mean of a day, 45,312 half-hours in order). Models are trained once for each
length of a period; costs are in units of one wrong answer.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from holdfast.auditing.replaying import compare_strategies, train_models
from holdfast.core.replay import OURS, Costs

COSTS = (0.0, 10.0, 50.0, 100.0, 500.0)


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--every", nargs="+", default=["336", "1344"])
    given = parser.parse_args()
    if not (given.data / "elec.csv").is_file():
        print(f"left out: there is no elec.csv in {given.data}")
        return
    for every in given.every:
        trained = train_models(given.data / "elec.csv", "class", every=every)
        print(f"\nperiods of {every} half-hours\n")
        print("| cost | ours (times) | best in hindsight | never | every period | on drift of inputs | on a fall |")
        print("|---|---|---|---|---|---|---|")
        for cost in COSTS:
            found = compare_strategies(trained, Costs(error=1.0, retraining=cost))
            best = next(each for each in found.contenders if each.name != OURS)
            gap = best.dearer
            apart = "" if gap is None or gap.low is None else f" ({gap.low:+,.0f} to {gap.high:+,.0f} to ours)"
            others = (found[name].cost for name in ("never", "every period", "on drift of inputs", "on a fall"))
            ours = f"{found[OURS].cost:,.0f} ({found[OURS].trained})"
            print(
                f"| {cost:g} | {ours} | {best.name}: {best.cost:,.0f}{apart} | "
                + " | ".join(f"{each:,.0f}" for each in others)
                + " |",
                flush=True,
            )


if __name__ == "__main__":
    main()
