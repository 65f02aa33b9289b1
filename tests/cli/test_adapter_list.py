"""`edge-wbc adapter list`, `new-phone` and `new-ocular`: data on stdout, one line and exit 2 for what cannot be."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from adapter_cad import catalogue

PHONE = {
    "length": 165, "width": 75.8, "thickness": 8.6, "lens-left": 16, "lens-top": 18, "lens-right": 59.8,
    "lens-bottom": 147, "focal-equiv": 26, "f-number": 1.8, "island-left": 8, "island-right": 38, "island-top": 8,
    "island-bottom": 46, "island-height": 1.9,
}  # fmt: skip
OCULAR = {
    "housing-diameter": 30, "grip-length": 15, "tube-diameter": 23.2, "exit-pupil-height": 12,
    "eye-lens-diameter": 17, "magnification": 10, "field-number": 18,
}  # fmt: skip


def options(values: dict) -> list[str]:
    return [f"--{name}={value}" for name, value in values.items()]


def refused(said, *words: str) -> None:  # type: ignore[no-untyped-def]
    assert said.code == 2 and said.out == "", said
    lines = [line for line in said.err.splitlines() if line.startswith("edge-wbc:")]
    assert len(lines) == 1 and "Traceback" not in said.err
    for word in words:
        assert word in lines[0], lines[0]


def test_list_as_json_holds_the_contract(edge_wbc: Callable) -> None:
    said = edge_wbc("adapter", "list", "--json")
    assert said.code == 0 and said.err == ""
    told = json.loads(said.out)
    assert set(told) == {"phones", "oculars", "printers"}
    for kind, devices in told.items():
        assert [device["name"] for device in devices] == list(catalogue.names(kind))
        for device in devices:
            assert device["title"]
            for number in device["numbers"].values():
                assert set(number) == {"value", "standing", "source"}
    s5 = next(phone for phone in told["phones"] if phone["name"] == "galaxy-s5")
    assert s5["numbers"]["length"]["value"] == 142.0
    assert s5["numbers"]["bump"]["value"]["height"] == catalogue.phone("galaxy-s5").bump.height  # type: ignore[union-attr]
    assert s5["numbers"]["edge: plug"]["value"]["side"] == "bottom"


def test_list_as_a_table(edge_wbc: Callable) -> None:
    said = edge_wbc("adapter", "list")
    assert said.code == 0
    for kind in catalogue.KINDS:
        for name in catalogue.names(kind):
            assert name in said.out
    assert "15 published" in said.out and "6 assumed" in said.out


def test_a_phone_without_a_question(edge_wbc: Callable, tmp_path: Path) -> None:
    out = tmp_path / "out"
    said = edge_wbc("adapter", "new-phone", "nokia-g42", "--out", out, "--title", "Nokia G42", *options(PHONE))
    assert said.code == 0 and said.out.strip() == str(out / "nokia-g42.toml")
    assert "assumed, since nobody measured: corner radius" in said.err
    assert catalogue.phone(out / "nokia-g42.toml").title == "Nokia G42"
    assert sorted(path.name for path in out.iterdir()) == ["measure-phone.png", "nokia-g42.toml"]
    refused(edge_wbc("adapter", "new-phone", "nokia-g42", "--out", out, *options(PHONE)), "is there already")


def test_a_phone_asked_for(edge_wbc: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    answers = "\n".join(str(value).replace(".", ",") for value in PHONE.values()) + "\n"
    monkeypatch.setattr(sys, "stdin", io.StringIO(answers))
    said = edge_wbc("adapter", "new-phone", "asked", "--out", tmp_path, "--json")
    assert said.code == 0, said.err
    told = json.loads(said.out)
    assert told["file"] == str(tmp_path / "asked.toml") and "mass" in told["assumed"]
    assert said.err.index("measure-phone.png") < said.err.index("A  length")
    assert catalogue.phone(told["file"]).bump is not None and Path(told["picture"]).is_file()


@pytest.mark.parametrize("how", ["--no-island", "empty answer"])
def test_a_phone_without_an_island(
    edge_wbc: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, how: str
) -> None:
    given = {name: value for name, value in PHONE.items() if not name.startswith("island")}
    monkeypatch.setattr(sys, "stdin", io.StringIO("\n"))
    flags = ["--no-island"] if how == "--no-island" else []
    said = edge_wbc("adapter", "new-phone", "flat", "--out", tmp_path, *options(given), *flags)
    assert said.code == 0, said.err
    assert catalogue.phone(tmp_path / "flat.toml").bump is None


def test_an_ocular(edge_wbc: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    said = edge_wbc("adapter", "new-ocular", "given", "--out", tmp_path, *options(OCULAR))
    assert said.code == 0 and (tmp_path / "measure-ocular.png").is_file()
    monkeypatch.setattr(sys, "stdin", io.StringIO("\n".join(map(str, OCULAR.values())) + "\n"))
    assert edge_wbc("adapter", "new-ocular", "asked", "--out", tmp_path).code == 0
    given, asked = (catalogue.ocular(tmp_path / f"{name}.toml") for name in ("given", "asked"))
    assert catalogue.numbers(given) == catalogue.numbers(asked)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"length": -165}, "length is -165"),
        ({"length": 0}, "length is 0"),
        ({"width": "nan"}, "width is nan"),
        ({"thickness": 0.34}, "looks like inches"),
        ({"lens-left": 74, "lens-right": 4.5}, "not inside the phone"),
        ({"lens-right": 58}, "measure D, F and B again"),
        ({"island-height": 0}, "island_height is 0"),
    ],
)
def test_bad_measurements_leave_nothing(edge_wbc: Callable, tmp_path: Path, changes: dict, words: str) -> None:
    out = tmp_path / "out"
    refused(edge_wbc("adapter", "new-phone", "bad", "--out", out, *options({**PHONE, **changes})), words)
    assert not out.exists()


def test_bad_answers(edge_wbc: Callable, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for answers, words in (
        ("", "--length: was not given"),
        ("long\n", "'long' is not a number"),
        ("6.5\n", "inches"),
        ("nan\n", "length is nan"),
    ):
        monkeypatch.setattr(sys, "stdin", io.StringIO(answers))
        refused(edge_wbc("adapter", "new-phone", "bad", "--out", tmp_path), words)
        assert not (tmp_path / "bad.toml").exists() and not list(tmp_path.glob("*.partial"))


def test_island_and_no_island(edge_wbc: Callable, tmp_path: Path) -> None:
    refused(edge_wbc("adapter", "new-phone", "a", "--out", tmp_path, "--no-island", *options(PHONE)), "--no-island")


def test_bad_name_and_bad_folder(edge_wbc: Callable, tmp_path: Path) -> None:
    refused(edge_wbc("adapter", "new-ocular", "Mein Okular", "--out", tmp_path, *options(OCULAR)), "will not do")
    (tmp_path / "file").write_text("")
    for out in (tmp_path / "file", "/proc/nowhere"):
        refused(edge_wbc("adapter", "new-ocular", "a", "--out", out, *options(OCULAR)), "cannot be written")


def test_help_loads_nothing_heavy() -> None:
    code = (
        "import sys; sys.argv[1:] = ['adapter', '--help']\n"
        "from edge_wbc.cli.main import main\n"
        "try: main()\n"
        "except SystemExit: pass\n"
        "loaded = {'numpy', 'trimesh', 'matplotlib', 'adapter_cad.model', 'adapter_cad.catalogue', 'tomllib'}\n"
        "assert not loaded & set(sys.modules), loaded & set(sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=Path(__file__).parents[2])
    assert done.returncode == 0 and "new-phone" in done.stdout, done.stderr
