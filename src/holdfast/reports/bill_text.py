"""A bill of materials in a few lines of text."""

from __future__ import annotations

from collections.abc import Sequence

from holdfast.core.materials import Bill

MOST = 20


def render_bill(bill: Bill, *, missing: Sequence[str] = ()) -> str:
    """Count what is in it; name what is amiss."""
    packages = [one for one in bill.components if one.is_package]
    files = sum(one.kind == "file" for one in bill.components)
    sets = sum(one.kind == "data" for one in bill.components)
    lines = [f"{len(packages)} distributions, {files or 1} model file{'s' if files > 1 else ''}, {sets} data sets"]
    amiss = {
        "without a licence": [one.name for one in packages if not one.licences],
        "not fixed by version and digest": [one.name for one in packages if one.loose],
        "named by the model and not installed": list(missing),
    }
    lines += [f"{words}: {_listed(names)}" for words, names in amiss.items() if names]
    if bill.advisories is None:
        lines.append("known vulnerabilities: not looked up, no advisories were given")
    else:
        read = f"{bill.advisories.records:,} advisories, {bill.advisories.withdrawn:,} of them withdrawn"
        lines.append(f"known vulnerabilities: {len(bill.vulnerabilities)} ({read})")
        names = {one.ref: f"{one.name} {one.version}" for one in bill.components}
        for one in bill.vulnerabilities[:MOST]:
            fixed = f", fixed in {', '.join(one.fixed)}" if one.fixed else ""
            where = _listed([names.get(ref, ref) for ref in one.affects])
            lines.append(f"  {one.id} ({one.severity or 'severity not stated'}): {where}{fixed}")
        if len(bill.vulnerabilities) > MOST:
            lines.append(f"  and {len(bill.vulnerabilities) - MOST} more")
    return "\n".join(lines) + "\n"


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - MOST} more" if len(names) > MOST else ""
    return ", ".join(names[:MOST]) + more
