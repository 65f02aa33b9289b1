"""Every fault that the app can meet is said in every language: the sentences are read from the source itself."""

from __future__ import annotations

import ast
import errno
import itertools
import json
import os
import string
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("arabic_reshaper", reason="the app's texts need arabic-reshaper: pip install 'edge-wbc[app]'")

from edge_wbc.core.errors import BadInput
from mobile_app.faults import LRI, PDI
from mobile_app.words import LANGUAGES, TEXTS, Words, is_rtl

ROOT = Path(__file__).parents[2]
RAISED = ("BadInput", "FrameGone")
HOLE = "{}"
Said = tuple[str, int, str, set[str]]
"""A module, a line, "where" or "said", and the templates, with `{}` where a value stands."""
OTHERS = [language for language in LANGUAGES if language != "en"]
LEFT_OUT = {
    "mobile_app/stage.py": "runs where the app is built",
    "edge_wbc/core/errors.py": "faults of a record, which the app writes and never reads",
    "edge_wbc/core/easy_gt.py": "faults of options that the app does not set",
    "edge_wbc/core/whole_cell.py": "faults of what is no RGB picture, which the app's reader never gives",
    "edge_wbc/core/images.py: cannot be encoded": "the app writes no image through it",
    "edge_wbc/core/images.py: use .png or .jpg": "the app writes no image through it",
    "edge_wbc/core/pack.py: choose another --out": "the app names the folder itself",
    "mobile_app/sources/android_camera.py: {}": "another fault's own words, which are looked up as such",
    "mobile_app/android/files.py: {}": "another fault's own words, which are looked up as such",
    "mobile_app/desk.py: {}": "another fault's own words, which are looked up as such",
    "mobile_app/words.py: {}": "another fault's own words, which are looked up as such",
}
PATHS = {HOLE, "{}: {}", "{}: pack.json"}
LATIN = {"pyjnius", ".tflite", "TensorFlow Lite"}
BESIDE = {"vote", "tap", "webcam {}", "frame", "{} x {} pixels"}
"""In the table for what is not written where the fault is: a table of the database, a source's name, a part."""


def app_modules() -> list[Path]:
    """`mobile_app` and all of `edge_wbc.core` that it imports, directly or not."""
    waiting, found = sorted((ROOT / "mobile_app").rglob("*.py")), set()
    while waiting:
        path = waiting.pop()
        if path in found:
            continue
        found.add(path)
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.ImportFrom) and node.module:
                names = [node.module, *(f"{node.module}.{name.name}" for name in node.names)]
                files = [ROOT / (name.replace(".", "/") + ".py") for name in names if name.startswith("edge_wbc.core")]
                waiting += [file for file in files if file.is_file()]
    return sorted(found)


