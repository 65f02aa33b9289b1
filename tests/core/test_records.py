"""The record of a field: reader and published schema refuse the same, and nothing is lost on the way."""

from __future__ import annotations

import copy
import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edge_wbc.core import records
from edge_wbc.core.errors import BadInput
from edge_wbc.core.finder import find_cells
from edge_wbc.core.records import (
    Cell,
    Field,
    field_from_json,
    field_to_json,
    in_field,
    read_field,
    record_faults,
    write_field,
)
from edge_wbc.core.taxonomy import LABELS, SUBTYPES

SCHEMA = json.loads(Path(records.__file__).with_name("field.schema.json").read_text(encoding="utf-8"))

GOOD = {
    "schema": 1,
    "image": "smear 1/field.jpg",
    "width": 640,
    "height": 480,
    "cells": [
        {
            "box": [0, 0, 640, 480],
            "votes": {"ana": "band", "béa": "neutrophil"},
            "score": 0.5,
            "cut": True,
            "subtype": "band",
        },
        {"box": [10, 20, 30, 40]},
    ],
    "smear": {"id": "7", "stain": "Giemsa", "disease": ""},
    "microscope": {"type": "CX18", "magnification": 100},
    "camera": "Galaxy S5",
    "um_per_px": 0.1,
    "light": "light/a.png",
}


@pytest.fixture(scope="session")
def schema():
    jsonschema = pytest.importorskip("jsonschema")
    return jsonschema.Draft202012Validator(SCHEMA)


@settings(deadline=None, max_examples=80)
@given(data=st.data())
def test_a_record_comes_back_equal(any_records, data):
    record = data.draw(any_records)
    assert field_from_json(json.loads(json.dumps(field_to_json(record)))) == record


@settings(deadline=None, max_examples=60)
@given(data=st.data())
def test_what_is_written_is_valid_under_the_schema(any_records, data, schema):
    record = data.draw(any_records)
    schema.validate(json.loads(json.dumps(field_to_json(record))))


def test_the_schema_is_one():
    jsonschema = pytest.importorskip("jsonschema")
    jsonschema.Draft202012Validator.check_schema(SCHEMA)


def test_schema_and_code_name_the_same_things():
    assert SCHEMA["$defs"]["label"]["enum"] == list(LABELS)
    assert SCHEMA["$defs"]["cell"]["properties"]["subtype"]["enum"] == ["", *SUBTYPES]
    assert SCHEMA["properties"]["schema"]["const"] == records.SCHEMA_VERSION
    assert SCHEMA["properties"]["image"]["pattern"] == records._INSIDE.pattern
    body = field_to_json(Field("a.jpg", 1, 1, (Cell((0, 0, 1, 1)),)))
    assert list(SCHEMA["properties"]) == list(body)
    assert list(SCHEMA["$defs"]["cell"]["properties"]) == list(body["cells"][0])
    for member in ("smear", "microscope"):
        assert list(SCHEMA["properties"][member]["properties"]) == list(body[member])


def test_the_schema_explains_every_member():
    def explained(node):
        for name, member in node.get("properties", {}).items():
            if "$ref" not in member:
                assert member.get("title") and member.get("description"), name
            explained(member)

    for node in (SCHEMA, *SCHEMA["$defs"].values()):
        assert node["title"] and node["description"]
        explained(node)
    assert "pixels" in SCHEMA["properties"]["width"]["description"]
    assert "Micrometres" in SCHEMA["properties"]["um_per_px"]["description"]


def _put(data, path, value):
    *way, last = path
    for step in way:
        data = data[step]
    if value is _GONE:
        del data[last]
    else:
        data[last] = value


