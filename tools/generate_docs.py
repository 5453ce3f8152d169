"""Write the generated pages: one per check, the commands, the JSON Schemas.

``python tools/generate_docs.py`` writes them under ``docs/``; with ``--check`` it writes nothing and exits with 1 when
a page is not what the source says. Check files are parsed, not imported.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator
from itertools import groupby
from pathlib import Path
from typing import Any

from holdfast.auditing.catalogue import CheckEntry, catalogue
from holdfast.core.check import MeasureSpec

ROOT = Path(__file__).resolve().parent.parent
GENERATED = ("docs/checks", "docs/schema", "docs/reference/commands.md", "docs/reference/personal-data.md")
HELP_WIDTH = 100
HEADING = re.compile(r"^(?P<title>\S.*)\n-{3,}$", re.MULTILINE)
DIRECTIONS = {"higher_is_better": "higher", "lower_is_better": "lower", "neither": "neither"}


def pages() -> dict[str, str]:
    """Return every generated file by its path from the root of the repository."""
    checks = sorted(catalogue().values(), key=lambda entry: entry.id)
    written = {f"docs/checks/{entry.id}.md": check_page(entry) for entry in checks}
    written["docs/checks/index.md"] = check_index(checks)
    written["docs/reference/commands.md"] = commands_page()
    written["docs/reference/personal-data.md"] = personal_data_page()
    written |= {f"docs/schema/{name}.json": text for name, text in schemas()}
    return written


def check_page(entry: CheckEntry) -> str:
    """Write the page of one check: its docstring, then what its spec says."""
    spec = entry.spec
    sections = [
        f"# {spec.title}",
        f"`{entry.id}`: {spec.question}",
        _markdown(entry.page),
        "## What it measures",
        _measures(spec.measures),
        "## What it needs",
        _needs(entry),
        *_parameters(entry),
        *_effort(entry),
    ]
    return "\n\n".join(sections) + "\n"


def check_index(checks: list[CheckEntry]) -> str:
    """Write the list of checks by family."""
    lines = ["# Checks", "", f"{len(checks)} checks; `holdfast explain CHECK` shows the same pages in a terminal."]
    for family, members in groupby(checks, key=lambda entry: entry.id.split(".")[0]):
        lines += ["", f"## {family.replace('_', ' ').capitalize()}", "", "| check | question |", "|---|---|"]
        lines += [f"| [{entry.id}]({entry.id}.md) | {_cell(entry.spec.question)} |" for entry in members]
    return "\n".join(lines) + "\n"


def commands_page() -> str:
    """Write the help text of every command."""
    from typer.main import get_command

    from holdfast.interfaces.cli.main import app

    lines = ["# Commands", "", "What `holdfast COMMAND --help` prints."]
    for name, text in _help_texts(get_command(app), "holdfast", None):
        lines += ["", f"## {name}", "", "```text", text, "```"]
    return "\n".join(lines) + "\n"


def personal_data_page() -> str:
    """Write what the detector of personal data knows: every rule, its check, its scores and its source."""
    from holdfast.kernels.personal_data.detector import default_detector
    from holdfast.kernels.personal_data.names import LABELS
    from holdfast.kernels.personal_data.rule import THRESHOLD

    rules = default_detector().rules
    countries = {country for rule in rules for country in rule.countries}
    lines = [
        "# What is found as personal data",
        "",
        f"{len(rules)} rules for {len({rule.label for rule in rules})} labels; numbers of {len(countries)} countries.",
        f"A match counts from a score of {THRESHOLD}; most numbers reach it only beside a word that names them.",
        "How well the rules do on labelled text stands in `benchmarks/RESULTS.md`; measure it on your own with",
        "`holdfast pii eval`.",
        "",
        "Without rules, by lexicons and the words around them: " + ", ".join(f"`{label}`" for label in LABELS) + ".",
        "",
        "| label | rule | check | score alone | with a word | source | example |",
        "|---|---|---|---|---|---|---|",
    ]
    for rule in sorted(rules, key=lambda rule: (rule.label, rule.name)):
        where = f" ({', '.join(rule.countries)})" if rule.countries else ""
        beside = f"{rule.context_score:.2f}" if rule.context else ""
        example = f"`{_cell(rule.examples[0]).splitlines()[0]}`" if rule.examples else ""
        lines.append(
            f"| {rule.label}{where} | {rule.name} | {'yes' if rule.validate else 'shape'} | {rule.score:.2f} "
            f"| {beside} | {_cell(rule.source)} | {example} |"
        )
    return "\n".join(lines) + "\n"


def schemas() -> Iterator[tuple[str, str]]:
    """Yield the JSON Schema of every document that is written or read."""
    from holdfast.auditing.config import AuditConfig
    from holdfast.core.decision import Decision
    from holdfast.core.lineage import Lineage
    from holdfast.core.parse import json_schema
    from holdfast.core.provenance import DataRecord, TrainingManifest
    from holdfast.core.record import Findings, Run
    from holdfast.core.scan import ScanReport
    from holdfast.evidence.manifest import Manifest
    from holdfast.kernels.performance.recalibration import Recalibrator
    from holdfast.policy.rules import Policy

    documents = {
        "findings": Findings,
        "decision": Decision,
        "run": Run,
        "scan": ScanReport,
        "manifest": Manifest,
        "policy": Policy,
        "config": AuditConfig,
        "recalibrator": Recalibrator,
        "data-record": DataRecord,
        "training-manifest": TrainingManifest,
        "lineage": Lineage,
    }
    for name, kind in documents.items():
        schema = {"$schema": "https://json-schema.org/draft/2020-12/schema", **json_schema(kind)}
        yield name, json.dumps(schema, indent=2, ensure_ascii=False, sort_keys=True) + "\n"


def differences(root: Path, written: dict[str, str]) -> list[str]:
    """Compare the files under the generated folders with what would be written."""
    found = [
        f"{place}: out of date"
        for place, text in written.items()
        if not (root / place).is_file() or (root / place).read_text(encoding="utf-8") != text
    ]
    present = {path.relative_to(root).as_posix() for folder in GENERATED for path in (root / folder).rglob("*.*")}
    return found + [f"{place}: nothing generates this page" for place in sorted(present - set(written))]


def write(root: Path, written: dict[str, str]) -> None:
    """Write the pages and remove those that nothing generates any more."""
    for folder in GENERATED:
        for path in (root / folder).rglob("*.*"):
            if path.relative_to(root).as_posix() not in written:
                path.unlink()
    for place, text in written.items():
        (root / place).parent.mkdir(parents=True, exist_ok=True)
        (root / place).write_text(text, encoding="utf-8")


def main() -> int:
    """Write or compare."""
    written = pages()
    if "--check" not in sys.argv[1:]:
        write(ROOT, written)
        return 0
    found = differences(ROOT, written)
    if found:
        sys.stdout.write("\n".join(found) + "\n\nhint: run `make docs`\n")
    return 1 if found else 0


def _markdown(docstring: str) -> str:
    text = HEADING.sub(lambda match: f"## {match['title']}\n", docstring)
    return text.replace("``", "`").strip()


def _measures(measures: tuple[MeasureSpec, ...]) -> str:
    lines = ["| id | name | unit | better | range | bound |", "|---|---|---|---|---|---|"]
    for measure in measures:
        cells = [f"`{measure.id}`", measure.name, measure.unit, DIRECTIONS[measure.direction], _range(measure.range)]
        lines.append("| " + " | ".join(_cell(text) for text in (*cells, measure.bound)) + " |")
    return "\n".join(lines)


def _range(ends: tuple[float | None, float | None]) -> str:
    low, high = ends
    return f"{'-∞' if low is None else f'{low:g}'} to {'∞' if high is None else f'{high:g}'}"


def _needs(entry: CheckEntry) -> str:
    spec = entry.spec
    lines = {
        "needs": ", ".join(spec.needs),
        "tasks": ", ".join(spec.tasks),
        "findings it uses": ", ".join(spec.uses),
        "fields of the deployment it reads": ", ".join(spec.reads),
        "evidence codes": ", ".join(spec.evidence_codes),
        "cost": spec.cost + (", runs alone" if spec.alone else ""),
    }
    return "\n".join(f"- {name}: {text}" for name, text in lines.items() if text)


def _parameters(entry: CheckEntry) -> list[str]:
    if not entry.parameters:
        return []
    described = _described_parameters(entry)
    lines = ["| parameter | default | meaning |", "|---|---|---|"]
    lines += [
        f"| `{name}` | `{default!r}` | {_cell(described.get(name, ''))} |" for name, default in entry.parameters.items()
    ]
    return ["## Parameters", "\n".join(lines)]


def _described_parameters(entry: CheckEntry) -> dict[str, str]:
    import ast

    tree = ast.parse(entry.path.read_text(encoding="utf-8"))
    run = next(node for node in tree.body if isinstance(node, ast.FunctionDef) and node.name == "run")
    _, _, text = (ast.get_docstring(run) or "").partition("Parameters\n----------\n")
    described: dict[str, str] = {}
    name = ""
    for line in text.partition("\n\n")[0].splitlines():
        if line.startswith(" "):
            described[name] = f"{described[name]} {line.strip()}".strip()
        else:
            name = line.split(":")[0].strip()
            described[name] = ""
    return {name: words.replace("``", "`") for name, words in described.items()}


def _effort(entry: CheckEntry) -> list[str]:
    if not entry.spec.effort:
        return []
    names = sorted({name for limits in entry.spec.effort.values() for name in limits})
    lines = ["| effort | " + " | ".join(names) + " |", "|---|" + "---|" * len(names)]
    for effort, limits in entry.spec.effort.items():
        lines.append(
            f"| {effort} | " + " | ".join(f"{limits[name]:,}" if name in limits else "" for name in names) + " |"
        )
    return ["## Work at each effort", "\n".join(lines)]


def _help_texts(command: Any, name: str, parent: Any) -> Iterator[tuple[str, str]]:
    context = command.make_context(name.split()[-1], [], parent=parent, resilient_parsing=True)
    context.terminal_width = context.max_content_width = HELP_WIDTH
    text = "\n".join(line.rstrip() for line in command.get_help(context).strip().splitlines())
    yield name, text
    for child_name, child in sorted(getattr(command, "commands", {}).items()):
        yield from _help_texts(child, f"{name} {child_name}", context)


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("\n", " ")


if __name__ == "__main__":
    raise SystemExit(main())
