"""The catalogue: one TOML file a device under `devices/`, and the same for a file of one's own.

A file holds `title`, a line for every number, `field = { value = 142.0, standing = "published", source = "..." }`, and,
for a phone, `[bump]`, `[[edge]]`, `[[back]]` and `[second_reading]`. A published number names its source; an assumed
one may name what it was guessed from.
"""

from __future__ import annotations

import difflib
import tomllib
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple, get_args

from adapter_cad.errors import BadDesign
from adapter_cad.model import (
    OCULAR_LIMITS,
    PHONE_LIMITS,
    PRINTER_LIMITS,
    BackOpening,
    Bump,
    EdgeCutout,
    Fact,
    Ocular,
    Phone,
    Printer,
    Side,
    Standing,
    assumed,
    check_number,
)

__all__ = [
    "KINDS",
    "Device",
    "Kind",
    "Row",
    "SecondReading",
    "devices",
    "names",
    "numbers",
    "ocular",
    "parse",
    "phone",
    "printer",
    "rows",
    "second_reading",
]

Kind = Literal["phones", "oculars", "printers"]
Device = Phone | Ocular | Printer
KINDS: dict[Kind, tuple[type[Device], dict[str, tuple[float, float]]]] = {
    "phones": (Phone, PHONE_LIMITS),
    "oculars": (Ocular, OCULAR_LIMITS),
    "printers": (Printer, PRINTER_LIMITS),
}
DEVICES = Path(__file__).parent / "devices"
SECOND = Path(__file__).parent / "second_reading.toml"
MOST_BYTES = 64 * 1024
LENGTH = (0.0, 200.0)  # of what lies on a phone; Phone itself knows where
TITLE = 60  # characters, since it is embossed


@dataclass(frozen=True)
class SecondReading:
    """A phone's lens read again from the opposite edges, with the outline, apart from the catalogue's numbers; mm."""

    width: float
    length: float
    lens_right: float
    lens_bottom: float


class Row(NamedTuple):
    """A device as a line of a table."""

    name: str
    title: str
    standings: str
    assumed: str


def names(kind: Kind) -> tuple[str, ...]:
    """The names of all devices of a kind in the catalogue, sorted."""
    return tuple(sorted(file.stem for file in (DEVICES / kind).glob("*.toml")))


def devices(kind: Kind) -> dict[str, Device]:
    """All devices of a kind in the catalogue by name."""
    return {name: _load(kind, name) for name in names(kind)}


def phone(name: str | Path) -> Phone:
    """A phone by its name in the catalogue or from a .toml file; BadDesign for neither, or for a bad file."""
    return _load("phones", name)  # type: ignore[return-value]


def ocular(name: str | Path) -> Ocular:
    """An ocular by its name in the catalogue or from a .toml file; BadDesign for neither, or for a bad file."""
    return _load("oculars", name)  # type: ignore[return-value]


def printer(name: str | Path) -> Printer:
    """A printer by its name in the catalogue or from a .toml file; BadDesign for neither, or for a bad file."""
    return _load("printers", name)  # type: ignore[return-value]


def second_reading(name: str | Path) -> SecondReading | None:
    """The second reading of a phone's lens: of the catalogue's from a file of its own, else from the .toml itself.

    None where that file has none.
    """
    file = _file_of("phones", name)
    if file.parent == DEVICES / "phones":
        return _second(str(SECOND), _table(SECOND).get(file.stem))
    return _second(str(file), _table(file).get("second_reading"))


def rows(kind: Kind) -> list[Row]:
    """The catalogue as lines of a table: how many numbers stand how, and which are assumed."""
    found = []
    for name, device in devices(kind).items():
        count = Counter(fact.standing for fact in device.facts.values())
        says = ", ".join(f"{count[standing]} {standing}" for standing in get_args(Standing) if count[standing])
        guessed = ", ".join(key.split(": ")[-1].replace("_", " ") for key in assumed(device))
        found.append(Row(name, device.title, says, guessed.replace("bump", "island")))
    return found


