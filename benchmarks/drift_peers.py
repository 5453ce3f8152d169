"""river's detectors of change, in an interpreter of its own: ``python drift_peers.py``. It needs river.

Reads streams of zeros and ones as JSON from stdin; answers, for each detector at its defaults, with the rows at which
it saw a change in each stream, and CPU seconds.
"""

from __future__ import annotations

import json
import sys
import time

from river import drift
from river.drift import binary

DETECTORS = {"ADWIN": drift.ADWIN, "DDM": binary.DDM, "EDDM": binary.EDDM, "Page-Hinkley": drift.PageHinkley}


def main() -> None:
    streams = json.load(sys.stdin)
    found = {}
    for name, make in DETECTORS.items():
        begin = time.process_time()
        rows = []
        for stream in streams:
            detector = make()
            rows.append([])
            for row, wrong in enumerate(stream):
                detector.update(wrong)
                if detector.drift_detected:
                    rows[-1].append(row)
        found[name] = (rows, time.process_time() - begin)
    print(json.dumps(found))


if __name__ == "__main__":
    main()
