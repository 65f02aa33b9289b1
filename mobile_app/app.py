"""The app: one window, its screens, the bar that goes from one to another, and what is said when something fails."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Callable, Hashable, Optional, Union

from kivy.app import App
from kivy.base import ExceptionManager
from kivy.clock import Clock
from kivy.core.text import LabelBase
from kivy.core.window import Window
from kivy.lang import Builder
from kivy.properties import ObjectProperty, StringProperty
from kivy.uix.boxlayout import BoxLayout
from kivy.uix.screenmanager import NoTransition, ScreenManager

from edge_wbc.core.errors import BadInput
from mobile_app.desk import DEFAULT_PACK, Desk
from mobile_app.live.jobs import Report
from mobile_app.screens.benchmark import BenchmarkScreen
from mobile_app.screens.calibrate import CalibrateScreen
from mobile_app.screens.capture import CaptureScreen
from mobile_app.screens.label import LabelScreen
from mobile_app.screens.mark import MarkScreen
from mobile_app.screens.more import MORE, MoreScreen
from mobile_app.screens.outline import OutlineScreen
from mobile_app.screens.refused import Refused
from mobile_app.screens.sessions import SessionsScreen
from mobile_app.screens.settings import SettingsScreen
from mobile_app.screens.tally import TallyScreen
from mobile_app.screens.upload import UploadScreen
from mobile_app.slips import Slips
from mobile_app.sources.frames import FrameSource
from mobile_app.tracing.folder import FolderOutlines
from mobile_app.widgets import entry, fault_line, say  # noqa: F401  registers Entry, Say and others for the .kv files
from mobile_app.widgets.catch import Catch
from mobile_app.words import LANGUAGES, Words

__all__ = ["WbcApp", "main", "run"]

HERE = Path(__file__).parent
SCREENS = {
    "capture": CaptureScreen,
    "label": LabelScreen,
    "tally": TallyScreen,
    "sessions": SessionsScreen,
    "more": MoreScreen,
    "settings": SettingsScreen,
    "mark": MarkScreen,
    "outline": OutlineScreen,
    "upload": UploadScreen,
    "calibrate": CalibrateScreen,
    "benchmark": BenchmarkScreen,
}
LOOKS = ("widgets/look.kv", "screens/frame.kv", "screens/refused.kv", *(f"screens/{name}.kv" for name in SCREENS))


class Frame(BoxLayout):
    """The window: a line for what is to be said, the screen, the bar."""


class WbcApp(App):
    """Where the app's own folder will not do, a page says so in words, and `refused` is why; nothing is changed there.

    Args:
        home: the app's own folder.
        source: what gives frames.
        pack: a model pack.
        language: the last one chosen if left out.
        crops: a folder of crops to outline, in place of the open session's cells; shown first.
        prepare: what is done with the desk once it is open.
    """

    words = ObjectProperty()
    root: Any = None
    desk: Desk
    screens: ScreenManager
    said = StringProperty("")
    at = StringProperty("sessions")
    opened = StringProperty("")
    files: Any = None  # on a phone its `AndroidFiles`

    def __init__(
        self,
        home: Path,
        source: Optional[FrameSource] = None,
        pack: Path = DEFAULT_PACK,
        language: str = "",
        crops: Optional[FolderOutlines] = None,
        prepare: Callable[[Desk], None] = lambda desk: None,
        **asked: Any,
    ) -> None:
        super().__init__(**asked)
        self.home, self.language = home, language
        self._desk, self._prepare = (home, source, pack, crops), prepare
        self._slips = Slips(home)
        self.refused: Optional[BadInput] = None
        self._open()

    def _open(self) -> None:
        self.words = Words(self.language or "en")
        desk: Optional[Desk] = None
        try:
            desk = self.desk = Desk(*self._desk)
            kept = self.language or desk.store.setting("language")
            self._first = _first_of(desk)
        except BadInput as fault:
            self.refused = fault
            if desk is not None:
                desk.close()
            return
        self.refused = None
        self.words = Words(kept if kept in LANGUAGES else "en")
        self._prepare(desk)

    def build(self) -> Union[Frame, Refused]:
        self.title = self.words("app.title")
        LabelBase.register(
            "app", str(HERE / "fonts" / "Vazirmatn-Regular.ttf"), fn_bold=str(HERE / "fonts" / "Vazirmatn-Bold.ttf")
        )
        for look in LOOKS:
            if str(HERE / look) not in Builder.files:
                Builder.load_file(str(HERE / look))
        return self._frame() if self.refused is None else self._page(self.refused)

    def _page(self, refused: BadInput) -> Refused:
        """What was refused, in the language asked for; which one was chosen is in what can't be opened: so, in all."""
        return Refused(refused, [Words(one) for one in ([self.language] if self.language else LANGUAGES)])

    def again(self) -> None:
        """Tries again to open what was refused."""
        self._open()
        Window.remove_widget(self.root)
        self.root = self._frame() if self.refused is None else self._page(self.refused)
        Window.add_widget(self.root)

    def _frame(self) -> Frame:
        frame = Frame()
        self.screens = frame.ids.screens
        self.screens.transition = NoTransition()
        for name, kind in SCREENS.items():
            self.screens.add_widget(kind(name=name))
        self.go(self._first)
        Window.bind(on_key_down=self._key)
        self._tick = Clock.schedule_interval(lambda _: self.desk.jobs.deliver(), 0.1)
        return frame

    def go(self, name: str) -> None:
        """Shows a screen, as it now is."""
        self.do(self.tell_opened)
        self.screens.current = name
        self.at = "more" if name in MORE else name
        self.screens.current_screen.refresh()
        if self.desk.faults:
            self.tell(self.desk.faults.pop())

    def tell(self, fault: BadInput) -> None:
        """Says a fault at the top of the screen; files of the app's own by their name alone."""
        self.said = self.words.fault(fault, [self.home, HERE])

    def caught(self, error: Exception) -> None:
        """Says what no screen has caught; a slip of the app's own is noted down in its folder."""
        self.tell(error if isinstance(error, BadInput) else self._slips.note(error))

    def do(self, act: Any, *values: Any) -> Any:
        """Does something for a tap; what fails is said in words on the screen, and None comes back."""
        try:
            self.said = ""
            came = act(*values)
            self.tell_opened()
            return came
        except BadInput as fault:
            self.tell(fault)
            return None

    def tell_opened(self) -> None:
        """Says on every screen which session is open, of which slide, and whose labels are shown."""
        session = self.desk.session
        if session is None:
            self.opened = self.words("app.nosession")
            return
        called = (*self.desk.shelf.called(session.id), session.expert)
        self.opened = " · ".join(
            text if len(text) <= most else f"{text[: most - 1]}…" for text, most in zip(called, (22, 12, 12)) if text
        )

    def later(
        self,
        what: Hashable,
        act: Callable[[Report], Any],
        done: Callable[[Any], None],
        undone: Callable[[], None] = lambda: None,
    ) -> None:
        """Does what takes long beside the screen, see `Jobs.run`; that it goes on already, or what fails, is said.

        Args:
            undone: called after a failure was said.
        """

        def failed(fault: BadInput) -> None:
            self.tell(fault)
            undone()

        self.said = ""
        if not self.desk.jobs.run(what, act, done, failed):
            self.tell(BadInput("the app", "does this already", "wait until it is done"))

    def speak(self, language: str) -> None:
        """Changes the language, now and for later."""
        self.words = Words(language)
        self.desk.store.set("language", language)
        self.screens.current_screen.refresh()

    def on_pause(self) -> bool:
        Window.release_all_keyboards()  # what is half typed is kept: a paused app may be ended
        if self.refused is None:
            self.screens.current_screen.dispatch("on_leave")  # lets go of the camera, which `refresh` takes up again
        return True

    def on_resume(self) -> None:
        if self.refused is None:
            self.screens.current_screen.refresh()

    def on_stop(self) -> None:
        if self.refused is not None:
            return
        Window.unbind(on_key_down=self._key)
        self._tick.cancel()
        self.screens.current_screen.dispatch("on_leave")
        self.desk.close()

    def _key(self, window: Any, key: int, code: int, text: Optional[str], held: Any) -> bool:
        screen = self.screens.current_screen
        return bool(getattr(screen, "key", lambda *_: False)(key, text, "ctrl" in held))


