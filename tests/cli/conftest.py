"""Runs a command in this process and hands back its exit code and what it said."""

import sys
from collections.abc import Callable
from typing import NamedTuple

import pytest

from edge_wbc.cli.main import main


class Said(NamedTuple):
    code: int
    out: str
    err: str


@pytest.fixture
def edge_wbc(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Said]:
    """`edge_wbc("find", folder, "--out", out)` -> (exit code, stdout, stderr)."""

    def call(*arguments: object) -> Said:
        monkeypatch.setattr(sys, "argv", ["edge-wbc", *map(str, arguments)])
        capsys.readouterr()
        try:
            main()
            code = 0
        except SystemExit as end:
            code = int(end.code or 0)
        return Said(code, *capsys.readouterr())

    return call
