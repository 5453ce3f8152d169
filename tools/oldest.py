"""Print the oldest supported dependencies as pip constraints: every lower bound of pyproject.toml, pinned."""

from __future__ import annotations

import re
import sys
import tomllib
from pathlib import Path

BOUND = re.compile(r"(?P<name>[A-Za-z0-9._-]+)(\[[a-z,-]+\])?>=(?P<version>[0-9][0-9A-Za-z.]*)(?P<marker>\s*;.+)?")


def oldest(project: dict[str, object], groups: dict[str, list[str]]) -> list[str]:
    """Pin every lower bound of the base install, the extras and the test group.

    A pin names no extras (``psycopg[binary]``): pip refuses a constraint that does.

    Raises
    ------
    ValueError
        When a dependency has no lower bound: then nobody knows what is supported.
    """
    extras = project.get("optional-dependencies", {})
    assert isinstance(extras, dict)
    base = project["dependencies"]
    assert isinstance(base, list)
    requirements = [
        *base,
        *(line for name, lines in extras.items() if name != "all" for line in lines),
        *groups["test"],
    ]
    pins = {}
    for requirement in requirements:
        bound = BOUND.fullmatch(requirement.strip())
        if bound is None:
            raise ValueError(f"expected name>=version, got {requirement!r}")
        pins[bound["name"].lower()] = f"{bound['name']}=={bound['version']}{bound['marker'] or ''}"
    return sorted(pins.values(), key=str.lower)


def main() -> int:
    """Print the pins of the repository."""
    settings = tomllib.loads((Path(__file__).resolve().parent.parent / "pyproject.toml").read_text(encoding="utf-8"))
    sys.stdout.write("\n".join(oldest(settings["project"], settings["dependency-groups"])) + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
