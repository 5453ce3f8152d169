"""NannyML's CBPE, in an interpreter of its own: ``python estimation_peers.py``. It needs nannyml 0.13.1.

Reads a path on each line of stdin: an .npz with ``score`` and ``outcome`` of the reference, and ``current``, scores of
chunks of equal size; ``chunk`` is that size. Answers with CPU seconds, and value, low, high and alert of each chunk.
FLAML, a search for models that CBPE does not use, may be absent: it is replaced by an empty module.
"""

from __future__ import annotations

import json
import os
import sys
import time
import types
import warnings

import numpy as np

os.environ["NML_DISABLE_USAGE_LOGGING"] = "1"
sys.modules.setdefault("flaml", types.SimpleNamespace(AutoML=None))  # type: ignore[arg-type]


def main() -> None:
    warnings.filterwarnings("ignore")
    import nannyml
    import pandas as pd

    for line in sys.stdin:
        with np.load(line.strip()) as held:
            score, outcome, current, chunk = (held[name] for name in ("score", "outcome", "current", "chunk"))
        past = pd.DataFrame({"p": score, "predicted": (score >= 0.5).astype(int), "y": outcome})
        now = pd.DataFrame({"p": current, "predicted": (current >= 0.5).astype(int)})
        begin = time.process_time()
        estimator = nannyml.CBPE(
            metrics=["roc_auc"], y_pred_proba="p", y_pred="predicted", y_true="y",
            problem_type="classification_binary", chunk_size=int(chunk),
        ).fit(past)  # fmt: skip
        found = estimator.estimate(now).filter(period="analysis").to_df()
        seconds = time.process_time() - begin
        names = ("value", "lower_confidence_boundary", "upper_confidence_boundary", "alert")
        columns = [found[("roc_auc", name)].astype(float).tolist() for name in names]
        print(json.dumps({"seconds": seconds, "rows": list(zip(*columns, strict=True))}), flush=True)


if __name__ == "__main__":
    main()