def numbers(device: Device) -> dict[str, dict[str, Any]]:
    """Every number of a device under its fact's name: {"value", "standing", "source"}; ready for JSON.

    standing is None where nobody said where the number comes from.
    """
    values: dict[str, Any] = {name: getattr(device, name) for name in KINDS[_kind_of(device)][1]}
    if isinstance(device, Phone):
        if device.bump:
            values["bump"] = asdict(device.bump)
        values |= {f"edge: {cut.kind}": asdict(cut) for cut in device.edges}
        values |= {f"back: {hole.kind}": asdict(hole) for hole in device.backs}
    nobody = {"standing": None, "source": ""}
    stated = {name: asdict(fact) for name, fact in device.facts.items()}
    return {name: {"value": value, **stated.get(name, nobody)} for name, value in values.items()}


def parse(kind: Kind, place: str, name: str, text: str) -> Device:
    """A device from the text of its file; BadDesign names `place` and the key at fault.

    The second reading in it is checked too, though the device does not hold it.
    """
    return _device(kind, place, name, _toml(place, text))


def _kind_of(device: Device) -> Kind:
    return next(kind for kind, (made, _) in KINDS.items() if isinstance(device, made))


def _load(kind: Kind, name: str | Path) -> Device:
    file = _file_of(kind, name)
    return _device(kind, file.stem if file.parent == DEVICES / kind else str(file), file.stem, _table(file))


def _file_of(kind: Kind, name: str | Path) -> Path:
    """The file of a name; a Path, or a text with a slash or the ending .toml, is a file of its own."""
    if isinstance(name, Path) or name.endswith(".toml") or "/" in name or "\\" in name:
        return Path(name)
    known = names(kind)
    if name not in known:
        nearest = max(known, key=lambda other: difflib.SequenceMatcher(None, name.lower(), other).ratio())
        given = name if len(name) <= TITLE else name[:TITLE] + "..."
        remedy = f"did you mean {nearest}? or give a .toml file"
        raise BadDesign(kind[:-1], f"{given!r} is not in the catalogue", remedy)
    return DEVICES / kind / f"{name}.toml"


def _table(file: Path) -> dict[str, Any]:
    """What a TOML file holds."""
    try:
        if not file.is_file():
            fault = "is not a file" if file.exists() else "is not there"
            raise BadDesign(file, fault, "give a name of the catalogue, or a device's .toml")
        with file.open("rb") as stream:
            content = stream.read(MOST_BYTES + 1)
    except OSError as error:
        raise BadDesign(file, f"cannot be read ({error.strerror})", "check its name and its permissions") from error
    if len(content) > MOST_BYTES:
        raise BadDesign(file, f"is larger than {MOST_BYTES // 1024} KiB", "give a device's .toml")
    try:
        return _toml(str(file), content.decode("utf-8"))
    except UnicodeDecodeError as error:
        raise BadDesign(file, "is not text", "give a device's .toml") from error


