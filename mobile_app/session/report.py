"""A session as one HTML page that needs nothing else: differential, limits, a few pictures of each label."""

from __future__ import annotations

import base64
from html import escape
from pathlib import Path
from typing import Callable, Dict, Iterator, List, Sequence

import cv2

from edge_wbc.core.crops import CropRule, crop_cell
from edge_wbc.core.errors import BadInput
from edge_wbc.core.images import read_image
from edge_wbc.core.taxonomy import LABELS
from mobile_app.session.export import USE, Report, unreported, written
from mobile_app.session.rows import MarkedCell
from mobile_app.session.session import Session
from mobile_app.session.shelf import Setup, Shelf
from mobile_app.session.tally import Tally, tally

__all__ = ["write_report"]

_PICTURES = 8
_RULE = CropRule(72, 1.4)
_STYLE = """
body { font: 15px/1.4 system-ui, sans-serif; max-width: 60em; margin: 1em auto; padding: 0 1em; color: #111 }
.use { border: 2px solid #111; padding: .3em .6em; font-weight: bold; display: inline-block }
table { border-collapse: collapse; margin: 1em 0 } th, td { padding: .15em .8em .15em 0; text-align: start }
td.n { text-align: end; font-variant-numeric: tabular-nums } tr { border-bottom: 1px solid #ccc }
figure { margin: .6em 0; break-inside: avoid } img { width: 72px; height: 72px; margin: 0 2px 2px 0 }
"""


def _english(text: str) -> str:
    return text.replace("_", " ")


def write_report(
    session: Session,
    out: Path,
    say: Callable[[str], str] = _english,
    right_to_left: bool = False,
    report: Report = unreported,
) -> None:
    """Writes the report of what one expert said, labelled cells and manual counter together.

    Args:
        say: translates a text of the page, such as "Differential" or "small_lymphocyte"; English by default.
        report: told before each photograph how many are read, of how many; what it raises ends the writing.

    Raises:
        BadInput: `out` cannot be written; it is written whole or not at all.
    """
    with session.store.snapshot(), written(out) as stream:
        for part in _page(session, lambda text: escape(say(text)), right_to_left, report):
            stream.write(part.encode())


def _page(session: Session, say: Callable[[str], str], right_to_left: bool, report: Report) -> Iterator[str]:
    setup = Shelf(session.store).listed(session.id).setup
    done = tally(session.counts(), setup.classes, setup.target)
    manual = tally(session.counts(cells=False), setup.classes).counted
    way = "rtl" if right_to_left else "ltr"
    name = escape(setup.name)
    yield f'<!doctype html>\n<html dir="{way}"><head><meta charset="utf-8"><title>{name}</title>\n'
    yield f'<meta name="viewport" content="width=device-width"><style>{_STYLE}</style></head>\n<body>\n'
    yield f'<h1 dir="auto">{name}</h1>\n<p class="use">{say(USE)}</p>\n'
    yield from _about(setup, session.expert, say)
    yield from _differential(done, manual, say)
    yield from _pictures(session, say, report)
    yield "</body></html>\n"


def _about(setup: Setup, expert: str, say: Callable[[str], str]) -> Iterator[str]:
    lens = setup.microscope
    facts = {
        "expert": expert,
        "smear": setup.smear.id,
        "stain": setup.smear.stain,
        "disease": setup.smear.disease,
        "microscope": lens.type,
        "magnification": f"{lens.magnification:g}x" if lens.magnification else "",
        "camera": setup.camera,
        "micrometres per pixel": f"{setup.um_per_px:g}" if setup.um_per_px else "",
    }
    yield "<table>\n"
    for what, said in facts.items():
        if said:
            yield f'<tr><th>{say(what)}</th><td dir="auto">{escape(said)}</td></tr>\n'
    yield "</table>\n"


def _differential(done: Tally, manual: int, say: Callable[[str], str]) -> Iterator[str]:
    reached = "" if done.reached else f" ({say('target not reached')})"
    yield f"<h2>{say('Differential')}</h2>\n<p>{done.counted} / {done.target}{reached}"
    yield f"; {say('of them by the manual counter')}: {manual}</p>\n" if manual else "</p>\n"
    head = "".join(f"<th>{say(name)}</th>" for name in ("label", "count", "percent", "95% limits"))
    yield f"<table>\n<tr>{head}</tr>\n"
    for name, share in done.shares.items():
        row = (str(share.count), f"{share.percent:.1f}", f"{share.ci95[0]:.1f} – {share.ci95[1]:.1f}")
        yield f"<tr><td>{say(name)}</td>{_numbers(row)}</tr>\n"
    yield "</table>\n"
    if done.nrbc and done.nrbc_per_100 is not None and done.nrbc_ci95:
        low, high = done.nrbc_ci95
        told = f"{done.nrbc_per_100:.1f} ({low:.1f} – {high:.1f})"
        yield f"<p>{say('Erythroblasts per 100 white cells')}: <bdi>{told}</bdi></p>\n"
    if done.outside:
        yield f"<h3>{say('Not counted')}</h3>\n<table>\n"
        for name, count in done.outside.items():
            yield f"<tr><td>{say(name)}</td>{_numbers([str(count)])}</tr>\n"
        yield "</table>\n"


def _numbers(texts: Sequence[str]) -> str:
    return "".join(f'<td class="n"><bdi>{text}</bdi></td>' for text in texts)


def _pictures(session: Session, say: Callable[[str], str], report: Report) -> Iterator[str]:
    chosen = {label: session.cells(label=label, limit=_PICTURES) for label in LABELS}
    pictures = _crops(session, [cell for cells in chosen.values() for cell in cells], report)
    if pictures:
        yield f"<h2>{say('Cells')}</h2>\n"
    for label, cells in chosen.items():
        shown = [pictures[cell.id] for cell in cells if cell.id in pictures]
        if shown:
            images = "".join(f'<img alt="" src="data:image/jpeg;base64,{picture}">' for picture in shown)
            yield f"<figure><figcaption>{say(label)}</figcaption>{images}</figure>\n"


def _crops(session: Session, cells: List[MarkedCell], report: Report) -> Dict[int, str]:
    """Cell -> its picture as base64 of a JPEG; every photograph is read once, one that is unreadable left out."""
    found = {}
    fields = sorted({cell.field for cell in cells})
    for done, field in enumerate(fields):
        report(done, len(fields))
        try:
            rgb = read_image(session.field(field).photograph)
        except BadInput:
            continue  # the differential does not hang on its picture; the export to the lab names it
        for cell in cells:
            if cell.field == field:
                bgr = cv2.cvtColor(crop_cell(rgb, cell.cell.box, _RULE), cv2.COLOR_RGB2BGR)
                jpeg = cv2.imencode(".jpg", bgr, [cv2.IMWRITE_JPEG_QUALITY, 80])[1]
                found[cell.id] = base64.b64encode(jpeg.tobytes()).decode()
    return found
