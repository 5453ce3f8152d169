"""Hold the documentation to the source: generated pages are current, and links lead somewhere."""

from __future__ import annotations

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PLACES = ("*.md", "docs/**/*.md", "design/**/*.md", "benchmarks/**/*.md", "examples/**/*.md")
LINK = re.compile(r"\[[^\]]*\]\((?P<target>[^)\s]+)\)")
FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
CODE = re.compile(r"`[^`\n]*`")
HEADING = re.compile(r"^#+\s+(?P<title>.+)$", re.MULTILINE)


def dead_links(root: Path) -> Iterator[str]:
    """Yield every relative link to a file or heading that is not there."""
    for page in sorted(path for place in PLACES for path in root.glob(place)):
        text = CODE.sub("", FENCE.sub("", page.read_text(encoding="utf-8")))
        for match in LINK.finditer(text):
            target, _, heading = match["target"].partition("#")
            if re.match(r"[a-z][a-z0-9+.-]*:", target):
                continue
            path = (page.parent / target).resolve() if target else page
            if not path.exists() or root.resolve() not in (path, *path.parents):
                yield f"{page.relative_to(root)}: {match['target']} leads nowhere"
            elif heading and path.suffix == ".md" and heading not in anchors(path.read_text(encoding="utf-8")):
                yield f"{page.relative_to(root)}: {match['target']} names no heading"


def anchors(text: str) -> set[str]:
    """Return the anchors of a page's headings, as code hosts make them."""
    titles = (match["title"].strip().lower() for match in HEADING.finditer(FENCE.sub("", text)))
    return {re.sub(r"[^\w\- ]", "", title).replace(" ", "-") for title in titles}


def main() -> int:
    """Print what is wrong."""
    found = list(dead_links(ROOT))
    if found:
        sys.stdout.write("\n".join(found) + "\n")
    command = [sys.executable, str(ROOT / "tools" / "generate_docs.py"), "--check"]
    stale = subprocess.run(command, check=False).returncode
    return 1 if found or stale else 0


if __name__ == "__main__":
    raise SystemExit(main())
