"""Which function rewrites which operator of an ONNX graph."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from holdfast.adapters.models import onnx_moves as moves
from holdfast.adapters.models import onnx_normalising as normalising
from holdfast.adapters.models import onnx_parts as parts
from holdfast.adapters.models import onnx_steps as steps
from holdfast.adapters.models.network_arrays import no_network
from holdfast.adapters.models.onnx_sight import Sight
from holdfast.adapters.models.onnx_trees import TreeNode

Writer = Callable[[Sight, TreeNode], None]


def write(sight: Sight, node: TreeNode) -> None:
    """Write one operator.

    Raises
    ------
    NotRun
        When it is not known, or used in a way that is not; it is named.
    """
    if node.operator not in WRITERS:
        raise no_network(f"it uses the operator {node.operator}, which is not known here")
    WRITERS[node.operator](sight, node)


WRITERS: Mapping[str, Writer] = {
    **dict.fromkeys(
        ("Relu", "Sigmoid", "Tanh", "Erf", "HardSwish", "Softplus", "Exp", "Log", "Sqrt", "Reciprocal", "Abs", "Neg",
         "Sign", "Round", "Floor", "Ceil", "Sin", "Cos", "Atan", "Add", "Sub", "Mul", "Pow", "Where", "Equal",
         "Greater", "GreaterOrEqual", "Less", "LessOrEqual", "And", "Or", "Xor", "Not", "IsNaN"),
        steps.same,
    ),
    "LeakyRelu": steps.with_numbers(alpha=0.01),
    "Elu": steps.with_numbers(alpha=1.0),
    "HardSigmoid": steps.with_numbers(alpha=0.2, beta=0.5),
    "Gelu": steps.gelu,
    "Selu": steps.selu,
    "Celu": steps.celu,
    "Mish": steps.mish,
    "Swish": steps.swish,
    "Softsign": steps.softsign,
    "ThresholdedRelu": parts.threshold,
    "Shrink": parts.shrink,
    "PRelu": steps.prelu,
    "Identity": steps.dropped,
    "Dropout": steps.dropped,
    "Cast": steps.cast,
    "Div": steps.divided,
    "Mod": steps.modulo,
    "Sum": steps.folded("Add"),
    "Mean": steps.mean,
    "Max": steps.extreme,
    "Min": steps.extreme,
    "Clip": steps.clip,
    "Gemm": steps.gemm,
    "MatMul": steps.product,
    "Einsum": parts.einsum,
    "Conv": steps.conv,
    "ConvTranspose": steps.conv_transpose,
    "MaxPool": steps.pool,
    "AveragePool": steps.pool,
    "GlobalAveragePool": steps.global_pool,
    "GlobalMaxPool": steps.global_pool,
    "LRN": steps.local_response,
    "LSTM": parts.recurrent,
    "GRU": parts.recurrent,
    "RNN": parts.recurrent,
    "BatchNormalization": normalising.batch_normalization,
    "LayerNormalization": normalising.layer_normalization,
    "InstanceNormalization": normalising.instance_normalization,
    "GroupNormalization": normalising.group_normalization,
    "RMSNormalization": normalising.rms_normalization,
    "MeanVarianceNormalization": normalising.mean_variance_normalization,
    "LpNormalization": normalising.lp_normalization,
    "Softmax": normalising.along_axis,
    "LogSoftmax": normalising.along_axis,
    "Flatten": moves.reshape,
    "Reshape": moves.reshape,
    "Squeeze": moves.reshape,
    "Unsqueeze": moves.reshape,
    "Transpose": moves.transpose,
    "Concat": moves.concat,
    "Slice": moves.slice_,
    "Split": moves.split,
    "Gather": moves.gather,
    "GatherElements": moves.gather_elements,
    "GatherND": moves.gather_nd,
    "ScatterND": moves.scatter_nd,
    "ScatterElements": moves.scatter_elements,
    "Pad": moves.pad,
    "Expand": moves.expand,
    "Tile": moves.tile,
    "Trilu": moves.trilu,
    "DepthToSpace": moves.depth_to_space,
    "SpaceToDepth": moves.space_to_depth,
    "Resize": parts.resize,
    "Upsample": parts.resize,
    "CumSum": moves.cumulative_sum,
    **dict.fromkeys(
        ("ReduceMean", "ReduceSum", "ReduceMax", "ReduceMin", "ReduceProd", "ReduceL1", "ReduceL2", "ReduceSumSquare",
         "ReduceLogSum", "ReduceLogSumExp"),
        moves.reduce,
    ),
    "TopK": moves.top_k,
    "ArgMax": moves.arg_extreme,
    "ArgMin": moves.arg_extreme,
    "QuantizeLinear": parts.quantize,
    "DequantizeLinear": parts.dequantize,
    "OneHot": parts.one_hot,
    "OneHotEncoder": parts.one_hot_encoder,
    "ArrayFeatureExtractor": moves.array_features,
    "Binarizer": parts.binarizer,
    "Imputer": parts.imputer,
    "Normalizer": parts.normalizer,
    "Scaler": steps.scaler,
}  # fmt: skip
