"""Several labs in one training: named, split each by itself, judged each by itself, and the guard beside them."""

from collections import Counter
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from edge_wbc.core.errors import BadInput
from edge_wbc.core.taxonomy import FIVE_CLASSES
from edge_wbc.lab.datasets import Dataset, read_dataset
from edge_wbc.lab.training import Recipe, TrainOptions, load_run, train
from edge_wbc.lab.training.run import read_crops
from edge_wbc.lab.training.sources import name_domains, output_labels, with_labels

QUICK = Recipe(epochs=1, batch=32, lr=0.02, schedule="cosine")


@pytest.fixture
def two_labs(drawn_lab: Path) -> list[Dataset]:
    """Half of the drawn smears each; the first's basophils pass for platelets and the second's for unrecognisable."""
    data = read_dataset(drawn_lab)
    smears = sorted({item.smear for item in data.items})
    labs = []
    for name, mine, other in (("near", smears[:6], "platelet"), ("far", smears[6:], "not_recognised")):
        items = [item for item in data.items if item.smear in mine]
        items = [replace(item, label=other) if item.label == "basophil" else item for item in items]
        labs.append(replace(data, items=tuple(items), domain=name))
    return labs


def test_two_labs_and_a_guard(two_labs: list[Dataset], tmp_path: Path) -> None:
    options = TrainOptions(weights="none", recipe=QUICK, size=32, labels="guard")
    facts = train(two_labs, tmp_path / "run", options)
    run = load_run(tmp_path / "run")
    assert run.labels == (*FIVE_CLASSES[:4], "artifact")
    assert facts["domains"]["far"]["dropped"]["not_recognised"] > 0 and not facts["domains"]["near"]["dropped"]
    assert set(run.metrics) == {"val", "test", "val near", "test near", "val far", "test far"}
    assert set(run.metrics["test near"]["guard"]["held_back"]["kinds"]) == {"platelet"}
    assert run.metrics["test far"]["guard"]["held_back"] is None and "artifact" not in run.metrics["test"]["per_class"]
    assert run.metrics["test near"]["n"] + run.metrics["test far"]["n"] == run.metrics["test"]["n"]

    pixels, rows = read_crops(tmp_path / "run")
    assert len(pixels) == len(rows) == sum(facts["parts"].values())
    assert {row.domain for row in rows} == {"near", "far"}
    for name in ("near", "far"):
        assert {row.part for row in rows if row.domain == name} == {"train", "val", "test"}
    by_smear = {(row.smear, row.part) for row in rows}
    assert len(by_smear) == len({smear for smear, _ in by_smear})
    # The experts' word stays in the table, the guard's in the targets.
    said = Counter(row.label for row in rows if row.part == "train")
    _, targets = run.crops("train")
    assert said["platelet"] == np.count_nonzero(targets == 4) > 0 and "artifact" not in said
    assert {name.split("/")[0] for _, name, _ in run.provenance} == {"near", "far"}


def test_one_photograph_in_two_labs_parts_is_refused(drawn_lab: Path, tmp_path: Path) -> None:
    data = read_dataset(drawn_lab)
    data = replace(data, items=data.items[::3])
    shifted = replace(data, domain="again", items=data.items[18:])
    with pytest.raises(BadInput, match="is in the .* part, and its copy .* in the .* part"):
        train([data, shifted], tmp_path / "run", TrainOptions(weights="none", recipe=QUICK, size=32))


def test_labs_are_named_after_their_folders() -> None:
    def named(*sources: str) -> list[str]:
        split = [source.rpartition("=") for source in sources]
        return list(name_domains([Dataset(Path(path), (), {}, name) for name, _, path in split]))

    assert named("/data/pbc", "/data/bccd/crops") == ["pbc", "bccd/crops"]
    assert named("/one/lab", "/two/lab", "mine=/two/lab") == ["one/lab", "two/lab", "mine"]
    for twice in (("lab=/one/lab", "lab=/two/lab"), ("/a/one/lab", "/b/one/lab")):
        with pytest.raises(BadInput, match="NAME=PATH"):
            named(*twice)


def test_choices_of_labels(two_labs: list[Dataset]) -> None:
    near, far = two_labs
    assert set(with_labels(near, "5").labels) == set(FIVE_CLASSES[:4])
    assert with_labels(near, "5").dropped == {"platelet": sum(item.label == "platelet" for item in near.items)}
    assert "platelet" in with_labels(near, "guard").labels and "not_recognised" not in with_labels(far, "guard").labels
    assert with_labels(far, "all") == far
    with pytest.raises(BadInput, match="none of 5, 6, 7, guard, all"):
        with_labels(near, "8")
    assert output_labels(["platelet", "basophil", "red_cell"], "all") == ("basophil", "platelet", "red_cell")
    with pytest.raises(BadInput, match="no cell in the data is anything but"):
        output_labels(["basophil"], "guard")
