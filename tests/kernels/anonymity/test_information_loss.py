"""What a coarser table has lost."""

from __future__ import annotations

import numpy as np
import pytest

from holdfast.kernels.anonymity.information_loss import information_loss


def test_nothing_is_lost_where_no_cell_is_widened() -> None:
    found = information_loss(np.array([1, 1, 1]), np.zeros((3, 2)), k=1)
    assert (found.total, found.discernibility, found.class_size) == (0.0, 3, 1.0)


def test_all_is_lost_in_one_class() -> None:
    found = information_loss(np.array([10]), np.ones((1, 2)), k=5)
    assert (found.total, found.discernibility, found.class_size) == (1.0, 100, 2.0)


def test_classes_count_by_their_rows() -> None:
    found = information_loss(np.array([1, 3]), np.array([[0.0, 1.0], [1.0, 0.0]]), k=1)
    assert found.penalty == pytest.approx([0.75, 0.25])
    assert found.total == pytest.approx(0.5)