class Sentences:
    """Reads expressions as templates, through names, tables, functions and what their callers pass."""

    def __init__(self, files: list[Path]) -> None:
        self.trees = {str(file.relative_to(ROOT)): ast.parse(file.read_text()) for file in files}
        self.functions: dict[str, list[ast.FunctionDef]] = {}
        self.calls: dict[str, list[tuple[str, ast.FunctionDef | None, ast.Call]]] = {}
        for module, tree in self.trees.items():
            for function, node in _within(tree):
                if isinstance(node, ast.FunctionDef):
                    self.functions.setdefault(node.name, []).append(node)
                elif isinstance(node, ast.Call):
                    name = getattr(node.func, "id", getattr(node.func, "attr", ""))
                    self.calls.setdefault(name, []).append((module, function, node))

    def __iter__(self) -> Iterator[Said]:
        for name in RAISED:
            for module, function, call in self.calls[name]:
                for values in self._rows(call.args, module, function):
                    for kind, value in zip(("where", "said", "said"), values, strict=False):
                        yield module, call.lineno, kind, self.of(value, module, function)

    def _rows(self, args: list[ast.expr], module: str, function: ast.FunctionDef | None) -> list[list[ast.expr]]:
        """The arguments, once for each tuple that a starred one can be."""
        rows: list[list[ast.expr]] = [[]]
        for one in args:
            tuples = [[one]]
            if isinstance(one, ast.Starred):
                tuples = [
                    each.elts for each in self._values(one.value, module, function) if isinstance(each, ast.Tuple)
                ]
                assert tuples, f"{module}:{one.lineno} is no tuple"
            rows = [[*row, *more] for row, more in itertools.product(rows, tuples)]
        return rows

    def _values(self, node: ast.expr, module: str, function: ast.FunctionDef | None) -> list[ast.expr]:
        """The expressions that a choice or a name can stand for; itself where it is neither."""
        if isinstance(node, ast.IfExp):
            return self._values(node.body, module, function) + self._values(node.orelse, module, function)
        if isinstance(node, ast.BoolOp):
            return [each for value in node.values for each in self._values(value, module, function)]
        if isinstance(node, ast.Name):
            for scope in filter(None, (function, self.trees[module])):
                found = list(self._named(node.id, scope, module))
                if found:
                    return [each for value in found for each in self._values(value, module, function)]
        return [node]

    def _named(self, name: str, scope: ast.AST, module: str) -> Iterator[ast.expr]:
        """What is put under a name: assigned, gone through in a table, or passed by those who call the function."""
        body = scope.body if isinstance(scope, ast.Module) else list(ast.walk(scope))
        for node in body:
            if isinstance(node, (ast.Assign, ast.AnnAssign)) and node.value is not None:
                targets = node.targets if isinstance(node, ast.Assign) else [node.target]
                yield from (node.value for target in targets if isinstance(target, ast.Name) and target.id == name)
            elif isinstance(node, ast.For) and isinstance(node.target, ast.Tuple):
                names = [getattr(each, "id", "") for each in node.target.elts]
                for table in self._values(node.iter, module, None) if name in names else []:
                    rows = table.elts if isinstance(table, (ast.Tuple, ast.List)) else []
                    yield from (row.elts[names.index(name)] for row in rows if isinstance(row, ast.Tuple))
        if isinstance(scope, ast.FunctionDef):
            names = [each.arg for each in scope.args.args]
            for _, _, call in self.calls.get(scope.name, []) if name in names else []:
                at = names.index(name) - (names[0] == "self")
                passed = call.args[at : at + 1] + [word.value for word in call.keywords if word.arg == name]
                yield from (value for value in passed if isinstance(value, ast.Constant))

    def of(self, node: ast.expr, module: str, function: ast.FunctionDef | None) -> set[str]:
        """The templates of an expression."""
        return {text for value in self._values(node, module, function) for text in self._texts(value, module, function)}

    def _texts(self, node: ast.expr, module: str, function: ast.FunctionDef | None) -> Iterator[str]:
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            yield node.value
        elif isinstance(node, ast.JoinedStr):
            parts = [
                self._known(part.value, module) if isinstance(part, ast.FormattedValue) else [part.value]
                for part in node.values
            ]
            yield from map("".join, itertools.product(*parts))
        elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Add):
            sides = (self.of(side, module, function) for side in (node.left, node.right))
            yield from map("".join, itertools.product(*sides))
        elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "get":
            for table in self._values(node.func.value, module, function):
                for value in [*(table.values if isinstance(table, ast.Dict) else []), *node.args[1:]]:
                    yield from self.of(value, module, function)
        elif isinstance(node, ast.Call) and getattr(node.func, "id", "") in self.functions:
            for called in self.functions[node.func.id]:  # type: ignore[attr-defined]
                for inside in ast.walk(called):
                    if isinstance(inside, ast.Return) and inside.value is not None:
                        yield from self.of(inside.value, module, called)
        else:
            yield HOLE

    def _known(self, node: ast.expr, module: str) -> list[str]:
        """A module's own sentence within another one, and a hole for all else."""
        values = self._values(node, module, None) if isinstance(node, ast.Name) else [node]
        known = [value.value for value in values if isinstance(value, ast.Constant) and isinstance(value.value, str)]
        return known or [HOLE]


def _within(tree: ast.Module) -> Iterator[tuple[ast.FunctionDef | None, ast.AST]]:
    """Every node with the innermost function round it."""
    waiting: list[tuple[ast.FunctionDef | None, ast.AST]] = [(None, tree)]
    while waiting:
        function, node = waiting.pop()
        yield function, node
        inner = node if isinstance(node, ast.FunctionDef) else function
        waiting += [(inner, child) for child in ast.iter_child_nodes(node)]


