"""Pascal VOC: one XML a photograph, corners counted from 1 and inclusive, as the VOC development kit has them.

So xmin = x0 + 1 and xmax = x1. Many tools count from 0: a 0 is read as the photograph's border, and their other
boxes come out one pixel wider at the left and top. ``truncated`` is a cell that the border cuts. Read: every XML
below the folder; its photograph beside it or in the JPEGImages, images or fields folder next to its own. No DTD is
read and no entity expanded.
"""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any
from xml.etree.ElementTree import Element, ElementTree, ParseError, SubElement, indent, tostring

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import fromstring

from edge_wbc.core.errors import BadInput, Fault
from edge_wbc.core.files import write_whole
from edge_wbc.core.images import IMAGE_SUFFIXES
from edge_wbc.lab.datasets.formats.common import (
    KEY,
    ClassSet,
    Entry,
    Exported,
    Marked,
    cell_json,
    facts_of,
    mask_of,
    photograph,
    relative,
    said_of,
)

__all__ = ["read_voc", "voc_files", "write_voc"]

_CORNERS = ("xmin", "ymin", "xmax", "ymax")
_FOLDERS = ("JPEGImages", "images", "fields")


def voc_files(src: Path) -> list[Path]:
    """Every annotation below a folder."""
    found = sorted(src.rglob("*.xml")) if src.is_dir() else []
    if not found:
        raise BadInput(src, "no .xml annotations in it", "give the folder that holds Annotations and JPEGImages")
    return found


def _rides(node: Element) -> dict[str, Any]:
    try:
        data = json.loads(node.findtext(KEY) or "{}")
    except (ValueError, RecursionError) as error:
        raise BadInput(KEY, f"<{KEY}> is not JSON ({error})", f"remove the element {KEY}") from error
    return data if isinstance(data, dict) else {}


def _number(node: Element, path: str) -> int:
    text = (node.findtext(path) or "").strip()
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise BadInput(path, f"<{path}> holds {text!r}, no number")
    return round(value)


def _cell(node: Element, expert: str) -> dict[str, Any]:
    xmin, ymin, xmax, ymax = (_number(node, f"bndbox/{corner}") for corner in _CORNERS)
    box = [xmin - (xmin > 0), ymin - (ymin > 0), xmax, ymax]
    cut = (node.findtext("truncated") or "0").strip() == "1"
    return {**cell_json(box, node.findtext("name") or "", expert, _rides(node)), "cut": cut}


def read_voc(src: Path, expert: str = "voc") -> Iterator[Entry]:
    """Every XML below a folder; `expert` votes where nothing rides along."""
    for file in voc_files(src):
        try:
            root = fromstring(file.read_bytes(), forbid_dtd=True)
            facts = _rides(root)
            name = root.findtext("filename") or ""
            size = (
                (_number(root, "size/width"), _number(root, "size/height")) if root.find("size") is not None else None
            )
        except (ParseError, DefusedXmlException, LookupError, ValueError) as error:
            yield Fault(str(file), "", f"not readable XML ({error})", "export it again without DTD or entities")
            continue
        except BadInput as error:
            yield Fault(str(file), "", error.fault, error.remedy)
            continue
        cells, rows = [], []
        for number, node in enumerate(root.iterfind("object"), 1):
            try:
                cells.append(_cell(node, expert))
                rows.append(f"object {number}")
            except BadInput as error:
                yield Fault(str(file), f"object {number}", error.fault, error.remedy)
        try:
            image = _photograph(src, file, name)
        except BadInput as error:
            yield Fault(str(file), "", error.fault, error.remedy)
            continue
        shown = relative(src, image)
        known = size if size and all(size) else None
        mask = mask_of(src, shown, facts)
        yield Marked(str(file), image, shown, tuple(cells), tuple(rows), known, facts, mask)


def _photograph(src: Path, file: Path, name: str) -> Path:
    folders = (file.parent, *(file.parent.parent / folder for folder in _FOLDERS), src)
    fault = None
    # Files are renamed more often than what is written in them.
    for other in (name, *(f"{file.stem}{suffix}" for suffix in IMAGE_SUFFIXES)):
        try:
            return photograph(src, other, folders)
        except BadInput as error:
            fault = fault or error
    raise fault or BadInput(file, "names no photograph")


def write_voc(out: Path, fields: Sequence[Exported], classes: ClassSet) -> None:
    """Writes ``Annotations/NAME.xml``; the photographs go to ``JPEGImages/``."""
    (out / "Annotations").mkdir(exist_ok=True)
    for entry in fields:
        record = entry.record
        root = Element("annotation")
        _tell(root, folder="JPEGImages", filename=entry.name)
        _tell(SubElement(root, "size"), width=record.width, height=record.height, depth=3)
        _tell(root, segmented=0, **{KEY: json.dumps(facts_of(record))})
        for cell in record.cells:
            node = SubElement(root, "object")
            _tell(node, name=classes.of(cell), pose="Unspecified", truncated=int(cell.cut), difficult=0)
            x0, y0, x1, y1 = cell.box
            _tell(SubElement(node, "bndbox"), xmin=x0 + 1, ymin=y0 + 1, xmax=x1, ymax=y1)
            _tell(node, **{KEY: json.dumps(said_of(cell))})
        indent(ElementTree(root))
        write_whole(out / "Annotations" / f"{Path(entry.name).stem}.xml", tostring(root, encoding="utf-8") + b"\n")


def _tell(node: Element, **texts: object) -> None:
    for tag, text in texts.items():
        SubElement(node, tag).text = str(text)
