"""What every question about groups of people needs to be told first."""

from __future__ import annotations

from holdfast.core.errors import NotApplicable, NotRun
from holdfast.core.subject import Subject


def people_columns(subject: Subject) -> list[str]:
    """Return the columns of the test table that describe people.

    The check must read ``sensitive`` and ``positive`` of the deployment.

    Raises
    ------
    NotRun
        When the deployment names none.
    NotApplicable
        When there are more than two classes and none is named as the favourable one.
    """
    if not subject.deployment.sensitive:
        raise NotRun(
            "no sensitive attributes are named",
            hint="name the columns that describe people, such as sex or age, as deployment.sensitive in holdfast.yaml",
        )
    if subject.task == "multiclass" and subject.deployment.positive is None:
        raise NotApplicable(
            f"there are {len(subject.classes)} classes and none is named as the favourable one",
            hint="name it as deployment.positive in holdfast.yaml; it is then compared with all others",
        )
    return list(dict.fromkeys(subject.deployment.sensitive))