@pytest.fixture(scope="module")
def said() -> list[Said]:
    found = [one for one in Sentences(app_modules()) if one[0] not in LEFT_OUT]
    assert len(found) > 150
    return found


@pytest.mark.parametrize("language", OTHERS)
def test_every_sentence_has_a_translation_and_every_translation_a_sentence(language: str, said: list[Said]) -> None:
    table = json.loads((TEXTS / f"faults.{language}.json").read_text(encoding="utf-8"))
    words, missing, met = Words(language), [], set(BESIDE)
    for module, line, kind, texts in said:
        for text in texts:
            if f"{module}: {text}" in LEFT_OUT or (kind == "where" and text in PATHS | LATIN):
                continue
            met.add(text)
            fault = BadInput(text, "is empty") if kind == "where" else BadInput("session", text.replace(HOLE, "x.y"))
            told = words.fault(fault)
            told = told.rpartition(":")[0] if kind == "where" else told.partition(":")[2]
            if not is_rtl(told):
                missing.append(f"{module}:{line}: {text}")
    assert missing == []
    general = {"{} refuses it ({})"}  # for runtimes that are named where they are met
    assert set(table["where"]) | set(table["said"]) <= met | general


@pytest.mark.parametrize("language", OTHERS)
def test_a_translation_holds_what_its_sentence_holds(language: str) -> None:
    for table in json.loads((TEXTS / f"faults.{language}.json").read_text(encoding="utf-8")).values():
        for text, translation in table.items():
            holes = [name for _, name, _, _ in string.Formatter().parse(translation) if name is not None]
            wanted = text.count(HOLE)
            assert holes == [""] * wanted or sorted(holes) == [str(number) for number in range(wanted)], text


def test_what_the_system_says_of_a_file_is_said_too() -> None:
    words = Words("fa")
    numbers = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOENT)
    for number in (*numbers, errno.ENOTDIR, errno.EIO, errno.ENAMETOOLONG, errno.EBUSY, errno.EMFILE):
        told = words.fault(BadInput("expert", f"cannot be written ({os.strerror(number)})"))
        assert told.startswith("کارشناس: نوشته نمی‌شود (") and LRI not in told, told


def test_the_longest_sentence_wins_and_a_fault_within_a_fault_is_said() -> None:
    words = Words("fa")
    told = words.fault(BadInput("/a/b", "cannot be read (No such file or directory): the default pack is used"))
    assert told == f"{LRI}/a/b{PDI}: خوانده نمی‌شود (چنین پرونده یا پوشه‌ای نیست): بستهٔ پیش‌فرض به کار می‌رود"
    assert words.fault(BadInput("target", "7 is none", "choose 100")).startswith("هدف: ۷ پذیرفته نیست؛ ")


def test_names_and_paths_keep_their_letters_and_what_is_unknown_stays_english() -> None:
    words = Words("fa")
    told = words.fault(BadInput("/home/ع/wbc/packs/p1: pack.json", "was eaten", "feed it"), [Path("/home/ع/wbc")])
    assert told == f"{LRI}packs/p1: pack.json{PDI}: {LRI}was eaten{PDI}؛ {LRI}feed it{PDI}"
    assert "«نام»" in words.fault(BadInput("session", "'نام' is not deleted", "confirm it"))
    assert f"«{LRI}S-12{PDI}»" in words.fault(BadInput("session", "'S-12' is not deleted", "confirm it"))


def test_english_is_the_source() -> None:
    fault = BadInput("/home/wbc/sessions.sqlite", "the storage is full", "free some space")
    assert Words("en").fault(fault) == str(fault)
    assert Words("en").fault(fault, [Path("/home/wbc")]) == "sessions.sqlite: the storage is full; free some space"
    assert Words("en").fault(BadInput("/home/wbc", "is damaged"), [Path("/home/wbc")]) == "wbc: is damaged"
    assert Words("en").fault(BadInput("/home/wbc-2/a", "is damaged"), [Path("/home/wbc")]).startswith("/home/wbc-2/a:")
