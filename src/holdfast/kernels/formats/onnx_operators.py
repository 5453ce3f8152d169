"""Operators that runtimes implement themselves: ONNX up to opset 28 and the extensions of ONNX Runtime 1.32.

Taken from ``onnx.defs.get_all_schemas_with_history()`` and ONNX Runtime's operator schemas. ``EPContext`` and ``Snpe``
are left out: they load compiled blobs, from other files too.
"""

from __future__ import annotations

_STANDARD = """
Abs Acos Acosh Add Affine AffineGrid And ArgMax ArgMin Asin Asinh Atan Atanh Attention AveragePool BatchNormalization
Bernoulli BitCast BitShift BitwiseAnd BitwiseNot BitwiseOr BitwiseXor BlackmanWindow Cast CastLike CausalConvWithState
Ceil Celu CenterCropPad Clip Col2Im Compress Concat ConcatFromSequence Constant ConstantOfShape Conv ConvInteger
ConvTranspose Cos Cosh Crop CumProd CumSum DFT DeformConv DepthToSpace DequantizeLinear Det DisentangledAttention_TRT
Div Dropout DynamicQuantizeLinear DynamicSlice EfficientNMS_TRT Einsum Elu Equal Erf Exp Expand EyeLike Flatten Floor
GRU GRUUnit Gather GatherElements GatherND Gelu Gemm GivenTensorFill GlobalAveragePool GlobalLpPool GlobalMaxPool
Greater GreaterOrEqual GridSample GroupNormalization HammingWindow HannWindow HardSigmoid HardSwish Hardmax Identity
If ImageDecoder ImageScaler InstanceNormalization IsInf IsNaN LRN LSTM LayerNormalization LeakyRelu Less LessOrEqual
LinearAttention Log LogSoftmax Loop LpNormalization LpPool MatMul MatMulInteger Max MaxPool MaxRoiPool MaxUnpool Mean
MeanVarianceNormalization MelWeightMatrix MemcpyFromHost MemcpyToHost Min Mish Mod Mul MultilevelCropAndResize_TRT
Multinomial Neg NegativeLogLikelihoodLoss NonMaxSuppression NonZero Not OneHot Optional OptionalGetElement
OptionalHasElement Or PRelu Pad ParametricSoftplus Pow PyramidROIAlign_TRT QLinearConv QLinearMatMul QuantizeLinear
RMSNormalization RNN RandomNormal RandomNormalLike RandomUniform RandomUniformLike Range Reciprocal ReduceL1 ReduceL2
ReduceLogSum ReduceLogSumExp ReduceMax ReduceMean ReduceMin ReduceProd ReduceSum ReduceSumSquare RegexFullMatch Relu
Reshape Resize ReverseSequence RoiAlign RotaryEmbedding Round STFT Scale ScaledTanh Scan Scatter ScatterElements
ScatterND Selu SequenceAt SequenceConstruct SequenceEmpty SequenceErase SequenceInsert SequenceLength SequenceMap
Shape Shrink Sigmoid Sign SimplifiedLayerNormalization Sin Sinh Size Slice Softmax SoftmaxCrossEntropyLoss Softplus
Softsign SpaceToDepth Split SplitToSequence Sqrt Squeeze StringConcat StringNormalizer StringSplit Sub Sum SwiGLU
Swish Tan Tanh TensorScatter TfIdfVectorizer ThresholdedRelu Tile TopK Transpose Trilu Unique Unsqueeze Upsample Where
Xor
"""
_TREES = """
ArrayFeatureExtractor Binarizer CastMap CategoryMapper DictVectorizer FeatureVectorizer Imputer LabelEncoder
LinearClassifier LinearRegressor Normalizer OneHotEncoder SVMClassifier SVMRegressor Scaler TreeEnsemble
TreeEnsembleClassifier TreeEnsembleRegressor ZipMap
"""
_TRAINING = """
Adagrad Adam FlexAttention Gradient Momentum
"""
_MICROSOFT = """
Attention AttnLSTM BeamSearch BiasAdd BiasDropout BiasGelu BiasSoftmax BiasSplitGelu BifurcationDetector
BitmaskBiasDropout BitmaskDropout BranchwiseRMSNorm CDist CausalConvWithState ComplexMul ComplexMulConj
ConvStateReplay ConvTransposeWithDynamicPads CropAndResize DecoderAttention DecoderMaskedMultiHeadAttention
DecoderMaskedSelfAttention DequantizeBFP DequantizeLinear DequantizeWithOrder DynamicQuantizeLSTM
DynamicQuantizeMatMul DynamicSparseAttention DynamicTimeWarping EmbedLayerNormalization EngramGate ExpandDims FastGelu
FusedConv FusedGemm FusedMatMul FusedMatMulActivation GatedAdd GatedDeltaNet GatedDeltaNetStateReplay GatedRMSNorm
GatedRelativePositionBias GatherBlockQuantized GatherND GatherPacked Gelu GemmFastGelu GemmFloat8 GemmaRotaryEmbedding
GreedySearch GridSample GroupNorm GroupQueryAttention HyperConnectionLowRankMix HyperConnectionPostMix
HyperConnectionPreMix Inverse Irfft IsAllFinite LinearAttention LinearAttentionGate LongformerAttention
MRotaryEmbedding Mamba2Verify MatMulBlockQuantizedFp4Weight MatMulBlockQuantizedFp8Weight MatMulBnb4 MatMulFpQ4
MatMulInteger16 MatMulIntegerToFloat MatMulNBits MatMulNBitsMlp MatMulNBitsQLoRA MatMulNBitsQkv MatMulPacked
MaxpoolWithMask MoE MoEGroupRouter MoEPacked MulInteger MultiHeadAttention MurmurHash3 NGramHashMapping
NGramRepeatBlock NhwcConv NhwcFusedConv NhwcMaxPool PackedAttention PackedMultiHeadAttention
PackedSparseAttentionIndexer PackedSparseAttentionIndexerMerge Pad PagedAttention QAttention QEmbedLayerNormalization
QGemm QLinearAdd QLinearAveragePool QLinearConcat QLinearConv QLinearGlobalAveragePool QLinearLeakyRelu QLinearMul
QLinearReduceMean QLinearSigmoid QLinearSoftmax QLinearWhere QMoE QOrderedAttention QOrderedGelu
QOrderedLayerNormalization QOrderedLongformerAttention QOrderedMatMul QuantizeBFP QuantizeLinear QuantizeWithOrder
QuickGelu RMSNormRotary Range ReduceSumInteger RelativePositionBias RemovePadding RestorePadding Rfft RotaryEmbedding
RouterGateUpProj Sampling ScaledSiLU SkipGroupNorm SkipLayerNormalization SkipSimplifiedLayerNormalization
SparseAttention SparseAttentionIndexer SparsePagedAttention SparseToDenseMatMul SpeculativePrefixCommit SwiGLU
Tokenizer TorchEmbedding TransposeMatMul Trilu UnfoldTensor Unique VarlenCausalConvWithState VarlenNGramHashMapping
WhisperBeamSearch WordConvEmbedding
"""
_BLOCKED = """
AveragePool Conv GlobalAveragePool GlobalMaxPool MaxPool ReorderInput ReorderOutput Upsample
"""
OPERATORS: dict[str, frozenset[str]] = {
    "": frozenset(_STANDARD.split()),
    "ai.onnx": frozenset(_STANDARD.split()),
    "ai.onnx.ml": frozenset(_TREES.split()),
    "ai.onnx.training": frozenset(_TRAINING.split()),
    "ai.onnx.preview.training": frozenset(_TRAINING.split()),
    "com.microsoft": frozenset(_MICROSOFT.split()),
    "com.microsoft.nchwc": frozenset(_BLOCKED.split()),
}
