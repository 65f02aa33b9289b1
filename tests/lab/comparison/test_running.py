"""A comparison from end to end on a small drawn lab: the same cells for all, resumed, skipped, made anew, budgeted."""

import json
import os
import shutil
import signal
import subprocess
import sys
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import cv2
import numpy as np
import pytest

from edge_wbc.core.errors import BadInput
from edge_wbc.lab.comparison import CompareOptions, Comparison, compare
from edge_wbc.lab.comparison.report import write_reports
from edge_wbc.lab.comparison.systems import System
from edge_wbc.lab.datasets import Dataset, read_dataset
from edge_wbc.lab.training.run import read_crops

QUICK = CompareOptions(("knn", "tree"), size=24)
NETWORK = CompareOptions(("mobilenet_v2", "knn"), "scratch", "none", epochs=2, batch=8, size=32)

BOARD = find_spec("tensorboard") is not None


@pytest.fixture
def lab(other_lab: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(other_lab, tmp_path / "lab"))


def data(path: Path) -> Dataset:
    return read_dataset(path, only="5")


class Log(list):
    def fits(self) -> list[str]:
        """The fits that were begun."""
        return [line.split(":")[0] for line in self if "fitting" in line or "epoch 1/" in line]


def run(path: Path, out: Path, options: CompareOptions, *others: Path) -> tuple[Comparison, Log]:
    log = Log()
    return compare(data(path), [data(other) for other in others], out, options, log=log.append), log


@pytest.fixture(scope="module")
def whole(other_lab: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Comparison, Path]:
    """A network and a baseline, never killed."""
    out = tmp_path_factory.mktemp("whole") / "out"
    return run(other_lab, out, replace(NETWORK, tensorboard=BOARD))[0], out


@pytest.mark.skipif(not BOARD, reason="tensorboard is not installed")
def test_the_networks_curves_are_there_for_tensorboard(whole: tuple[Comparison, Path]) -> None:
    assert list((whole[1] / "runs" / "mobilenet_v2-seed0" / "tensorboard").glob("events.*"))


def test_all_learn_from_the_same_cells_and_are_judged_on_the_same(whole: tuple[Comparison, Path]) -> None:
    found, out = whole
    _, rows = read_crops(out / "runs" / "mobilenet_v2-seed0")
    pixels, mine = read_crops(out / "parts")
    assert rows == mine
    assert (out / "runs" / "mobilenet_v2-seed0" / "crops.npy").samefile(out / "parts" / "crops.npy")
    parts = {row.sha256: row.part for row in rows}
    assert all(parts[row.sha256] == row.part for row in rows)
    assert found.parts.learn_truth == tuple(row.label for row in rows if row.part == "train")
    assert found.tested[0].truth == tuple(row.label for row in rows if row.part == "test")
    assert [len(scores) for scores in found.tested[0].scores.values()] == [1, 1]
    facts = json.loads((out / "runs" / "mobilenet_v2-seed0" / "run.json").read_text())
    right = facts["metrics"]["test"]["accuracy"]
    figure = found.tested[0].figure("mobilenet_v2", "all", "accuracy")
    assert figure is not None and figure.value == right
    assert facts["domains"]["lab"]["split"]["from"] == "split.csv"


def test_reports(whole: tuple[Comparison, Path]) -> None:
    found, out = whole
    facts = write_reports(found, NETWORK, out)
    assert json.loads(json.dumps(facts)) == json.loads((out / "results.json").read_text())
    page = (out / "report.html").read_text()
    for text in (page.lower(), (out / "report.md").read_text().lower(), facts["note"]):
        assert "research use, not for diagnosis" in text
    assert "Raabin-WBC, Table 8" in page and "Training curves" in page and "no ImageNet weights" in page
    assert page.count("data:image/png;base64,") == 2
    assert cv2.imread(str(out / "curves.png")) is not None
    assert (out / "curves.csv").read_text().startswith("run,epoch,lr,")
    assert len((out / "curves.csv").read_text().splitlines()) == 3
    system = facts["systems"]["mobilenet_v2"]
    assert system["status"] == "run" and system["fits"][0]["versions"]["torch"] and system["fits"][0]["fit"]["code"]
    assert set(system["parts"]["test-A"][0]) >= {"n", "accuracy", "accuracy_ci95", "confusion", "per_class"}
    assert facts["data"]["digest"] and facts["seeds"] == [0] and facts["options"]["recipe"] == "scratch"
    assert (out / "tables" / "yu-3-test-A.csv").is_file() and (out / "figures.csv").is_file()


def test_killed_it_goes_on_where_it_stopped(whole: tuple[Comparison, Path], other_lab: Path, tmp_path: Path) -> None:
    code = (
        "import os, signal, sys\n"
        "from pathlib import Path\n"
        "from edge_wbc.lab.comparison import CompareOptions, compare\n"
        "from edge_wbc.lab.datasets import read_dataset\n"
        "def kill(line):\n"
        "    if 'mobilenet_v2-seed0: epoch 1/2' in line: armed.append(line)\n"
        "def watch(title, done, total):\n"
        "    if armed and 'epoch 2/2' in title: os.kill(os.getpid(), signal.SIGKILL)\n"
        "armed = []\n"
        "options = CompareOptions(('knn', 'mobilenet_v2'), 'scratch', 'none', epochs=2, batch=8, size=32)\n"
        "compare(read_dataset(Path(sys.argv[1]), only='5'), [], Path(sys.argv[2]), options, watch, kill)\n"
    )
    out = tmp_path / "out"
    killed = subprocess.run([sys.executable, "-c", code, str(other_lab), str(out)], env={**os.environ})
    assert killed.returncode == -signal.SIGKILL
    assert (out / "systems" / "knn-seed0.json").is_file()
    assert not (out / "systems" / "mobilenet_v2-seed0.json").exists()
    assert (out / "runs" / "mobilenet_v2-seed0" / "checkpoint.pt").is_file()
    found, log = run(other_lab, out, replace(NETWORK, models=("knn", "mobilenet_v2")))
    assert log.fits() == []
    assert any("goes on after epoch 1 of 2" in line for line in log)
    for name in ("knn", "mobilenet_v2"):
        np.testing.assert_array_equal(found.tested[0].scores[name][0], whole[0].tested[0].scores[name][0])
    again, log = run(other_lab, out, replace(NETWORK, models=("knn", "mobilenet_v2")))
    assert log == []
    np.testing.assert_array_equal(again.tested[0].scores["knn"][0], found.tested[0].scores["knn"][0])


