"""What is known of the operators in front of the trees of an ONNX graph.

Known are operators that treat each number by itself and never turn, and encoders of texts: with nothing but these, each
feature follows one column, growing or falling throughout. Bins, encoders of numbers and all else count as not known.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from holdfast.adapters.models.onnx_trees import TreeNode, constants_of, nodes_of
from holdfast.core.subject import NOTHING, RUNS, Front

TEXT = 8
PLAIN = ("Identity", "Reshape", "Flatten", "Squeeze", "Unsqueeze", "Concat", "FeatureVectorizer", "Scaler")
ARITHMETIC = ("Add", "Sub", "Mul", "Div")
CHOOSING = ("ArrayFeatureExtractor", "Gather")


def read_front(data: bytes, source: str, *, n_features: int) -> Front:
    """Look at every operator between the inputs and ``source``, what the trees are given."""
    producers = {output: node for node in nodes_of(data) for output in node.outputs}
    constants = constants_of(data) | {name for name, node in producers.items() if node.operator == "Constant"}
    waiting, seen = [source], set(constants)
    while waiting:
        name = waiting.pop()
        node = producers.get(name)
        if name in seen or node is None:
            continue
        seen.add(name)
        given = [each for each in node.inputs if each not in constants]
        is_known = KNOWN.get(node.operator)
        if is_known is None or not is_known(node, len(given)):
            doubt = f"what {node.operator} does in front of the trees is not known"
            return Front(motion=np.full(n_features, NOTHING, dtype=np.int8), doubt=doubt)
        waiting += given
    return Front(motion=np.full(n_features, RUNS, dtype=np.int8))


def _fills_only_nan(node: TreeNode, n_given: int) -> bool:
    return bool(np.isnan(node.number("replaced_value_float", 0.0))) and not node.integers("imputed_value_int64s").size


KNOWN: Mapping[str, Callable[[TreeNode, int], bool]] = {
    **dict.fromkeys(PLAIN, lambda node, n_given: True),
    # of two columns the sum is a feature of both
    **dict.fromkeys((*ARITHMETIC, *CHOOSING), lambda node, n_given: n_given == 1),
    "Cast": lambda node, n_given: node.integer("to", TEXT) != TEXT,
    "Imputer": _fills_only_nan,
    "OneHotEncoder": lambda node, n_given: bool(node.strings("cats_strings")) and not node.integers("cats_int64s").size,
    "LabelEncoder": lambda node, n_given: bool(node.strings("keys_strings")),
}
