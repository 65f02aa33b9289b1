"""The .tflite files on the phones' runtimes; those that `make runtimes` has not built are skipped."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from ai_edge_litert.interpreter import Interpreter, OpResolverType

from edge_wbc.core.crops import CropRule
from edge_wbc.core.errors import BadInput
from edge_wbc.core.interpreter import TfliteInterpreter, open_interpreter
from edge_wbc.core.pack import read_pack
from edge_wbc.lab.datasets import load_crops, read_dataset
from export.graph import DeployableGraph
from export.old_runtimes import FACTS, OLD_RUNTIMES, OldRuntime, open_runtime, run_there
from export.repack import repack
from export.tflite import to_dynamic_tflite, to_half_tflite, to_int8_tflite, to_tflite

DEFAULT = Path(__file__).parents[2] / "mobile_app" / "packs" / "default"
STEP = 1 / 256


def opened(name: str) -> OldRuntime:
    try:
        return open_runtime(name)
    except BadInput as error:
        pytest.skip(str(error))


@pytest.fixture(params=OLD_RUNTIMES)
def there(request: pytest.FixtureRequest) -> OldRuntime:
    return opened(request.param)


@pytest.fixture(scope="module")
def default_models() -> dict[str, bytes]:
    return {name: data for name, data in read_pack(DEFAULT).files.items() if name.endswith(".tflite")}


@pytest.fixture(scope="module")
def cells(drawn_lab: Path) -> np.ndarray:
    rule = read_pack(DEFAULT).manifest.crop
    return load_crops(read_dataset(drawn_lab), CropRule(rule.size, colour=rule.colour)).pixels[::9]


@pytest.fixture(scope="module")
def kinds(float_tflite: bytes, int8_tflite: bytes) -> dict[str, bytes]:
    half, dynamic = to_half_tflite(float_tflite), to_dynamic_tflite(float_tflite)
    return {"fp32": float_tflite, "fp16": half, "dynamic": dynamic, "int8": int8_tflite}


@pytest.fixture(scope="module")
def wide(run, stock_tflite) -> dict[str, bytes]:
    """Enough weights that the quantiser leaves them outside the flatbuffer, which it does from 256 KiB on."""
    torch.manual_seed(0)
    network = torch.nn.Sequential(
        torch.nn.AvgPool2d(2), torch.nn.Flatten(), torch.nn.Linear(768, 400), torch.nn.ReLU(), torch.nn.Linear(400, 3)
    )
    crops, _ = run.crops("train")
    model = to_tflite(DeployableGraph(network, run.mean, run.std, 0.05), crops.shape[1])
    return {"stock": stock_tflite(model, crops[:8]), "ours": to_int8_tflite(model, crops)}


def plain(model: bytes) -> TfliteInterpreter:
    """Today's LiteRT with its plain kernels."""
    return TfliteInterpreter(
        "litert", Interpreter(model_content=model, experimental_op_resolver_type=OpResolverType.BUILTIN_REF)
    )


def test_the_default_pack_says_there_what_it_says_here(there, default_models, cells) -> None:
    crops = cells[:8] if "armv7l" in there.name else cells
    found = run_there(there, default_models, crops)
    assert not found.refused and set(found.scores) == set(default_models)
    for name, scores in found.scores.items():
        if "armv7l" in there.name:
            # Reference kernels round as ARM does; only the mean over the last map is rounded otherwise by now.
            expected = plain(default_models[name]).predict(crops)
            assert np.abs(scores - expected).max() <= 8 * STEP
            assert (scores.argmax(1) == expected.argmax(1)).all()
        else:
            # The fast kernels of each version round in their own way.
            expected = open_interpreter(name, default_models[name]).predict(crops)
            assert np.abs(scores - expected).mean() <= 3 * STEP
            assert (scores.argmax(1) != expected.argmax(1)).sum() <= 1
        assert len(np.unique(scores, axis=0)) > len(crops) / 2