def test_what_changed_is_made_anew_and_nothing_else(lab: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out, options = tmp_path / "out", replace(NETWORK, epochs=1)
    first, log = run(lab, out, options)
    assert log.fits() == ["mobilenet_v2-seed0", "knn-seed0"]
    assert run(lab, out, options)[1].fits() == []
    # Options: only whom they concern.
    _, log = run(lab, out, replace(options, lr=0.001))
    assert log.fits() == ["mobilenet_v2-seed0"] and any("trained anew" in line for line in log)
    # Code: only whose code it is.
    code = System.code
    monkeypatch.setattr(System, "code", lambda self: "another" if self.name == "knn" else code(self))
    assert run(lab, out, replace(options, lr=0.001))[1].fits() == ["knn-seed0"]
    monkeypatch.undo()
    # Data: everybody.
    (lab / "monocyte" / "8.png").unlink()
    changed, log = run(lab, out, replace(options, lr=0.001))
    assert log.fits() == ["mobilenet_v2-seed0", "knn-seed0"]
    assert changed.parts.digest != first.parts.digest


def test_another_lab_is_judged_without_a_new_fit_of_networks(lab: Path, drawn_lab: Path, tmp_path: Path) -> None:
    out, options = tmp_path / "out", replace(NETWORK, models=("mobilenet_v2",), epochs=1)
    run(lab, out, options)
    found, log = run(lab, out, options, drawn_lab)
    assert log.fits() == []
    assert [part.part for part in found.tested][0] == "test-A" and len(found.tested) == 2
    assert found.tested[1].scores["mobilenet_v2"][0].shape == (len(found.tested[1].truth), len(found.tested[1].labels))


def test_seeds_are_for_whom_chance_concerns(lab: Path, tmp_path: Path) -> None:
    found, log = run(lab, tmp_path / "out", replace(QUICK, seeds=3))
    assert log.fits() == ["knn-seed0", "tree-seed0", "tree-seed1", "tree-seed2"]
    assert {name: len(scores) for name, scores in found.tested[0].scores.items()} == {"knn": 1, "tree": 3}
    figure = found.tested[0].figure("tree", "all", "accuracy")
    values = [found_["all", "accuracy"].value for found_ in found.tested[0].measured["tree"]]
    assert figure is not None and figure.value == pytest.approx(np.mean(values))
    # The split is the same for all of them.
    assert run(lab, tmp_path / "out", QUICK)[1].fits() == []


def test_budget_begins_nothing_more_and_says_what_is_left(lab: Path, tmp_path: Path) -> None:
    found, log = run(lab, tmp_path / "out", replace(QUICK, budget=0))
    assert log.fits() == [] and found.left == ("knn-seed0", "tree-seed0")
    assert found.remarks == {"knn": "not run", "tree": "not run"}
    write_reports(found, QUICK, tmp_path / "out")
    assert "not run" in (tmp_path / "out" / "report.md").read_text()
    run(lab, tmp_path / "out", replace(QUICK, models=("knn",)))
    found, _ = run(lab, tmp_path / "out", replace(QUICK, budget=0))
    assert found.left == ("tree-seed0",) and found.remarks["knn"] == ""


def test_one_systems_fault_does_not_end_the_others(lab: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(self: System, *rest: object) -> None:
        raise BadInput("knn", "cannot be fitted")

    fit = System.fit
    monkeypatch.setattr(System, "fit", lambda self, *rest: fail(self) if self.name == "knn" else fit(self, *rest))
    found, _ = run(lab, tmp_path / "out", replace(QUICK, seeds=2))
    assert found.faults == {"knn": "knn: cannot be fitted"} and found.remarks["knn"] == "failed: knn: cannot be fitted"
    assert len(found.tested[0].scores["tree"]) == 2


def test_a_folder_with_something_else_is_left_alone(lab: Path, tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(BadInput, match="holds no comparison"):
        run(lab, tmp_path, QUICK)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["lab", "thesis.txt"]


def test_votes_of_networks(lab: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("edge_wbc.lab.evaluation.vote", reason="the majority vote is not there yet")
    models = ("mobilenet_v2", "shufflenet_v2_x1_0", "yu-vote")
    found, _ = run(lab, tmp_path / "out", replace(NETWORK, models=models, epochs=1))
    scores = found.tested[0].scores
    assert len(scores["yu-vote"]) == 1
    np.testing.assert_allclose(scores["yu-vote"][0].sum(1), 1)
    members = [scores[name][0].argmax(1) for name in models[:2]]
    agreed = members[0] == members[1]
    assert (scores["yu-vote"][0].argmax(1)[agreed] == members[0][agreed]).all()
