"""`edge-wbc models`: what can be trained, what it costs, and which weights are at hand."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from edge_wbc.lab.models import MODELS


def test_table_and_json(edge_wbc: Callable, tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    rows = {row["model"]: row for row in json.loads(edge_wbc("models", "--json").out)["models"]}
    assert rows.keys() == MODELS.keys()
    assert rows["mobilenet_v2"]["multiply_adds"] == 55_015_552
    assert rows["mobilenet_v2"]["parameters"] == 2_230_277
    assert rows["mobilenet_v2"]["weights_at_hand"] is False
    assert rows["efficientnet_lite0"]["licence"] == "Apache-2.0"
    assert rows["efficientnet_b0"]["on_phone"] is False
    assert rows["inception_v3"]["size"] == 299 and rows["inception_v3"]["least_size"] == 75
    assert rows["resnet50"]["papers"] == ["raabin", "yu"]

    # By benchmarks/networks.py.
    page = (Path(__file__).parents[2] / "docs" / "networks.md").read_text()
    for name, row in rows.items():
        line = f"| `{name}` | {row['parameters'] / 1e6:.1f} M | {row['multiply_adds'] / 1e6:.0f} M | {row['size']} |"
        assert line in page

    monkeypatch.setenv("COLUMNS", "80")
    said = edge_wbc("models")
    assert said.code == 0 and "…" not in said.out
    line = next(line for line in said.out.splitlines() if "mobilenet_v2 " in line)
    assert [cell.strip() for cell in line.strip("│ ").split("│")] == [
        "mobilenet_v2",
        "2.2",
        "55",
        "224",
        "no",
        "BSD-3",
        "raabin",
    ]
    assert "no ImageNet weights here: mobilenet_v2, shufflenet_v2_x1_0" in said.err
