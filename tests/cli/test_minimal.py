"""What must work with the hard dependencies alone; the oldest environment runs this too."""

import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest

HEAVY = {"numpy", "cv2", "torch", "torchvision", "scipy", "sklearn", "matplotlib", "ai_edge_litert", "onnx"}
HEAVY |= {"yaml", "defusedxml"}  # Typer itself imports pydantic where it is installed


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    code = "import sys; from edge_wbc.cli.main import main; sys.argv[0] = 'edge-wbc'; main()"
    return subprocess.run([sys.executable, "-c", code, *arguments], capture_output=True, text=True)


@pytest.mark.parametrize(
    "command",
    [
        (),
        ("train",),
        ("export",),
        ("classify",),
        ("bench",),
        ("pack", "inspect"),
        ("agree",),
        ("data", "split"),
        ("data", "import"),
        ("synth",),
    ],
)
def test_help_imports_nothing_heavy(command: tuple[str, ...]) -> None:
    code = (
        "import sys; from edge_wbc.cli.main import app\n"
        f"try: app({[*command, '--help']!r})\n"
        "except SystemExit as end: assert not end.code\n"
        f"print(sorted({HEAVY!r} & set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "--help" in done.stdout
    assert done.stderr.strip() == "[]"


def test_core_and_the_app_import_without_the_extras() -> None:
    blocked = sorted(HEAVY - {"numpy", "cv2"})
    code = (
        "import sys\n"
        f"sys.modules.update(dict.fromkeys({blocked!r}))\n"
        "import edge_wbc.core.reading, edge_wbc.core.draw, edge_wbc.core.differential, mobile_app"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.skipif(find_spec("torch") is not None, reason="torch is installed here")
def test_a_missing_extra_is_named(tmp_path: Path) -> None:
    done = run("train", str(tmp_path), "--out", str(tmp_path / "run"))
    assert done.returncode == 2
    assert "pip install 'edge-wbc[train]'" in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1


def test_an_unknown_option_is_refused() -> None:
    assert run("train", "--no-such-option").returncode == 2
