"""Benchmark: how long the pack in use takes on this very device, written as `edge-wbc bench --phone` reads it."""

from __future__ import annotations

import threading
from typing import Any, Dict, Optional, Tuple

from kivy.clock import Clock
from kivy.properties import BooleanProperty, ListProperty, NumericProperty, StringProperty

from edge_wbc.core.errors import BadInput
from edge_wbc.core.pack import read_pack
from mobile_app.live.benchmark import BenchmarkOptions, benchmark, write_benchmark
from mobile_app.widgets.page import Page
from mobile_app.widgets.say import Figure

__all__ = ["BenchmarkScreen"]

FILE = "benchmark.json"


class BenchmarkScreen(Page):
    """One measurement at a time, off the UI's thread; leaving the screen ends it."""

    runs = NumericProperty(50)
    told = StringProperty("")
    written = ListProperty()
    device = StringProperty("")
    done = NumericProperty(0.0)
    running = BooleanProperty(False)

    def __init__(self, **asked: Any) -> None:
        super().__init__(**asked)
        self._ended = threading.Event()
        self._progress: Tuple[int, int] = (0, 1)
        self._found: Optional[Dict[str, Any]] = None
        self._fault: Optional[BadInput] = None
        self._thread: Optional[threading.Thread] = None
        self._tick: Any = None

    def refresh(self) -> None:
        """Names the device and the pack."""
        desk = self.app.desk
        self.device = f"{desk.device.name} · {desk.pack.name}"

    def on_leave(self, *_: Any) -> None:
        """Ends what runs."""
        self._ended.set()

    def start(self) -> None:
        """Begins to measure, or ends it."""
        if self.running:
            self._ended.set()
            return
        desk = self.app.desk
        self.ids.rows.clear_widgets()
        self.running, self.done, self.told, self.written = True, 0.0, self.app.words("benchmark.running"), []
        self._ended, self._found, self._fault = threading.Event(), None, None
        measured = (desk.pack, desk.device, BenchmarkOptions(int(self.runs)), desk.versions, self._ended)
        self._thread = threading.Thread(target=self._measure, args=measured, name="benchmark", daemon=True)
        self._thread.start()
        self._tick = Clock.schedule_interval(self._poll, 0.1)

    def _measure(self, pack: Any, device: Any, options: Any, versions: Dict[str, str], ended: threading.Event) -> None:
        def report(done: int, total: int) -> bool:
            self._progress = done, total
            return not ended.is_set()

        try:
            self._found = benchmark(read_pack(pack), device, options, versions, report)
        except BadInput as fault:
            self._fault = fault

    def _poll(self, *_: Any) -> None:
        self.done = self._progress[0] / max(self._progress[1], 1)
        if self._thread is not None and self._thread.is_alive():
            return
        self._tick.cancel()
        self.running, self._thread = False, None
        self.told = ""
        if self._found is not None:
            self.app.do(self._show, self._found)
        elif self._fault is not None and not self._ended.is_set():
            self.app.tell(self._fault)
        elif not self._ended.is_set():
            self.app.said = self.app.words("benchmark.failed")

    def _show(self, found: Dict[str, Any]) -> None:
        words = self.app.words
        heads = [words(f"benchmark.{name}") for name in ("kind", "threads", "median", "p90")]
        rows = [
            (
                row["kind"],
                words.number(row["threads"]),
                *(words.number(f"{row[k]:.2f}") for k in ("ms_median", "ms_p90")),
            )
            for row in found["artefacts"]
        ]
        for row in (heads, *rows):
            for text in row:
                self.ids.rows.add_widget(Figure(say=text, bold=row is heads))
        path = self.app.desk.store.folder / FILE
        try:
            write_benchmark(path, found)
        except OSError as error:
            raise BadInput(path, f"cannot be written ({error.strerror})", "free some space") from error
        heat = found["heat"]["after"]
        self.told, self.written = words("sessions.exported") + f" {path.name}", [path]
        if heat["battery_c"] is not None:
            self.told += "\n" + words("benchmark.heat", degrees=heat["battery_c"])
