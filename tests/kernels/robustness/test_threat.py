from __future__ import annotations

from itertools import pairwise

from holdfast.kernels.robustness.threat import PRESETS


def test_presets_grow_from_a_measurement_error_to_full_control() -> None:
    assert list(PRESETS) == ["measurement", "applicant", "control"]
    assert all(a.distance < b.distance and a.categories < b.categories for a, b in pairwise(PRESETS.values()))


def test_only_full_control_changes_what_is_fixed() -> None:
    assert [preset.keeps_fixed for preset in PRESETS.values()] == [True, True, False]