def _toml(place: str, text: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        fault = " ".join(str(error).split())[:200]
        raise BadDesign(place, f"is not TOML ({fault})", "mend that line") from error


def _device(kind: Kind, place: str, name: str, table: Mapping[str, Any]) -> Device:
    made, limits = KINDS[kind]
    on_phone = {"bump", "edge", "back", "second_reading"} if made is Phone else set()
    _keys(place, "", table, {"title", *limits}, on_phone)
    fields: dict[str, Any] = {"name": name, "title": _word(place, "title", table["title"])}
    facts: dict[str, Fact] = {}
    for key, (low, high) in limits.items():
        entry = _keys(place, key, table[key], {"value", "standing"}, {"source"})
        check_number(place, key, entry["value"], low, high)
        fields[key], facts[key] = float(entry["value"]), _fact(place, key, entry)
    if made is Phone:
        fields |= _openings(place, table, facts)
        _second(place, table.get("second_reading"))
    try:
        return made(**fields, facts=facts)
    except BadDesign as wrong:
        raise BadDesign(place, wrong.fault, wrong.remedy) from wrong


def _openings(place: str, table: Mapping[str, Any], facts: dict[str, Fact]) -> dict[str, Any]:
    """A phone's island and openings; adds to `facts` where each comes from."""
    island: Bump | None = None
    if "bump" in table:
        sides = ("left", "right", "top", "bottom", "height")
        entry = _keys(place, "bump", table["bump"], {*sides, "standing"}, {"source"})
        island = Bump(**_lengths(place, "bump", entry, sides))
        facts["bump"] = _fact(place, "bump", entry)
    edges: list[EdgeCutout] = []
    for key, entry in _list(place, table, "edge", {"kind", "side", "start", "end"}, facts):
        if entry["side"] not in get_args(Side):
            raise BadDesign(place, f"{key}: side is {entry['side']!r}", f"use {', '.join(get_args(Side))}")
        edges.append(EdgeCutout(entry["kind"], entry["side"], **_lengths(place, key, entry, ("start", "end"))))
    backs = [
        BackOpening(entry["kind"], **_lengths(place, key, entry, ("left", "top", "diameter")))
        for key, entry in _list(place, table, "back", {"kind", "left", "top", "diameter"}, facts)
    ]
    return {"bump": island, "edges": tuple(edges), "backs": tuple(backs)}


def _list(
    place: str, table: Mapping[str, Any], name: str, needed: set[str], facts: dict[str, Fact]
) -> list[tuple[str, dict[str, Any]]]:
    """The tables [[name]] under their facts' names."""
    given = table.get(name, [])
    if not isinstance(given, list):
        raise BadDesign(place, f"{name} is not a list of tables", f"begin each with [[{name}]]")
    found = []
    for entry in given:
        _keys(place, name, entry, {*needed, "standing"}, {"source"})
        key = f"{name}: {_word(place, f'{name}: kind', entry['kind'])}"
        if key in facts:
            raise BadDesign(place, f"two are called {key!r}", "name them apart")
        facts[key] = _fact(place, key, entry)
        found.append((key, entry))
    return found


def _second(place: str, entry: Any) -> SecondReading | None:
    if entry is None:
        return None
    sides = ("width", "length", "lens_right", "lens_bottom")
    _keys(place, "second_reading", entry, set(sides), set())
    return SecondReading(**_lengths(place, "second_reading", entry, sides))


def _keys(place: str, where: str, entry: Any, needed: set[str], allowed: set[str]) -> dict[str, Any]:
    """The table itself, when it holds every needed key and none but those and the allowed."""
    before = f"{where}: " if where else ""
    if not isinstance(entry, dict):
        raise BadDesign(place, f"{where} is {entry!r:.60}, not a table", f"give it {', '.join(sorted(needed))}")
    for key in entry:
        if key not in needed | allowed:
            nearest = difflib.get_close_matches(key, needed | allowed, 1) or sorted(needed | allowed)
            raise BadDesign(place, f"{before}unknown key {key!r:.60}", f"did you mean {nearest[0]}?")
    for key in sorted(needed - entry.keys()):
        raise BadDesign(place, f"{before}{key} is missing", "add it")
    return entry


def _lengths(place: str, where: str, entry: Mapping[str, Any], keys: tuple[str, ...]) -> dict[str, float]:
    for key in keys:
        check_number(place, f"{where}: {key}", entry[key], *LENGTH)
    return {key: float(entry[key]) for key in keys}


def _word(place: str, key: str, value: Any) -> str:
    if not (isinstance(value, str) and value.strip() and value.isprintable() and len(value) <= TITLE):
        raise BadDesign(place, f"{key} is {value!r:.60}", f"give one line of 1 to {TITLE} characters")
    return value


def _fact(place: str, key: str, entry: Mapping[str, Any]) -> Fact:
    standing, source = entry["standing"], entry.get("source", "")
    if standing not in get_args(Standing):
        raise BadDesign(place, f"{key}: standing is {standing!r:.60}", f"use {', '.join(get_args(Standing))}")
    if not isinstance(source, str) or not (source.isprintable() or not source):
        raise BadDesign(place, f"{key}: source is not one line of text", "give it in quotes")
    if standing == "published" and not source.strip():
        raise BadDesign(place, f"{key}: published, but without a source", "name it, or say assumed")
    return Fact(standing, source)
