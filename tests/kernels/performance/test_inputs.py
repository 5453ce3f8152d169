import numpy as np
import pytest

from holdfast.kernels.performance.inputs import class_positions, score_matrix


def test_positions_are_returned_as_int64():
    assert class_positions(np.array([0, 1], dtype=np.uint8), n_classes=2, name="y").dtype == np.int64


def test_no_labels_are_no_positions():
    assert class_positions([], n_classes=2, name="y").size == 0


@pytest.mark.parametrize("labels", [[2], [-1], [0.5], [[0, 1]], [np.nan]])
def test_labels_that_are_no_positions_are_refused(labels):
    with pytest.raises(ValueError, match="y_true"):
        class_positions(labels, n_classes=2, name="y_true")


def test_message_names_the_first_row_that_is_not_finite():
    with pytest.raises(ValueError, match=r"y_score\[1\].*\(2 rows\)"):
        score_matrix([[0.5, 0.5], [np.nan, 1.0], [np.inf, 0.0]])
