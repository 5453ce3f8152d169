"""List what is installed for the interpreter that runs this file: print it as JSON.

It is handed as a text to the interpreter of a training command, which need not have Holdfast, so it imports the
standard library only.
"""

import hashlib
import json
import platform
import re
import sys
from importlib import metadata


def listing() -> "dict[str, object]":
    """Name the interpreter and its distributions, each with the digest of its list of installed files."""
    found: dict[str, dict[str, object]] = {}
    for one in metadata.distributions():
        name = re.sub(r"[-_.]+", "-", str(one.metadata["Name"] or "")).lower()
        if not name or name in found:  # the first of two is the one that is imported
            continue
        record = one.read_text("RECORD")
        digest = None if record is None else "sha256:" + hashlib.sha256(record.encode("utf-8")).hexdigest()
        found[name] = {"name": name, "version": str(one.version), "record": digest}
    return {
        "implementation": platform.python_implementation(),
        "python": platform.python_version(),
        "distributions": [found[name] for name in sorted(found)],
    }


if __name__ == "__main__":
    sys.stdout.write(json.dumps(listing()))
