"""Sessions: found, begun, gone on with by whoever signs, renamed, exported, deleted after a second tap."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import Any, Callable, Optional

from kivy.clock import Clock
from kivy.properties import BooleanProperty, ObjectProperty, StringProperty
from kivy.uix.boxlayout import BoxLayout

from edge_wbc.core.records import Smear
from mobile_app.session.shelf import Listed
from mobile_app.widgets.page import Page
from mobile_app.widgets.say import PushButton
from mobile_app.words import LANGUAGES

__all__ = ["SessionsScreen"]


class SessionRow(BoxLayout):
    """One session of the list."""

    title = StringProperty("")
    detail = StringProperty("")
    current = BooleanProperty(False)
    renaming = BooleanProperty(False)
    chosen: Callable[[], None] = ObjectProperty(lambda: None)
    rename: Callable[[str], None] = ObjectProperty(lambda name: None)
    export: Callable[[], None] = ObjectProperty(lambda: None)
    unwanted: Callable[[], None] = ObjectProperty(lambda: None)


class SessionsScreen(Page):
    """All sessions; the last one begun comes first."""

    asking = BooleanProperty(False)
    told = StringProperty("")

    def __init__(self, **asked: Any) -> None:
        super().__init__(**asked)
        self._doubted: Optional[int] = None
        self._renamed: Optional[int] = None

    def refresh(self) -> None:
        """Lists what there is."""
        if self.app is not None and "rows" in self.ids:
            if not self.ids.expert.focus:
                self.ids.expert.put(self.app.desk.expert)
            self.app.do(self._refresh)

    def on_leave(self, *_: Any) -> None:
        """Forgets what was asked and not answered."""
        self._doubted = self._renamed = None
        self.told = ""

    def _refresh(self) -> None:
        words, desk = self.app.words, self.app.desk
        rows = self.ids.rows
        rows.clear_widgets()
        for one in desk.shelf.find(self.ids.search.text):
            rows.add_widget(self._row(one))
        bar = self.ids.languages
        bar.clear_widgets()
        for code, name in LANGUAGES.items():
            bar.add_widget(
                PushButton(
                    say=name,
                    chosen=code == words.language,
                    font_size="14sp",
                    on_release=lambda _, code=code: self.app.speak(code),
                )
            )

    def _row(self, one: Listed) -> SessionRow:
        words, desk = self.app.words, self.app.desk
        parts = [one.setup.smear.id, one.expert]
        detail = words("sessions.holds", fields=one.fields, cells=one.cells, taps=one.taps)
        if self._doubted == one.id:
            detail = words("sessions.sure", name=one.setup.name, count=one.cells)
        row = SessionRow(
            title=" · ".join(filter(None, [one.setup.name, *parts])),
            detail=detail,
            current=desk.session is not None and desk.session.id == one.id,
            renaming=self._renamed == one.id,
            chosen=partial(self.app.do, self._open, one),
            rename=partial(self.app.do, self._rename, one),
            export=partial(self._export, one),
            unwanted=partial(self.app.do, self._delete, one.id),
        )
        row.ids.name.put(one.setup.name)
        return row

    def ask(self) -> None:
        """Shows or hides what a new session is asked for."""
        self.asking = not self.asking

    def begin(self) -> None:
        """Begins the session that was asked for."""
        self.app.do(self._begin)

    def _begin(self) -> None:
        ids, desk = self.ids, self.app.desk
        usual = desk.shelf.usual()
        smear = Smear(ids.smear.text, usual.smear.stain)
        desk.begin(replace(usual, name=ids.name.text, smear=smear), ids.expert.text)
        self.asking = False
        ids.name.text = ids.smear.text = ""
        self.app.go("capture" if desk.source is not None else "tally")

    def sign(self) -> None:
        """Goes on as whoever has typed a name, blind to the others."""
        self.app.do(self.app.desk.sign, self.ids.expert.text)

    def _open(self, one: Listed) -> None:
        self.app.desk.take_up(one.id, self.ids.expert.text or one.expert)
        self.app.go("label" if one.cells else "capture")

    def _rename(self, one: Listed, name: str) -> None:
        """The first tap asks for the name, the second keeps it."""
        if self._renamed != one.id:
            self._renamed = one.id
        else:
            self.app.desk.shelf.rename(one.id, name)
            self._renamed = None
        self._refresh()

    def _export(self, one: Listed) -> None:
        self.told = self.app.words("sessions.writing")
        # A frame later, so that what is done is said before it is done.
        Clock.schedule_once(lambda _: self.app.do(self._write, one), 0.05)

    def _write(self, one: Listed) -> None:
        words = self.app.words
        self.told = ""
        files, lost = self.app.desk.export(one.id, words.said, words.rtl)
        # Names as they are on the disk, whatever digits the language has.
        self.told = "\n".join([words("sessions.exported"), *(f"{file.parent.name}/{file.name}" for file in files)])
        if lost:
            self.told += "\n" + words("sessions.lost", count=len(lost))

    def _delete(self, session: int) -> None:
        """The first tap asks, the second deletes."""
        if self._doubted != session:
            self._doubted = session
        else:
            self._doubted = None
            self.app.desk.delete(session)
        self._refresh()
