"""What TFLite 2.8, the oldest runtime of the phones, knows of operators: refused here, not on the phone."""

from __future__ import annotations

from edge_wbc.core.errors import CheckFailed
from export.flatbuffer import enum_names

__all__ = ["NEWEST_VERSIONS", "check_operator_versions"]

# The newest version of each operator that tflite-runtime 2.8.0 loads, as it says itself: tests/export/test_oldest.py
# asks it for every operator there is.
_BY_VERSION = {
    1: """ADD_N ASSIGN_VARIABLE BROADCAST_ARGS BUCKETIZE CALL_ONCE CEIL COMPLEX_ABS CONV_3D CONV_3D_TRANSPOSE COS CUMSUM
    DENSIFY ELU EMBEDDING_LOOKUP_SPARSE EXP EXPAND_DIMS FLOOR FLOOR_MOD GELU HARD_SWISH HASHTABLE HASHTABLE_FIND
    HASHTABLE_IMPORT HASHTABLE_LOOKUP HASHTABLE_SIZE IF IMAG L2_POOL_2D LOCAL_RESPONSE_NORMALIZATION LOG LOGICAL_AND
    LOGICAL_NOT LOGICAL_OR LSH_PROJECTION MATRIX_DIAG MATRIX_SET_DIAG MULTINOMIAL NEG NON_MAX_SUPPRESSION_V4
    NON_MAX_SUPPRESSION_V5 ONE_HOT POW PRELU RANDOM_STANDARD_NORMAL RANDOM_UNIFORM RANGE RANK READ_VARIABLE REAL
    REDUCE_ALL REDUCE_ANY RELU_N1_TO_1 RESHAPE REVERSE_SEQUENCE RFFT2D ROUND SCATTER_ND SEGMENT_SUM SELECT_V2 SHAPE SIN
    SKIP_GRAM SQRT SQUARE UNIQUE VAR_HANDLE WHILE ZEROS_LIKE""",
    2: """ARG_MAX ARG_MIN DEPTH_TO_SPACE DIV FAKE_QUANT FLOOR_DIV GREATER GREATER_EQUAL L2_NORMALIZATION LEAKY_RELU LESS
    LESS_EQUAL LOG_SOFTMAX MIRROR_PAD REDUCE_PROD RSQRT SELECT SPACE_TO_DEPTH SPLIT_V SQUARED_DIFFERENCE SQUEEZE SUM
    TOPK_V2 WHERE""",
    3: """AVERAGE_POOL_2D BATCH_TO_SPACE_ND BIDIRECTIONAL_SEQUENCE_LSTM BIDIRECTIONAL_SEQUENCE_RNN BROADCAST_TO CAST
    CONCATENATION EMBEDDING_LOOKUP EQUAL FILL GATHER_ND LOGISTIC MAX_POOL_2D MEAN NOT_EQUAL PACK QUANTIZE REDUCE_MAX
    REDUCE_MIN RELU RELU6 REVERSE_V2 RNN SOFTMAX SPACE_TO_BATCH_ND SPARSE_TO_DENSE TANH TILE TRANSPOSE_CONV
    UNIDIRECTIONAL_SEQUENCE_LSTM UNIDIRECTIONAL_SEQUENCE_RNN""",
    4: """ABS ADD BATCH_MATMUL LSTM MAXIMUM MINIMUM PAD PADV2 RESIZE_BILINEAR RESIZE_NEAREST_NEIGHBOR SPLIT SVDF
    UNPACK""",
    5: "CONV_2D DEQUANTIZE GATHER MUL SLICE SUB TRANSPOSE",
    6: "DEPTHWISE_CONV_2D STRIDED_SLICE",
    9: "FULLY_CONNECTED",
}
NEWEST_VERSIONS = {name: version for version, names in _BY_VERSION.items() for name in names.split()}


def check_operator_versions(model: bytes, what: str) -> None:
    """Refuse a .tflite that names an operator which TFLite 2.8 does not load.

    Raises:
        CheckFailed: an operator of a newer version, of a newer TFLite, or of no TFLite; the line names `what` and it.
    """
    from ai_edge_litert import schema_py_generated as schema

    names = enum_names(schema.BuiltinOperator)
    root = schema.Model.GetRootAs(model, 0)
    for index in range(root.OperatorCodesLength()):
        operator = root.OperatorCodes(index)
        # Codes above 127 stand in the newer of the two fields alone.
        code, version = max(operator.BuiltinCode(), operator.DeprecatedBuiltinCode()), operator.Version()
        name = names.get(code, f"number {code}")
        if name == "CUSTOM":
            raise CheckFailed(f"{what}: operator {operator.CustomCode().decode()!r} is custom, TFLite 2.8 has none")
        newest = NEWEST_VERSIONS.get(name)
        if newest is None:
            raise CheckFailed(f"{what}: operator {name} is unknown to TFLite 2.8")
        if version > newest:
            raise CheckFailed(
                f"{what}: operator {name} version {version} is newer than {newest}, the newest that TFLite 2.8 runs"
            )
