"""Run all benchmarks: python -m benchmarks [--data DIR]. Without DIR, those that need real data are left out.

``pii.py`` and ``pii_names.py`` read labelled sentences, ``shadow_networks.py`` needs torch; they are run by themselves.
``python -m benchmarks scan`` runs the one of the scanner, which needs other scanners from the package index.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).parent


def main() -> None:
    arguments = sys.argv[1:]
    if arguments[:1] == ["scan"]:
        subprocess.run([sys.executable, str(HERE / "scan.py"), *arguments[1:]], check=True)
        return
    needing_data = [
        "anonymity.py",
        "audit_adult.py",
        "drift_alarms.py",
        "extraction.py",
        "near_copies.py",
        "provenance.py",
        "privacy.py",
        "retraining.py",
        "robustness_budget.py",
        "robustness_queries.py",
        "robustness_tables.py",
    ]
    with_data = needing_data if "--data" in arguments else []
    # robustness_networks.py needs torch and a checkout of AutoAttack, and is run by itself.
    scripts = [
        "startup.py", "data_trust.py", "annotators.py", "slice_search.py", "fairness.py", "feedback.py",
        "estimation.py", "drift.py", "telling_apart.py", "ledger.py", "signing.py", "redaction.py", "pii_generated.py",
        *with_data,
    ]  # fmt: skip
    for script in scripts:
        print(f"== {script}", flush=True)
        options = arguments if script in with_data else []
        subprocess.run([sys.executable, str(HERE / script), *options], check=True)


if __name__ == "__main__":
    main()
