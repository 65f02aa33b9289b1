"""The house keeps its own rules: the README names what exists, and the top level holds what it should."""

import re
import subprocess
from pathlib import Path

import pytest

from edge_wbc.cli.main import app

ROOT = Path(__file__).parents[1]


def command_names() -> set[str]:
    plain = {command.name for command in app.registered_commands}
    nested = {
        f"{group.name} {command.name}"
        for group in app.registered_groups
        for command in group.typer_instance.registered_commands
    }
    return {str(name) for name in plain | nested}


def test_readme_names_every_command_and_no_other() -> None:
    table = re.findall(
        r"^\| `edge-wbc ([a-z]+(?: [a-z]+(?:-[a-z]+)?)?)", (ROOT / "README.md").read_text(), re.MULTILINE
    )
    assert set(table) == command_names()


def test_links_lead_somewhere() -> None:
    for page in (ROOT / "README.md", *(ROOT / "docs").glob("*.md")):
        for target in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name}: {target}"


def test_top_level() -> None:
    listed = subprocess.run(["git", "ls-files"], cwd=ROOT, capture_output=True, text=True)
    if listed.returncode:
        pytest.skip("not a git checkout")
    top = {name.split("/")[0] for name in listed.stdout.splitlines()}
    folders = {name for name in top if (ROOT / name).is_dir() and not name.startswith(".")}
    assert folders == {"edge_wbc", "mobile_app", "adapter_cad", "export", "tests", "benchmarks", "docs"}


def test_every_room_says_what_it_is_and_stays_small() -> None:
    for folder in ("edge_wbc", "export", "mobile_app", "adapter_cad", "benchmarks"):
        for file in (ROOT / folder).rglob("*.py"):
            text = file.read_text(encoding="utf-8")
            assert text.startswith('"""'), f"{file} has no docstring"
            assert len(text.splitlines()) <= 400, f"{file} is longer than 400 lines"