def test_every_kind_says_there_what_it_says_here(there, kinds, run) -> None:
    crops, _ = run.crops("test")
    found = run_there(there, kinds, crops)
    assert not found.refused
    limits = {"fp32": 1e-4, "fp16": 1e-4, "dynamic": 0.01, "int8": 3 * STEP}
    for kind, scores in found.scores.items():
        expected = open_interpreter("m.tflite", kinds[kind]).predict(crops)
        np.testing.assert_allclose(scores, expected, atol=limits[kind], err_msg=kind)
        assert (scores.argmax(1) == expected.argmax(1)).all(), kind


@pytest.mark.parametrize("version", ["2.8.0", "2.11.0"])
def test_int8_on_arm_is_bit_for_bit_what_plain_kernels_on_x86_say(version, default_models, int8_tflite, cells) -> None:
    arm, other = opened(f"{version}-armv7l"), opened(f"{version}-x86_64")
    for models, crops in (default_models, cells[:8]), ({"m": int8_tflite}, cells[:8, ::3, ::3]):
        here, there = run_there(arm, models, crops), run_there(other, models, crops, reference=True)
        for name in models:
            np.testing.assert_array_equal(here.scores[name], there.scores[name])


def test_a_scale_per_channel_is_misread_without_a_word(there, float_tflite, run, stock_tflite) -> None:
    """Trap A: what `check_fully_connected` refuses. The test also shows that it would see a wrong artefact."""
    crops, labels = run.crops("test")
    models = {
        "int8": repack(stock_tflite(float_tflite, run.crops("train")[0][:8])),
        "dynamic": repack(stock_tflite(float_tflite)),
    }
    found = run_there(there, models, crops)
    assert not found.refused
    for kind, scores in found.scores.items():
        assert (open_interpreter("m.tflite", models[kind]).predict(crops).argmax(1) == labels).mean() > 0.9
        if kind == "dynamic" or there.name.startswith("2.8.0"):
            assert len(np.unique(scores, axis=0)) == 1, "the runtime says the same of every crop"
        else:
            assert (scores.argmax(1) == labels).mean() > 0.9


def test_weights_outside_the_flatbuffer_are_not_found(there, wide, run) -> None:
    """Trap B: what `check_inline` refuses. Repacked, the same weights are found."""
    crops = run.crops("test")[0][:16]
    found = run_there(there, wide, crops)
    if there.name.startswith("2.14.0"):
        assert not found.refused
    else:
        assert set(found.refused) == {"stock"} and "lacks data" in found.refused["stock"]
    expected = open_interpreter("m.tflite", wide["ours"]).predict(crops)
    np.testing.assert_allclose(found.scores["ours"], expected, atol=8 * STEP)
    assert len(np.unique(expected, axis=0)) > 4


def test_a_runtime_that_is_not_built(tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("EDGE_WBC_RUNTIMES", str(tmp_path))
    with pytest.raises(BadInput, match="^TFLite 2.8.0-armv7l: not built in .*; make runtimes$"):
        open_runtime("2.8.0-armv7l")


@pytest.mark.parametrize(("command", "words"), [(["/nowhere"], "does not start"), (["false"], "failed")])
def test_a_runtime_that_is_broken(command, words, tmp_path, monkeypatch) -> None:
    monkeypatch.setenv("EDGE_WBC_RUNTIMES", str(tmp_path))
    folder = tmp_path / "2.8.0-armv7l"
    folder.mkdir()
    facts = {"command": command, "environment": {"PYTHONPATH": str(folder)}, "versions": {}}
    (folder / FACTS).write_text(json.dumps(facts))
    with pytest.raises(BadInput, match=f"^TFLite 2.8.0-armv7l: {words}.*; make runtimes$"):
        run_there(open_runtime("2.8.0-armv7l"), {}, np.zeros((0, 4, 4, 3), np.uint8))
