"""Sessions: found, begun, gone on with by whoever signs, renamed, exported, sent, deleted after a second tap."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any, Callable, List, Optional, Sequence, Tuple

from kivy.clock import Clock
from kivy.properties import BooleanProperty, ListProperty, NumericProperty, ObjectProperty, StringProperty
from kivy.uix.boxlayout import BoxLayout

from edge_wbc.core.records import Smear
from mobile_app.session.outgoing import write_session
from mobile_app.session.shelf import Listed
from mobile_app.session.upload import queue
from mobile_app.widgets import hand_out, row_text  # noqa: F401  registers HandOut, OneLine, RowText for the .kv files
from mobile_app.widgets.page import Page
from mobile_app.widgets.say import PushButton
from mobile_app.words import LANGUAGES

__all__ = ["SessionsScreen"]


FIRST = 8
"""Rows that are shown before more are asked for."""
_POLL_S = 0.25


class SessionRow(BoxLayout):
    """One session of the list; another one after a search."""

    session = NumericProperty(0)
    title = StringProperty("")
    detail = StringProperty("")
    current = BooleanProperty(False)
    renaming = BooleanProperty(False)
    chosen: Callable[[], None] = ObjectProperty(lambda: None)
    rename: Callable[[str], None] = ObjectProperty(lambda name: None)
    export: Callable[[], None] = ObjectProperty(lambda: None)
    send: Callable[[], None] = ObjectProperty(lambda: None)
    unwanted: Callable[[], None] = ObjectProperty(lambda: None)


class SessionsScreen(Page):
    """All sessions; the last one begun comes first."""

    asking = BooleanProperty(False)
    further = BooleanProperty(False)
    told = StringProperty("")
    written = ListProperty()

    def __init__(self, **asked: Any) -> None:
        super().__init__(**asked)
        self._doubted: Optional[int] = None
        self._renamed: Optional[int] = None
        self._listed: List[Listed] = []
        self._rows: List[SessionRow] = []
        self._most = FIRST
        self._tick: Any = None

    def refresh(self) -> None:
        """Lists what there is."""
        if self.app is not None and "rows" in self.ids:
            if not self.ids.expert.focus:
                self.ids.expert.put(self.app.desk.expert)
            if self._tick is None:
                self._tick = Clock.schedule_interval(lambda _: self._progress(), _POLL_S)
            self.app.do(self._refresh)

    def on_leave(self, *_: Any) -> None:
        """Forgets what was asked and not answered."""
        self._doubted = self._renamed = None
        self.told = ""
        if self._tick is not None:
            self._tick.cancel()
            self._tick = None

    def search(self) -> None:
        """Lists what holds the text that is typed."""
        self._most = FIRST
        if self.app is not None and "rows" in self.ids:
            self.app.do(self._find)

    def more(self) -> None:
        """Lists as many again."""
        self._most += FIRST
        self.app.do(self._find)

    def _refresh(self) -> None:
        words = self.app.words
        self._find()
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

    def _find(self) -> None:
        found = self.app.desk.shelf.find(self.ids.search.text, limit=self._most + 1)
        self._listed, self.further = found[: self._most], len(found) > self._most
        self._show()

    def _show(self) -> None:
        """Shows the list; a row is made once, which takes long, and used again."""
        while len(self._rows) < len(self._listed):
            self._rows.append(SessionRow())
        shown = self.ids.rows
        for row in self._rows[len(self._listed) : len(shown.children)]:
            shown.remove_widget(row)
        for row in self._rows[len(shown.children) : len(self._listed)]:
            shown.add_widget(row)
        for row, one in zip(self._rows, self._listed):
            self._put(row, one)
        self._progress()

    def _progress(self) -> None:
        """Says of each session what it holds, or how far what is done with it has come."""
        for row, one in zip(self._rows, self._listed):
            row.detail = self._detail(one, row.current)

    def _put(self, row: SessionRow, one: Listed) -> None:
        desk = self.app.desk
        row.current = desk.session is not None and desk.session.id == one.id
        row.title = " · ".join(filter(None, [one.setup.name, one.setup.smear.id, one.expert]))
        renaming = self._renamed == one.id
        if (row.session, row.renaming) != (one.id, renaming):
            row.session, row.renaming = one.id, renaming
            row.ids.name.put(one.setup.name)
        row.chosen = partial(self.app.do, self._open, one)
        row.rename = partial(self.app.do, self._rename, one)
        row.export = partial(self._export, one)
        row.send = partial(self._send, one)
        row.unwanted = partial(self.app.do, self._delete, one.id)

    def _detail(self, one: Listed, current: bool) -> str:
        words, share = self.app.words, self.app.desk.jobs.share
        if self._doubted == one.id:
            return words("sessions.sure", name=one.setup.name, count=one.cells)
        for kind, key in (("export", "sessions.going"), ("send", "sessions.queueing")):
            done = share((kind, one.id))
            if done is not None:
                return words(key, percent=int(100 * done))
        holds = words("sessions.holds", fields=one.fields, cells=one.cells, taps=one.taps)
        # Colour is never the only signal.
        return f"{words('sessions.current')} · {holds}" if current else holds

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
        by_eye = one.taps or self.app.desk.source is None
        self.app.go("label" if one.cells else "tally" if by_eye else "capture")

    def _rename(self, one: Listed, name: str) -> None:
        """The first tap asks for the name, the second keeps it."""
        if self._renamed != one.id:
            self._renamed = one.id
        else:
            self.app.desk.shelf.rename(one.id, name)
            self._renamed = None
        self._find()

    def _export(self, one: Listed) -> None:
        words, desk = self.app.words, self.app.desk
        write = partial(write_session, desk.store.folder, one.id, desk.expert or one.expert, words.said, words.rtl)
        self.told, self.written = "", []
        self.app.later(("export", one.id), write, self._written)
        self._show()

    def _written(self, came: Tuple[List[Path], Sequence[str]]) -> None:
        files, lost = came
        self.written = files
        # Names as they are on the disk, whatever digits the language has.
        names = (f"{file.parent.name}/{file.name}" for file in files)
        self._tell([self.app.words("sessions.exported"), *names], lost)

    def _send(self, one: Listed) -> None:
        desk = self.app.desk
        self.told = ""
        self.app.later(
            ("send", one.id), partial(queue, desk.store.folder, one.id), partial(self._queued, one.setup.name)
        )
        self._show()

    def _queued(self, name: str, lost: Sequence[str]) -> None:
        desk = self.app.desk
        there = desk.uploads.address()
        if there:
            desk.send(True)
        self._tell([name, self.app.words("sessions.queued" if there else "sessions.noaddress")], lost)

    def _tell(self, lines: List[str], lost: Sequence[str]) -> None:
        if lost:
            lines.append(self.app.words("sessions.lost", count=len(lost)))
        self.told = "\n".join(lines)
        self._show()

    def _delete(self, session: int) -> None:
        """The first tap asks, the second deletes."""
        if self._doubted != session:
            self._doubted = session
        else:
            self._doubted = None
            self.app.desk.delete(session)
        self._find()
