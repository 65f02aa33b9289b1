"""The toolkit's own dataset folder, as the phone's session: ``images/``, ``records/*.json``, ``masks/``, ``light/``."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

from edge_wbc.core.errors import BadInput, Fault
from edge_wbc.core.records import SCHEMA_VERSION, read_json, record_faults
from edge_wbc.lab.datasets.formats.common import Entry, Marked, mask_of, photograph

__all__ = ["read_session"]


def read_session(src: Path) -> Iterator[Entry]:
    """Every record; raises `BadInput` where there is none."""
    files = sorted((src / "records").glob("*.json"))
    if not files:
        raise BadInput(src, "no records/*.json in it", "give the folder that holds images/ and records/")
    for file in files:
        try:
            data = read_json(file)
            if not isinstance(data, dict) or data.get("schema") != SCHEMA_VERSION:
                raise BadInput(file, f"no record of schema {SCHEMA_VERSION}", "update edge-wbc or the record")
        except BadInput as error:
            yield Fault(str(file), "", error.fault, error.remedy)
            continue
        try:
            image = photograph(src, str(data.get("image", "")), (src,))
        except BadInput as error:
            yield Fault(str(file), "", error.fault, error.remedy)
            yield from record_faults(data, str(file))
            continue
        cells, rows = [], []
        listed = data.pop("cells", [])
        for number, cell in enumerate(listed if isinstance(listed, list) else [listed], 1):
            if isinstance(cell, dict):
                cells.append(cell)
                rows.append(f"cell {number}")
            else:
                yield Fault(str(file), f"cell {number}", "an object is expected here")
        width, height = data.get("width"), data.get("height")
        size = (width, height) if type(width) is int and type(height) is int else None
        name = str(data["image"])
        mask, light = mask_of(src, name, data), None
        if data.get("light") and isinstance(data["light"], str):
            try:
                if not re.fullmatch(r"light/[\w-]+\.png", data["light"]):
                    raise BadInput(file, f"light {data['light']!r} is no place for one", "use light/NAME.png")
                light = photograph(src, data["light"], (src,))
            except BadInput as error:  # the votes are worth more than an even light
                yield Fault(str(file), "light", error.fault, error.remedy)
                data["light"] = ""
        yield Marked(str(file), image, name, tuple(cells), tuple(rows), size, data, mask, light=light)
