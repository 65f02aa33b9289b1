"""Operators that TFLite 2.8 does not load, refused before a phone refuses them."""

from __future__ import annotations

import flatbuffers
import numpy as np
import pytest
from ai_edge_litert import schema_py_generated as schema

from edge_wbc.core.errors import BadInput, CheckFailed
from export.old_runtimes import open_runtime, run_there
from export.oldest import NEWEST_VERSIONS, check_operator_versions

CODES = {name: code for name, code in vars(schema.BuiltinOperator).items() if isinstance(code, int)}
NOT_OPERATORS = {"CUSTOM", "DELEGATE", "PLACEHOLDER_FOR_GREATER_OP_CODES"}


def naming(code: int, version: int, custom: str = "") -> bytes:
    """A .tflite that lists one operator and runs none: runtimes look up whatever is listed."""
    operator = schema.OperatorCodeT()
    operator.builtinCode, operator.deprecatedBuiltinCode, operator.version = code, min(code, 127), version
    operator.customCode = custom or None
    tensor = schema.TensorT()
    tensor.shape, tensor.type, tensor.name = [1, 3], schema.TensorType.FLOAT32, "pixels"
    graph = schema.SubGraphT()
    graph.tensors, graph.inputs, graph.outputs, graph.operators = [tensor], [0], [0], []
    model = schema.ModelT()
    model.version, model.operatorCodes, model.subgraphs, model.buffers = 3, [operator], [graph], [schema.BufferT()]
    builder = flatbuffers.Builder(256)
    builder.Finish(model.Pack(builder), file_identifier=b"TFL3")
    return bytes(builder.Output())


def test_what_is_exported_passes(float_tflite, int8_tflite):
    check_operator_versions(float_tflite, "float")
    check_operator_versions(int8_tflite, "int8")


@pytest.mark.parametrize(
    ("code", "version", "custom", "line"),
    [
        ("FULLY_CONNECTED", 12, "", "operator FULLY_CONNECTED version 12 is newer than 9, the newest that TFLite 2.8"),
        ("CONV_2D", 6, "", "operator CONV_2D version 6 is newer than 5"),
        ("STABLEHLO_ADD", 1, "", "operator STABLEHLO_ADD is unknown to TFLite 2.8"),
        ("SIGN", 1, "", "operator SIGN is unknown to TFLite 2.8"),
        ("CUSTOM", 1, "FlexErf", "operator 'FlexErf' is custom"),
    ],
)
def test_what_it_does_not_load_is_refused_by_name(code, version, custom, line):
    with pytest.raises(CheckFailed, match=f"^m: {line}"):
        check_operator_versions(naming(CODES[code], version, custom), "m")


def test_an_operator_that_nobody_knows_yet():
    with pytest.raises(CheckFailed, match="operator number 9999 is unknown"):
        check_operator_versions(naming(9999, 1), "m")


def test_every_operator_is_as_tflite_2_8_says_itself():
    try:
        runtime = open_runtime("2.8.0-x86_64")
    except BadInput as error:
        pytest.skip(str(error))
    asked, loaded = {}, set()
    for name in CODES.keys() - NOT_OPERATORS:
        newest = NEWEST_VERSIONS.get(name, 0)
        asked[f"{name} {newest + 1}"] = naming(CODES[name], newest + 1)
        if newest:
            asked[f"{name} {newest}"] = naming(CODES[name], newest)
            loaded.add(f"{name} {newest}")
    answers = run_there(runtime, asked, np.zeros((0, 1, 1, 3), np.uint8))
    assert set(answers.scores) == loaded
    words = ("Didn't find op for builtin opcode", "builtin_code out of range")
    assert all(any(word in line for word in words) for line in answers.refused.values())
    for key, model in asked.items():
        if key in loaded:
            check_operator_versions(model, key)
        else:
            with pytest.raises(CheckFailed, match=f"operator {key.split()[0]} "):
                check_operator_versions(model, key)
