"""Settings: who works, what lies under the microscope, what counts, the language, the model pack; kept at once."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Dict, Optional

from kivy.properties import StringProperty
from kivy.uix.boxlayout import BoxLayout

from edge_wbc.core.errors import BadInput
from edge_wbc.core.reading import Reader
from mobile_app.packs import DEFAULT_PACK
from mobile_app.session.shelf import Setup
from mobile_app.session.tally import TARGETS, WHITE_LABELS
from mobile_app.widgets.page import Page
from mobile_app.widgets.say import PushButton
from mobile_app.words import LANGUAGES

__all__ = ["SettingsScreen"]

_PACK = "pack"
LINES = ("expert", "smear", "stain", "disease", "microscope", "magnification", "camera")


class Line(BoxLayout):
    """What is asked, and the line to type it in."""

    what = StringProperty("")


class SettingsScreen(Page):
    """What holds for the open session and, beyond its slide, for those to come."""

    told = StringProperty("")

    def __init__(self, **asked: Any) -> None:
        super().__init__(**asked)
        self._lines: Dict[str, Line] = {}

    def refresh(self) -> None:
        """Shows what is kept."""
        self.told = self.app.words("settings.checking") if self.app.desk.jobs.share(_PACK) is not None else ""
        self.app.do(self._refresh)

    def _refresh(self) -> None:
        words, desk = self.app.words, self.app.desk
        setup = desk.setup()
        size = setup.microscope.magnification
        held = {
            "expert": desk.expert,
            "smear": setup.smear.id,
            "stain": setup.smear.stain,
            "disease": setup.smear.disease,
            "microscope": setup.microscope.type,
            "magnification": "" if size is None else f"{size:g}",
            "camera": setup.camera,
        }
        for name in LINES:
            if name not in self._lines:
                self._lines[name] = Line()
                self._lines[name].ids.entry.bind(on_kept=partial(self._typed, name))
                self.ids.lines.add_widget(self._lines[name])
            line = self._lines[name]
            line.what = words(f"settings.{name}")
            line.ids.entry.put(held[name])
            # Without a session there is no slide to tell of.
            line.disabled = name in ("smear", "disease") and desk.session is None
        self._choices(setup)

    def _choices(self, setup: Setup) -> None:
        words, desk = self.app.words, self.app.desk
        self._row("targets", {target: words.number(target) for target in TARGETS}, [setup.target], self._aim)
        self._row("classes", {name: words.label(name) for name in WHITE_LABELS}, setup.classes, self._count)
        self._row("languages", LANGUAGES, [words.language], self.app.speak)
        names = {path: words("settings.default") if path == DEFAULT_PACK else path.name for path in desk.packs()}
        names.setdefault(desk.pack, desk.pack.name)
        self._row("packs", names, [desk.pack], self._use)

    def _row(self, where: str, names: Dict[Any, str], chosen: Any, act: Any) -> None:
        row = self.ids[where]
        row.clear_widgets()
        for value, name in names.items():
            button = PushButton(say=name, chosen=value in chosen, font_size="15sp")
            button.bind(on_release=lambda _, value=value: self.app.do(act, value))
            row.add_widget(button)

    # What is kept

    def _typed(self, name: str, entry: Any) -> None:
        self.app.do(self._keep, name, entry.text)

    def _keep(self, name: str, text: str) -> None:
        desk = self.app.desk
        if name == "expert":
            desk.sign(text)
            return
        setup = desk.setup()
        if name in ("microscope", "magnification"):
            changed = {"type": text} if name == "microscope" else {"magnification": _number(text)}
            setup = replace(setup, microscope=replace(setup.microscope, **changed))
        elif name == "camera":
            setup = replace(setup, camera=text)
        else:
            setup = replace(setup, smear=replace(setup.smear, **{"id" if name == "smear" else name: text}))
        desk.change(setup)

    def _aim(self, target: int) -> None:
        self._change(replace(self.app.desk.setup(), target=target))

    def _count(self, label: str) -> None:
        setup = self.app.desk.setup()
        classes = set(setup.classes) ^ {label}
        self._change(replace(setup, classes=tuple(name for name in WHITE_LABELS if name in classes)))

    def _change(self, setup: Setup) -> None:
        self.app.desk.change(setup)
        self._choices(self.app.desk.setup())

    def _use(self, pack: Path) -> None:
        verified = self.app.desk.verified
        self.told = self.app.words("settings.checking")
        self.app.later(_PACK, lambda report: verified(pack), self._verified, self._refused)

    def _refused(self) -> None:
        self.told = ""

    def _verified(self, reader: Reader) -> None:
        self.app.desk.choose(reader)
        self.told = self.app.words("settings.using", pack=self.app.desk.pack.name)
        self.ids.path.put("")
        self._choices(self.app.desk.setup())

    def install(self) -> None:
        """Installs the pack whose path was typed and reads with it; a bad one is refused, the one in use stays.

        On a phone, where people know no paths, one that the person chooses then.
        """
        path = self.ids.path.text.strip().strip("\"'")
        if self.app.files is not None and not path:
            self.app.do(self.app.files.pick, self._picked)
        else:
            self.app.do(self._install, path)

    def _picked(self, file: Optional[Path], fault: Optional[BadInput]) -> None:
        if fault is not None:
            self.app.tell(fault)
        elif file is not None:
            self.app.do(self._use, file)

    def _install(self, path: str) -> None:
        if not path:
            raise BadInput("model pack", "no file is named", "type the path of a pack's folder or zip")
        self._use(Path(path).expanduser())


def _number(text: str) -> Optional[float]:
    """A number as it is typed, in Persian digits too; None for nothing."""
    plain = text.strip().rstrip("xX×").strip().replace("٫", ".").replace(",", ".")
    if not plain:
        return None
    try:
        return float(plain)
    except ValueError as error:
        raise BadInput("magnification", f"{text!r} is no number", "type it again or leave it empty") from error