_GONE = object()
_CELL, _BOX, _VOTES = ("cells", 0), ("cells", 0, "box"), ("cells", 0, "votes")
ACCEPTED = {
    "untouched": (("camera",), "Galaxy S5"),
    "no cells": (("cells",), _GONE),
    "no smear": (("smear",), _GONE),
    "empty smear": (("smear",), {}),
    "empty microscope": (("microscope",), {}),
    "no camera": (("camera",), _GONE),
    "no scale": (("um_per_px",), None),
    "no light": (("light",), _GONE),
    "empty light": (("light",), ""),
    "a whole number for a scale": (("um_per_px",), 1),
    "unknown magnification": (("microscope", "magnification"), None),
    "no votes": (_VOTES, {}),
    "no score": ((*_CELL, "score"), None),
    "score 0": ((*_CELL, "score"), 0),
    "score 1": ((*_CELL, "score"), 1),
    "no subtype": ((*_CELL, "subtype"), _GONE),
    "empty subtype": ((*_CELL, "subtype"), ""),
    "dots in a name": (("image",), "a..b/...jpg"),
    "a newline in a name": (("image",), "a\n../b"),
}
REFUSED = {
    "no schema": (("schema",), _GONE),
    "schema 0": (("schema",), 0),
    "schema 2": (("schema",), 2),
    "schema '1'": (("schema",), "1"),
    "schema true": (("schema",), True),
    "schema null": (("schema",), None),
    "no image": (("image",), _GONE),
    "empty image": (("image",), ""),
    "image null": (("image",), None),
    "image ..": (("image",), ".."),
    "image ../a": (("image",), "../a.jpg"),
    "image a/../../b": (("image",), "a/../../b.jpg"),
    "image a/..": (("image",), "a/.."),
    "image from the root": (("image",), "/etc/a.jpg"),
    "image on a drive": (("image",), "C:/a.jpg"),
    "image with a backslash": (("image",), "a\\b.jpg"),
    "image after a newline": (("image",), "a\n/../b"),
    "image with a NUL": (("image",), "a\0b"),
    "no width": (("width",), _GONE),
    "no height": (("height",), _GONE),
    "width 0": (("width",), 0),
    "height -1": (("height",), -1),
    "width '640'": (("width",), "640"),
    "width 640.5": (("width",), 640.5),
    "width true": (("width",), True),
    "width null": (("width",), None),
    "cells null": (("cells",), None),
    "cells an object": (("cells",), {}),
    "a cell that is a list": (_CELL, []),
    "a cell that is null": (_CELL, None),
    "unknown member": (("when",), "today"),
    "unknown member of a cell": ((*_CELL, "label"), "band"),
    "unknown member of the smear": (("smear", "patient"), "N. N."),
    "unknown member of the microscope": (("microscope", "ocular"), 10),
    "smear null": (("smear",), None),
    "smear a list": (("smear",), []),
    "stain a number": (("smear", "stain"), 1),
    "microscope a string": (("microscope",), "CX18"),
    "microscope's type null": (("microscope", "type"), None),
    "magnification '100'": (("microscope", "magnification"), "100"),
    "magnification 0": (("microscope", "magnification"), 0),
    "magnification true": (("microscope", "magnification"), True),
    "camera null": (("camera",), None),
    "um_per_px 0": (("um_per_px",), 0),
    "um_per_px -1": (("um_per_px",), -1.0),
    "um_per_px true": (("um_per_px",), True),
    "um_per_px 'x'": (("um_per_px",), "x"),
    "light null": (("light",), None),
    "light ../a": (("light",), "../a.png"),
    "light from the root": (("light",), "/a.png"),
    "light with a backslash": (("light",), "a\\b.png"),
    "no box": (_BOX, _GONE),
    "box null": (_BOX, None),
    "box of three": (_BOX, [0, 0, 1]),
    "box of five": (_BOX, [0, 0, 1, 1, 1]),
    "box of halves": (_BOX, [0, 0, 1.5, 1]),
    "box of strings": (_BOX, ["0", "0", "1", "1"]),
    "box with true": (_BOX, [0, 0, True, 1]),
    "box from -1": (_BOX, [-1, 0, 1, 1]),
    "box up to 0": (_BOX, [0, 0, 1, 0]),
    "votes a list": (_VOTES, ["band"]),
    "votes null": (_VOTES, None),
    "unknown label": ((*_VOTES, "ana"), "bandit"),
    "an alias for a label": ((*_VOTES, "ana"), "Neutrophils"),
    "label null": ((*_VOTES, "ana"), None),
    "label a list": ((*_VOTES, "ana"), ["band"]),
    "label an object": ((*_VOTES, "ana"), {"label": "band"}),
    "score '0.5'": ((*_CELL, "score"), "0.5"),
    "score true": ((*_CELL, "score"), True),
    "score 1.01": ((*_CELL, "score"), 1.01),
    "score -0.1": ((*_CELL, "score"), -0.1),
    "cut 1": ((*_CELL, "cut"), 1),
    "cut null": ((*_CELL, "cut"), None),
    "unknown subtype": ((*_CELL, "subtype"), "neutrophil"),
    "subtype null": ((*_CELL, "subtype"), None),
}
# What a schema cannot say, or a validator cannot see.
READER_ONLY = {
    "reversed in x": (_BOX, [30, 0, 10, 5]),
    "reversed in y": (_BOX, [0, 30, 10, 5]),
    "no width": (_BOX, [5, 0, 5, 5]),
    "right of the field": (_BOX, [0, 0, 641, 5]),
    "below the field": (_BOX, [0, 0, 5, 481]),
    "box of whole floats": (_BOX, [0, 0, 1.0, 1.0]),
    "width 640.0": (("width",), 640.0),
    "score NaN": ((*_CELL, "score"), float("nan")),
    "um_per_px NaN": (("um_per_px",), float("nan")),
    "um_per_px infinite": (("um_per_px",), float("inf")),
    "magnification infinite": (("microscope", "magnification"), float("inf")),
}


def _changed(path, value):
    data = copy.deepcopy(GOOD)
    _put(data, path, value)
    return data


@pytest.mark.parametrize("name", ACCEPTED)
def test_accepted_by_the_reader(name):
    data = _changed(*ACCEPTED[name])
    field = field_from_json(data)
    assert field_from_json(field_to_json(field)) == field


