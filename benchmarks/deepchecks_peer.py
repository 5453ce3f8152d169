"""Deepchecks' full suite on a classification table, in an interpreter of its own: ``python deepchecks_peer.py ROWS``.

It needs deepchecks 0.19.1 with numpy<2, pandas<2.2 and scikit-learn<1.5: with newer ones it fails on import. A forest
of 20 trees and a made table of 20 columns of numbers, ROWS rows to train and as many to test; prints the seconds of the
suite and how many checks passed, failed, or did not run.
"""

from __future__ import annotations

import json
import sys
import time
import warnings

warnings.filterwarnings("ignore")


def main() -> None:
    import numpy as np
    import pandas as pd
    from deepchecks.tabular import Dataset
    from deepchecks.tabular.suites import full_suite
    from sklearn.datasets import make_classification
    from sklearn.ensemble import RandomForestClassifier

    rows = int(sys.argv[1])
    X, y = make_classification(2 * rows, 20, n_informative=8, random_state=0)
    frame = pd.DataFrame(X, columns=[f"x{at}" for at in range(20)]).assign(y=y)
    train, test = frame.iloc[:rows], frame.iloc[rows:]
    model = RandomForestClassifier(20, min_samples_leaf=5, random_state=0).fit(train.drop(columns="y"), train["y"])
    begin = time.perf_counter()
    told = [Dataset(part, label="y", cat_features=[]) for part in (train, test)]
    result = full_suite().run(train_dataset=told[0], test_dataset=told[1], model=model)
    spent = time.perf_counter() - begin
    counts = {name: len(getattr(result, f"get_{name}_checks")()) for name in ("passed", "not_passed", "not_ran")}
    print(json.dumps({"rows": rows, "seconds": round(spent, 1), "numpy": np.__version__, **counts}))


if __name__ == "__main__":
    main()
