"""On a phone: a button for each file that was written, by which the person chooses where a copy of it goes."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any, Optional

from kivy.app import App
from kivy.metrics import dp
from kivy.properties import ListProperty
from kivy.uix.boxlayout import BoxLayout

from edge_wbc.core.errors import BadInput
from mobile_app.widgets.say import PushButton

__all__ = ["HandOut"]


class HandOut(BoxLayout):
    """No place at all where nothing was written, or where the files are at hand as they are."""

    written = ListProperty()

    def on_written(self, *_: Any) -> None:
        """Shows a button for each of the files."""
        app: Any = App.get_running_app()
        self.clear_widgets()
        for file in self.written if app.files is not None else ():
            kind = file.suffix[1:].upper()
            self.add_widget(PushButton(say=app.words("files.place", kind=kind), on_release=partial(self._place, file)))
        self.height = dp(48) if self.children else 0

    def _place(self, file: Path, button: PushButton) -> None:
        app: Any = App.get_running_app()
        app.do(app.files.hand_out, file, self._placed)

    def _placed(self, file: Optional[Path], fault: Optional[BadInput]) -> None:
        app: Any = App.get_running_app()
        if fault is not None:
            app.tell(fault)
        elif file is not None:
            self.written = [one for one in self.written if one != file]