def _first_of(desk: Desk) -> str:
    """The screen where the person stopped; what was asked for comes first."""
    if desk.crops is not None:
        return "outline"
    if desk.session is None:
        return "sessions"
    return "label" if desk.session.progress()[1] else "tally" if desk.session.counts(cells=False) else "sessions"


def run(app: WbcApp) -> None:
    """Runs the app to its end; what no screen has caught is said on the screen, and the app goes on."""
    ExceptionManager.add_handler(Catch(app.caught))
    app.run()


def main() -> None:
    """Starts the app on a phone, or on a desktop without a camera."""
    from kivy.utils import platform

    if platform == "android":
        from android.storage import app_storage_path

        from mobile_app.android.files import AndroidFiles
        from mobile_app.sources.android_camera import AndroidCamera

        home = Path(app_storage_path()) / "wbc"
        app = WbcApp(home, AndroidCamera(), prepare=_on_android)
        app.files = AndroidFiles(home / "taken", lambda act: Clock.schedule_once(lambda _: act()))
        Window.allow_screensaver = False  # both hands are at the microscope
        run(app)
    else:
        run(WbcApp(Path(os.environ.get("EDGE_WBC_HOME", Path.home() / ".edge-wbc"))))


def _on_android(desk: Desk) -> None:
    from mobile_app.android.device import AndroidDevice
    from mobile_app.live.phone_interpreter import install

    desk.device = AndroidDevice()
    try:
        desk.versions = {"tflite": install()}
    except BadInput as fault:  # counting and labelling go on without it
        desk.faults.append(fault)
