"""Start-up: `holdfast list` and `import holdfast` against `import numpy`; medians of interleaved runs."""

from __future__ import annotations

import statistics
import subprocess
import sys
import time

COMMANDS = {
    "import numpy": [sys.executable, "-c", "import numpy"],
    "import holdfast": [sys.executable, "-c", "import holdfast"],
    "holdfast list": [sys.executable, "-m", "holdfast.interfaces.cli.main", "list"],
}
ROUNDS = 21


def main() -> None:
    times: dict[str, list[float]] = {name: [] for name in COMMANDS}
    for _ in range(ROUNDS):
        for name, command in COMMANDS.items():
            begin = time.perf_counter()
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
            times[name].append(time.perf_counter() - begin)
    numpy = statistics.median(times["import numpy"])
    for name, measured in times.items():
        median = statistics.median(measured)
        print(f"{name:<16} {1000 * median:6.0f} ms  {median / numpy:4.2f} x numpy")


if __name__ == "__main__":
    main()