@pytest.mark.parametrize("name", [*REFUSED, *READER_ONLY])
def test_refused_by_the_reader(name):
    with pytest.raises(BadInput, match="^f.json"):
        field_from_json(_changed(*{**REFUSED, **READER_ONLY}[name]), "f.json")


def test_the_schema_accepts_and_refuses_the_same(schema):
    wrongly_refused = [name for name, change in ACCEPTED.items() if not schema.is_valid(_changed(*change))]
    wrongly_accepted = [name for name, change in REFUSED.items() if schema.is_valid(_changed(*change))]
    beyond_it = [name for name, change in READER_ONLY.items() if not schema.is_valid(_changed(*change))]
    assert (wrongly_refused, wrongly_accepted, beyond_it) == ([], [], [])


@pytest.mark.parametrize("data", [None, [], "x", 1, True])
def test_a_record_is_an_object(data):
    with pytest.raises(BadInput):
        field_from_json(data)


_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=4,
)
_places = [(key,) for key in GOOD] + [_CELL, _BOX, _VOTES, (*_BOX, 2), (*_VOTES, "ana")]
_places += [(*_CELL, "score"), (*_CELL, "cut"), ("smear", "id"), ("microscope", "magnification")]


@settings(deadline=None, max_examples=300)
@given(path=st.sampled_from(_places), value=_json)
def test_whatever_stands_there_it_is_read_or_refused_in_one_line(path, value):
    try:
        field_from_json(_changed(path, value))
    except BadInput:
        pass


def test_a_fault_names_its_cell():
    with pytest.raises(BadInput, match="f.json: cell 2: 'box'"):
        field_from_json(_changed(("cells", 1), {}), "f.json")


def test_on_disk(tmp_path):
    record = field_from_json(GOOD)
    path = tmp_path / "f.json"
    write_field(path, record)
    assert read_field(path) == record
    assert [file.name for file in tmp_path.iterdir()] == ["f.json"]
    assert json.loads(path.read_text(encoding="utf-8"))["schema"] == 1
    write_field(path, replace(record, camera="other"))
    assert read_field(path).camera == "other"


def test_a_byte_order_mark_is_accepted(tmp_path):
    path = tmp_path / "f.json"
    path.write_bytes(b"\xef\xbb\xbf" + json.dumps(GOOD).encode())
    assert read_field(path) == field_from_json(GOOD)


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe{}", b"[" * 100_000, b"1" * 5000, b"\x89PNG"])
def test_not_json_names_the_file(tmp_path, content):
    path = tmp_path / "odd.json"
    path.write_bytes(content)
    with pytest.raises(BadInput, match="odd.json"):
        read_field(path)


def test_no_file_names_the_file(tmp_path):
    with pytest.raises(BadInput, match="absent.json: cannot be read"):
        read_field(tmp_path / "absent.json")


def test_what_the_finder_finds_can_be_written(tmp_path, field):
    height, width = field.shape[:2]
    record = Field("a.png", width, height, tuple(find_cells(field)))
    assert record.cells
    write_field(tmp_path / "f.json", record)
    assert read_field(tmp_path / "f.json") == record


@pytest.mark.parametrize(
    ("votes", "label"),
    [({}, None), ({"a": "band"}, "band"), ({"a": "band", "b": "band"}, "band"), ({"a": "band", "b": "burst"}, None)],
)
def test_the_label_is_what_all_experts_say(votes, label):
    assert Cell((0, 0, 1, 1), votes).label == label


def test_in_field():
    assert in_field((-3.2, 1.6, 12.4, 9.9), 10, 20) == (0, 2, 10, 10)
    assert in_field((10, 0, 12, 5), 10, 20) is None
    assert in_field((3.1, 3, 3.3, 5), 10, 20) is None


def test_every_fault_of_a_record_is_listed():
    data = copy.deepcopy(GOOD)
    data["when"] = "today"
    data["cells"][0].update(box=[30, 0, 10, 5], votes={"ana": "neutrofil", "béa": "band"}, score=2)
    data["cells"][1]["box"] = [600, 0, 700, 40]
    data["um_per_px"] = -1
    found = list(record_faults(data, "f.json"))
    assert [(fault.row, fault.fault.split()[0]) for fault in found] == [
        ("", "unknown"),
        ("", "'um_per_px'"),
        ("cell 1", "box"),
        ("cell 1", "unknown"),
        ("cell 1", "score"),
        ("cell 2", "box"),
    ]
    assert found[3].remedy == "did you mean 'neutrophil'?"
    with pytest.raises(BadInput) as caught:
        field_from_json(data, "f.json")
    assert str(caught.value) == str(found[0].as_error())


@settings(deadline=None, max_examples=200)
@given(path=st.sampled_from(_places), value=_json)
def test_a_record_is_read_exactly_when_it_has_no_faults(path, value):
    data = _changed(path, value)
    try:
        field_from_json(data)
        assert not list(record_faults(data))
    except BadInput:
        assert list(record_faults(data))
