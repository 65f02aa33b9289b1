"""Upload: where sessions are sent to, which wait, how far each is, and what hinders it, in words."""

from __future__ import annotations

from functools import partial
from typing import Any, Callable, Dict

from kivy.clock import Clock
from kivy.properties import BooleanProperty, NumericProperty, ObjectProperty, StringProperty
from kivy.uix.boxlayout import BoxLayout

from edge_wbc.core.errors import BadInput
from mobile_app.session.upload import Upload
from mobile_app.widgets import row_text  # noqa: F401  registers OneLine and RowText for the .kv files
from mobile_app.widgets.page import Page

__all__ = ["UploadScreen"]

_POLL_S = 0.5


class UploadRow(BoxLayout):
    """One session of the queue."""

    title = StringProperty("")
    detail = StringProperty("")
    share = NumericProperty(0.0)
    arrived = BooleanProperty(False)
    again: Callable[[], None] = ObjectProperty(lambda: None)
    unwanted: Callable[[], None] = ObjectProperty(lambda: None)


class UploadScreen(Page):
    """The queue, the latest first; leaving the screen leaves the sending as it is."""

    sending = BooleanProperty(False)
    told = StringProperty("")
    hint = StringProperty("")

    def __init__(self, **asked: Any) -> None:
        super().__init__(**asked)
        self._rows: Dict[int, UploadRow] = {}
        self._tick: Any = None

    def refresh(self) -> None:
        """Shows the address and the queue, and goes on showing it as it changes."""
        if not self.ids.address.focus:
            self.ids.address.put(self.app.desk.uploads.address())
        if self._tick is None:
            self._tick = Clock.schedule_interval(lambda _: self._poll(), _POLL_S)
        self.app.do(self._show)

    def on_leave(self, *_: Any) -> None:
        """Looks no more."""
        if self._tick is not None:
            self._tick.cancel()
            self._tick = None

    def address(self) -> None:
        """Keeps the address that was typed, where it is one."""
        self.app.do(self._address, self.ids.address.text.strip())

    def _address(self, text: str) -> None:
        self.app.desk.uploads.set_address(text)
        self._show()

    def toggle(self) -> None:
        """Starts or stops the sending."""
        self.app.do(self._toggle)

    def _toggle(self) -> None:
        self.app.desk.send(not self.app.desk.sender.on)
        self._show()

    def _poll(self) -> None:
        sender = self.app.desk.sender
        fault, sender.fault = sender.fault, None
        try:
            self._show()
        except BadInput as error:
            fault = error
        if fault is not None:
            self.app.tell(fault)

    def _show(self) -> None:
        words, desk = self.app.words, self.app.desk
        queue, address = desk.uploads.listed(), desk.uploads.address()
        self.sending = desk.sender.on
        waiting = sum(one.state == "waiting" for one in queue)
        if not address:
            self.told = words("upload.noaddress")
        elif not waiting:
            self.told = words("upload.empty")
        else:
            self.told = words("upload.on" if self.sending else "upload.off", count=waiting)
        self.hint = words("upload.open") if address.startswith("http:") else ""
        rows = self.ids.rows
        if [one.id for one in queue] != list(self._rows):
            rows.clear_widgets()
            self._rows = {one.id: self._rows.get(one.id) or self._row(one) for one in queue}
            for row in self._rows.values():
                rows.add_widget(row)
        for one in queue:
            row = self._rows[one.id]
            row.detail, row.share, row.arrived = self._detail(one), one.sent / max(one.size, 1), one.state == "done"

    def _row(self, one: Upload) -> UploadRow:
        uploads = self.app.desk.uploads
        act = partial(self.app.do, self._act)
        return UploadRow(
            title=one.name, again=partial(act, uploads.retry, one.id), unwanted=partial(act, uploads.forget, one.id)
        )

    def _act(self, act: Callable[[int], None], upload: int) -> None:
        act(upload)
        self._show()

    def _detail(self, one: Upload) -> str:
        """How far it is and what hinders it."""
        words = self.app.words
        size = words("upload.size", mb=f"{max(one.size / 1e6, 0.1):.1f}")
        if one.state == "done":
            return words("upload.done", size=size)
        if one.trouble:
            return words(f"upload.{one.trouble}", detail=one.detail)
        return words("upload.part", percent=100 * one.sent // max(one.size, 1), size=size)
