"""Run all benchmarks: python -m benchmarks [--data DIR]. Without DIR, those that need real data are left out.

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
    scripts = ["startup.py", "intervals.py", *(["audit_adult.py"] if "--data" in arguments else [])]
    for script in scripts:
        print(f"== {script}", flush=True)
        options = arguments if script == "audit_adult.py" else []
        subprocess.run([sys.executable, str(HERE / script), *options], check=True)


if __name__ == "__main__":
    main()
