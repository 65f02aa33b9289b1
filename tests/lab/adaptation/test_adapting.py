"""An adaptation leaves a run like any other, and is never judged on what it was told."""

import csv
import json
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import nn

from edge_wbc.core.errors import BadInput
from edge_wbc.lab.adaptation import AdaptOptions, adapt, mobile
from edge_wbc.lab.adaptation.lab import draw_shots, read_lab
from edge_wbc.lab.adaptation.result import parts_of_lab
from edge_wbc.lab.training import load_run
from edge_wbc.lab.training.judging import predict_logits

pytestmark = pytest.mark.usefixtures("quick_adaptation")


def rows_of(run: Path) -> list[dict[str, str]]:
    with (run / "crops.csv").open(newline="") as stream:
        return list(csv.DictReader(stream))


def test_a_run_whose_parts_say_which_were_the_shots(small_run: Path, other_lab: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    facts = adapt(small_run, other_lab, out, AdaptOptions(10))
    run, rows = load_run(out), rows_of(out)
    assert Counter(row["part"] for row in rows)["train"] == 10 == sum(facts["shots"].values())
    assert set(facts["shots"].values()) == {2}
    assert facts["recipe"]["transductive"] is True and facts["kept_source"] == ""
    assert facts["metrics"]["test"]["n"] == facts["before"]["n"] == len(run.crops("test")[0])
    assert len(run.crops("train")[0]) == 10
    shots = {row["sha256"] for row in rows if row["part"] == "train"}
    assert not shots & {row["sha256"] for row in rows if row["part"] == "test"}
    source = {digest for digest, _, _ in load_run(small_run).provenance}
    assert source < {digest for digest, _, _ in run.provenance}
    assert json.loads((out / "run.json").read_text())["metrics"] == facts["metrics"]


def test_the_same_seed_gives_the_same_weights_and_a_finished_run_stays(
    small_run: Path, other_lab: Path, tmp_path: Path, same_weights: Callable[[Path, Path], bool]
) -> None:
    for name in ("one", "two"):
        adapt(small_run, other_lab, tmp_path / name, AdaptOptions(10))
    adapt(small_run, other_lab, tmp_path / "three", AdaptOptions(10, seed=1))
    assert same_weights(tmp_path / "one", tmp_path / "two")
    assert not same_weights(tmp_path / "one", tmp_path / "three")
    said: list[str] = []
    adapt(small_run, other_lab, tmp_path / "one", AdaptOptions(10), log=said.append)
    assert any("finished already" in line for line in said)
    with pytest.raises(BadInput, match="seed 0 instead of 4"):
        adapt(small_run, other_lab, tmp_path / "one", AdaptOptions(10, seed=4))


def test_copies_of_a_shot_are_not_judged_on(small_run: Path, other_lab: Path) -> None:
    run = load_run(small_run)
    lab = read_lab(other_lab, run.crop, run.labels)
    twins = [row for row, item in enumerate(lab.items) if item.name in ("monocyte/1.png", "monocyte/copy.png")]
    seen = set()
    for seed in range(12):
        parts = parts_of_lab(lab, draw_shots(lab, 20, seed), frozenset())
        assert Counter(parts.tolist())["train"] == 20
        seen.add(tuple(sorted(parts[twins])))
    assert seen == {("", "train"), ("test", "test")}


def test_what_the_source_learned_from_is_not_judged_on(small_run: Path, drawn_lab: Path, tmp_path: Path) -> None:
    facts = adapt(small_run, drawn_lab, tmp_path / "out", AdaptOptions(0))
    known = {row["image"] for row in rows_of(small_run) if row["part"] != "test"}
    judged = {row["image"] for row in rows_of(tmp_path / "out") if row["part"] == "test"}
    assert judged and not known & judged
    assert facts["left_out"] + facts["parts"]["test"] == 216


def test_without_labels_from_loose_photographs(small_run: Path, other_lab: Path, tmp_path: Path) -> None:
    loose = tmp_path / "loose"
    for number, file in enumerate(sorted(other_lab.rglob("*.png"))):
        (loose / "slide 1").mkdir(parents=True, exist_ok=True)
        shutil.copy(file, loose / "slide 1" / f"{number}.png")
    facts = adapt(small_run, loose, tmp_path / "out", AdaptOptions(0))
    assert facts["metrics"] == {} and facts["before"] is None
    assert facts["parts"] == {"unlabelled": 41}
    assert load_run(tmp_path / "out").labels == load_run(small_run).labels
    with pytest.raises(BadInput, match="has 0 different labelled cells, and --shots asks for 5"):
        adapt(small_run, loose, tmp_path / "other", AdaptOptions(5))


def test_a_field_is_no_photograph_of_one_cell(small_run: Path, drawn_lab: Path, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"show a field, not one cell; .*edge-wbc find"):
        adapt(small_run, drawn_lab / "images", tmp_path / "out", AdaptOptions(0))


def test_labels_that_cannot_be_had(small_run: Path, other_lab: Path, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="has 40 different labelled cells, and --shots asks for 41"):
        adapt(small_run, other_lab, tmp_path / "a", AdaptOptions(41))
    with pytest.raises(BadInput, match="3 cannot cover the 5 labels"):
        adapt(small_run, other_lab, tmp_path / "b", AdaptOptions(3))
    with pytest.raises(BadInput, match="-1 is below 0"):
        adapt(small_run, other_lab, tmp_path / "c", AdaptOptions(-1))


def test_every_label_used_leaves_nothing_to_judge_by(small_run: Path, other_lab: Path, tmp_path: Path) -> None:
    facts = adapt(small_run, other_lab, tmp_path / "out", AdaptOptions(40))
    assert facts["metrics"] == {} and facts["parts"]["train"] == 40
    assert np.bincount(load_run(tmp_path / "out").crops("train")[1]).tolist() == [8] * 5


def test_cells_the_network_has_no_output_for_are_left_out(small_run: Path, other_lab: Path, tmp_path: Path) -> None:
    data = shutil.copytree(other_lab, tmp_path / "data")
    shutil.copytree(data / "monocyte", data / "platelets")
    said: list[str] = []
    facts = adapt(small_run, data, tmp_path / "out", AdaptOptions(10), log=said.append)
    assert facts["dropped"] == {"platelet": 9}
    assert any("9 platelet" in line for line in said)


def test_a_network_that_collapses_is_not_kept(
    small_run: Path, other_lab: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = load_run(small_run)
    crops = read_lab(other_lab, run.crop, run.labels).crops()
    before = predict_logits(run.network, crops)
    rarest = int(np.bincount(before.argmax(1), minlength=5).argmin())

    def collapse(network: nn.Module, *_: object, **__: object) -> nn.Module:
        with torch.no_grad():
            network.classifier[1].weight.zero_()
            network.classifier[1].bias[rarest] = 9.0
        return network

    monkeypatch.setattr(mobile, "fit", collapse)
    said: list[str] = []
    facts = adapt(small_run, other_lab, tmp_path / "out", AdaptOptions(0), log=said.append)
    assert facts["kept_source"] and any("the source network is kept" in line for line in said)
    assert np.array_equal(predict_logits(load_run(tmp_path / "out").network, crops), before)


def test_of_many_cells_some_take_part_and_every_shot(small_run: Path, other_lab: Path) -> None:
    run = load_run(small_run)
    lab = read_lab(other_lab, run.crop, run.labels)
    shots = draw_shots(lab, 10, 0)
    few, mine = mobile._taking_part(lab, shots, 15, 0)
    assert len(few.raw) == 15 and np.array_equal(few.raw[mine], lab.raw[shots])
    assert [few.items[row] for row in mine] == [lab.items[row] for row in shots]
    assert len(mobile._taking_part(lab, shots, 5, 0)[0].raw) == 10
