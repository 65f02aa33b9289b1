"""Sessions: found, begun, gone on with, deleted after a second tap; and the language of the app."""

from __future__ import annotations

from functools import partial
from typing import Any, Callable, Optional

from kivy.app import App
from kivy.properties import BooleanProperty, ObjectProperty, StringProperty
from kivy.uix.boxlayout import BoxLayout
from kivy.uix.screenmanager import Screen

from edge_wbc.core.records import Smear
from mobile_app.session.shelf import Listed, Setup
from mobile_app.widgets.say import PushButton
from mobile_app.words import LANGUAGES

__all__ = ["SessionsScreen"]


class SessionRow(BoxLayout):
    """One session of the list."""

    title = StringProperty("")
    detail = StringProperty("")
    current = BooleanProperty(False)
    chosen: Callable[[], None] = ObjectProperty(lambda: None)
    unwanted: Callable[[], None] = ObjectProperty(lambda: None)


class SessionsScreen(Screen):
    """All sessions; the last one begun comes first."""

    asking = BooleanProperty(False)

    def __init__(self, **asked: Any) -> None:
        super().__init__(**asked)
        self._doubted: Optional[int] = None

    @property
    def app(self) -> Any:
        return App.get_running_app()

    def refresh(self) -> None:
        """Lists what there is."""
        if self.app is not None and "rows" in self.ids:
            self.app.do(self._refresh)

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
        return SessionRow(
            title=" · ".join(filter(None, [one.setup.name, *parts])),
            detail=detail,
            current=desk.session is not None and desk.session.id == one.id,
            chosen=partial(self.app.do, self._open, one),
            unwanted=partial(self.app.do, self._delete, one.id),
        )

    def ask(self) -> None:
        """Shows or hides what a new session is asked for."""
        self.asking = not self.asking

    def begin(self) -> None:
        """Begins the session that was asked for."""
        self.app.do(self._begin)

    def _begin(self) -> None:
        ids = self.ids
        self.app.desk.begin(Setup(ids.name.text, Smear(ids.smear.text)), ids.expert.text)
        self.asking = False
        ids.name.text = ids.smear.text = ""
        self.app.go("capture" if self.app.desk.source is not None else "tally")

    def _open(self, one: Listed) -> None:
        expert = self.ids.expert.text or one.expert
        self.app.desk.session = self.app.desk.shelf.open(one.id, expert)
        self.app.go("label" if one.cells else "capture")

    def _delete(self, session: int) -> None:
        """The first tap asks, the second deletes."""
        if self._doubted != session:
            self._doubted = session
        else:
            self._doubted = None
            self.app.desk.delete(session)
        self._refresh()
