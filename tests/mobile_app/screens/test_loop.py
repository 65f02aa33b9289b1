"""The whole circle: drawn fields, labelled with touches, exported, imported, adapted to, packed, installed, read again.

Minutes long, so `make loop` runs it and `make test` does not.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from edge_wbc.core.records import Smear, read_field
from mobile_app.desk import DEFAULT_PACK
from mobile_app.session.export import export_zip
from mobile_app.session.shelf import Setup
from mobile_app.sources.folder import FolderSource

pytestmark = pytest.mark.skipif(not os.environ.get("LOOP"), reason="minutes long: make loop runs it")
FIELDS = 8
NAMED = {"lymphocyte": "small_lymphocyte"}


def edge_wbc(*arguments: str | Path) -> str:
    """What a command prints; it has to exit with 0."""
    done = subprocess.run([sys.executable, "-m", "edge_wbc", *map(str, arguments)], stdout=subprocess.PIPE)
    assert done.returncode == 0, arguments
    return done.stdout.decode()


def overlap(a: tuple, b: tuple) -> float:
    """Intersection over union."""
    wide, high = min(a[2], b[2]) - max(a[0], b[0]), min(a[3], b[3]) - max(a[1], b[1])
    inside = max(wide, 0) * max(high, 0)
    return inside / ((a[2] - a[0]) * (a[3] - a[1]) + (b[2] - b[0]) * (b[3] - b[1]) - inside)


def freeze(app) -> list:
    app.press("Freeze")
    app.until(lambda: app.screen._answer is not None or bool(app.app.said), 60)
    assert not app.app.said
    return list(app.screen._answer.cells)


def test_the_circle_closes(drive, tmp_path: Path) -> None:
    edge_wbc(
        "synth",
        "smears",
        "--count",
        str(FIELDS),
        "--white",
        "6",
        "--per-smear",
        str(FIELDS),
        "--out",
        tmp_path / "drawn",
    )
    records = [read_field(path) for path in sorted((tmp_path / "drawn").rglob("records/*.json"))]
    assert len(records) == FIELDS
    photographs = tmp_path / "photographs"
    photographs.mkdir()
    for number, record in enumerate(records):
        image = next((tmp_path / "drawn").rglob(Path(record.image).name))
        (photographs / f"{number:02}{image.suffix}").write_bytes(image.read_bytes())

    source = FolderSource(photographs)
    app = drive(source=source)
    app.app.desk.begin(Setup("Loop", Smear("drawn-1", "Giemsa")), "Ada")
    for number, record in enumerate(records):
        app.app.go("capture")
        app.until(lambda: app.screen.ids.view._texture is not None)
        app.frames(5)
        freeze(app)
        app.press("Keep field")
        app.app.go("label")
        app.frames(2)
        session = app.app.desk.open
        while (cell := session.next_unlabelled()) is not None:
            assert app.screen.cell == cell
            box = session.cell(cell).cell.box
            near = max(record.cells, key=lambda one, box=box: overlap(one.box, box))
            true = near.label if near.label and overlap(near.box, box) > 0.3 else "artifact"
            label = NAMED.get(true, true)
            app.press(app.app.words.label(label))
            assert session.cell(cell).label == label
        if number + 1 < FIELDS:
            source.step(1)
    labelled = sum(app.app.desk.open.counts().values())
    assert labelled >= 2 * FIELDS

    export_zip(app.app.desk.store, app.app.desk.open.id, tmp_path / "session.zip")
    edge_wbc("data", "import", "session", tmp_path / "session.zip", "--out", tmp_path / "dataset")
    taken = [read_field(path) for path in sorted((tmp_path / "dataset" / "records").glob("*.json"))]
    assert sum(cell.label is not None for record in taken for cell in record.cells) == labelled
    edge_wbc("adapt", DEFAULT_PACK, tmp_path / "dataset", "--shots", "15", "--out", tmp_path / "run")
    edge_wbc("export", tmp_path / "run", "--kinds", "tflite-int8,weights", "--out", tmp_path / "pack")
    assert json.loads(edge_wbc("pack", "inspect", tmp_path / "pack", "--json"))

    app.app.desk.use_pack(tmp_path / "pack")
    app.app.go("capture")
    app.until(lambda: app.screen.ids.view._texture is not None)
    again = freeze(app)
    before = app.app.desk.open.fields(limit=-1)[-1]
    kept = [one.cell.box for one in app.app.desk.open.cells(field=before.id, limit=-1)]
    assert [cell.box for cell in again] == kept
    app.press("Keep field")
    assert "there already" in app.app.said or app.app.said
