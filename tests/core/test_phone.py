"""What runs on the phone keeps to Python 3.9 and to the libraries that the phone has."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CORE = sorted((ROOT / "edge_wbc" / "core").rglob("*.py"))
APP = sorted((ROOT / "mobile_app").rglob("*.py"))
# The app's screens and frame sources may know Kivy and Android; its session may not.
APP_ONLY = {"kivy", "jnius", "android", "mobile_app", "arabic_reshaper"}


def _name(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def _parse(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"), filename=str(path), feature_version=(3, 9))


def _imports(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute here"
            yield node.module


def _newer_than_39(tree: ast.Module) -> list[str]:
    """Calls that parse on Python 3.9 and fail when run there."""
    new = {"zip": {"strict"}, "dataclass": {"slots", "kw_only"}, "field": {"kw_only"}}
    calls = [node for node in ast.walk(tree) if isinstance(node, ast.Call)]
    names = [node.func.id if isinstance(node.func, ast.Name) else getattr(node.func, "attr", "") for node in calls]
    return [
        f"line {call.lineno}: {name}({keyword.arg}=)"
        for call, name in zip(calls, names, strict=True)
        for keyword in call.keywords
        if keyword.arg in new.get(name, ())
    ]


def test_the_files_are_found():
    assert {"edge_wbc/core/finder.py", "edge_wbc/core/pack.py"} <= {_name(path) for path in CORE}
    assert APP


@pytest.mark.parametrize("path", [*CORE, *APP], ids=_name)
def test_python_39(path):
    tree = _parse(path)
    assert _newer_than_39(tree) == []
    code = [node for node in tree.body if not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant))]
    if code:
        first = code[0]
        assert isinstance(first, ast.ImportFrom) and first.module == "__future__"
        assert [alias.name for alias in first.names] == ["annotations"]


@pytest.mark.parametrize("path", [*CORE, *APP], ids=_name)
def test_only_what_the_phone_has(path):
    name = _name(path)
    ours = set(APP_ONLY) if path in APP else set()
    if name.startswith("mobile_app/session"):
        ours -= {"kivy", "jnius", "android", "arabic_reshaper"}
    for module in _imports(_parse(path)):
        top = module.split(".")[0]
        known = top in sys.stdlib_module_names or top in {"numpy", "cv2"} or top in ours
        assert known or module == "edge_wbc.core" or module.startswith("edge_wbc.core."), f"{name} imports {module}"


def test_importing_core_loads_nothing_heavy():
    modules = [_name(path)[:-3].replace("/", ".") for path in CORE if path.stem != "__init__"]
    code = (
        "import sys\n"
        + "".join(f"import {module}\n" for module in modules)
        + "heavy = {'torch', 'scipy', 'pandas', 'kivy', 'onnxruntime', 'ai_edge_litert', 'jsonschema', 'typer'}\n"
        + "print(sorted(heavy & set(sys.modules)))"
    )
    ran = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert (ran.stdout.strip(), ran.stderr) == ("[]", "")


def test_a_newer_construct_is_noticed():
    assert _newer_than_39(ast.parse("from dataclasses import dataclass\n@dataclass(slots=True)\nclass A: ..."))
    with pytest.raises(SyntaxError):
        ast.parse("match a:\n    case 1: pass", feature_version=(3, 9))
