"""Pictures of every screen of the app, on fields that the project draws.

    python docs/screens.py [--out docs/images/app]

Drives the real app off the screen with touches, as the tests do, with the pack it ships: begins sessions, calibrates,
freezes, keeps, labels and counts, then looks at each screen as a phone and as a desktop show it, in every language.
All but the benchmark's times comes out the same again on the same machine.
"""

from __future__ import annotations

import argparse
import random
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
from PIL import Image

sys.path.insert(0, str(Path(__file__).parents[1]))
sys.path.insert(0, str(Path(__file__).parents[1] / "tests" / "mobile_app" / "screens"))
from conftest import Driver, opened  # sets what Kivy has to find before it is loaded

from edge_wbc.core.images import write_image
from edge_wbc.lab.synthesis import SmearOptions, draw_field
from edge_wbc.lab.synthesis.optics import domain_optics
from mobile_app.sources.folder import FolderSource
from mobile_app.words import LANGUAGES

ROOT = Path(__file__).parents[1]
SIZES = {"phone": (360, 640), "desktop": (1280, 800)}
COLOURS = 160
SMEARS = (2, 1, 0)
NAMES = {"en": ("Ann", "Morning", "Ward 3", "Teaching"), "fa": ("مینا", "صبح", "بخش ۳", "آموزش")}
COUNTED = {"neutrophil": 52, "small_lymphocyte": 21, "large_lymphocyte": 6, "monocyte": 5, "band": 3, "eosinophil": 2}
COUNTED |= {"basophil": 1, "erythroblast": 2, "burst": 3}
LABELLED = 8


def draw_photographs(folder: Path) -> None:
    """Fields of a smear, a stage micrometer and an empty field, in the order they are wanted."""
    smears = SmearOptions("lg-g3/zeiss", 1, 1, white_cells=7, width=1280, height=960, seed=7)
    folder.mkdir()
    x = np.mgrid[0:960, 0:1280][1]
    apart = 10 / domain_optics(smears.domain).um_per_px
    lines = cv2.GaussianBlur(np.where(np.abs(x - np.round(x / apart) * apart) < 3, 70.0, 225.0), (0, 0), 1.2)
    write_image(folder / "0-micrometer.png", np.repeat(lines[..., None], 3, 2).astype(np.uint8))
    for number, smear in enumerate(SMEARS, 1):
        rgb = draw_field(smears, smear, 0)[0]
        # A sensor's noise would make up most of a PNG.
        write_image(folder / f"{number}-field.png", cv2.fastNlMeansDenoisingColored(rgb, None, 5, 5))


def labelled(app: Driver, name: str) -> None:
    app.press(app.app.words.label(name))


def go(app: Driver, name: str) -> None:
    """Goes to a screen as a person does: by the bar, or by the list under its last button."""
    words = app.app.words
    bar = {one.say: one for one in app.app.root.children[0].children}
    tab = bar.get(words.texts.get(f"tab.{name}", ""), bar[words("tab.more")])
    app.touch(*tab.to_window(*tab.center))
    if app.screen.name == name:
        return
    (way,) = [one for one in app.screen.walk() if getattr(one, "to", "") == name]
    ways, seen = way.parent, way.parent.parent
    if ways.height > seen.height:
        seen.scroll_to(way, animate=False)
        app.frames(3)
    app.touch(*way.to_window(*way.center))


def begin(app: Driver, expert: str, name: str, smear: str) -> None:
    words = app.app.words
    go(app, "sessions")
    app.press(words("sessions.new"))
    app.frames(2)
    ids = app.screen.ids
    ids.expert.text, ids.name.text, ids.smear.text = expert, name, smear
    app.press(words("sessions.begin"))
    if app.app.said:
        sys.exit(app.app.said)


def freeze(app: Driver) -> None:
    app.until(lambda: app.screen.running and app.screen.ids.view._texture is not None)
    app.press(app.app.words("capture.freeze"))
    app.until(lambda: app.screen.can_keep)
    taken = app.screen._answer.photograph
    app.until(lambda: app.app.desk.twins.known(taken))


def work(app: Driver, language: str) -> None:
    """A technician's morning: sessions begun, the phone calibrated, fields kept, cells labelled and counted."""
    words, (expert, first, second, third) = app.app.words, NAMES[language]
    for name, smear in ((third, "T-12"), (second, "W3-0417"), (first, "A-2051")):
        begin(app, expert, name, smear)
        go(app, "tally")
        app.press(words("tally.manual"))
        taps = [label for label, count in COUNTED.items() for _ in range(count)] if name == first else ["neutrophil"]
        random.Random(0).shuffle(taps)
        for label in taps:
            labelled(app, label)
        app.press(words("tally.manual"))
    go(app, "calibrate")
    app.press(words("calibrate.lines"))
    app.press(words("calibrate.take"))
    app.until(lambda: app.screen.can_keep)
    app.press(words("calibrate.keep"))
    go(app, "capture")
    for _ in SMEARS[1:]:
        app.press(words("label.next"))
        freeze(app)
        app.press(words("capture.keep"))
    go(app, "label")
    for cell in app.app.desk.open.cells(limit=LABELLED):
        labelled(app, {"lymphocyte": "small_lymphocyte"}.get(cell.suggestion.label, cell.suggestion.label))


# What is done on a screen before it is looked at; the others are looked at as they open.


def capture(app: Driver) -> None:
    while not app.screen.heading.startswith(f"{len(SMEARS)}-"):  # the last photograph, which is not kept yet
        app.press(app.app.words("label.next"))
    freeze(app)
    app.until(lambda: bool(app.screen.focus_told))


def tally_by_hand(app: Driver) -> None:
    app.press(app.app.words("tally.manual"))


def mark(app: Driver) -> None:
    view, cell = app.screen.ids.view, app.app.desk.open.cells()[2].cell
    middle = (cell.box[0] + cell.box[2]) / 2, (cell.box[1] + cell.box[3]) / 2
    app.touch(*view.to_window(*view.to_view(*middle)))


def name_a_cell(app: Driver) -> None:
    mark(app)
    if app.window.width < app.window.height:
        app.press(app.app.words("mark.label"))
        app.frames(3)


def outline(app: Driver) -> None:
    """A cell proposed, its nucleus a little larger by the slider, and a stroke of the brush at its border."""
    words = app.app.words
    app.press(words("label.next"))  # a neutrophil
    app.press(words("outline.propose"))
    app.screen.slide(app.screen.threshold - 6)
    app.screen.slid()
    app.press(words("outline.cell"))


def calibrate(app: Driver) -> None:
    words, source = app.app.words, app.app.desk.source
    source.step()  # round to the first photograph, the micrometer
    app.press(words("calibrate.points"))
    app.press(words("calibrate.take"))
    app.until(lambda: app.screen.taken)
    view = app.screen.ids.view
    for x in (216.2, 1081.1):
        app.touch(*view.to_window(*view.to_view(x, 480)))


def upload(app: Driver) -> None:
    """A session waits, and nothing is sent yet: the address is nobody's."""
    app.screen.ids.address.text = "https://lab.example/wbc"
    app.screen.address()
    if app.app.desk.uploads.listed():
        return
    go(app, "sessions")
    app.frames(3)
    first = max(app.buttons(app.app.words("sessions.send")), key=lambda one: one.to_window(*one.center)[1])
    app.touch(*first.to_window(*first.center))
    app.until(lambda: bool(app.app.desk.uploads.listed()))
    app.frames(20)
    go(app, "upload")
    app.frames(20)
    if app.screen.sending:
        app.press(app.app.words("upload.stop"))


def benchmark(app: Driver) -> None:
    app.press(app.app.words.number(20))
    app.press(app.app.words("benchmark.start"))
    app.until(lambda: app.screen._found is not None, 120)
    app.until(lambda: not app.screen.running)


BEFORE: dict[str, Callable[[Driver], None]] = {
    "capture": capture,
    "mark": mark,
    "outline": outline,
    "calibrate": calibrate,
    "benchmark": benchmark,
    "upload": upload,
}
FURTHER: dict[str, tuple[str, Callable[[Driver], None]]] = {
    "counter": ("tally", tally_by_hand),
    "name": ("mark", name_a_cell),
}
"""Pictures of screens that have two faces."""
PHONE_ONLY = ("name",)
TRANSLATED = ("capture", "label", "tally")
"""What a desktop shows otherwise, and which of its screens are shown in another language."""


def keep(app: Driver, path: Path) -> None:
    """The window as a small PNG."""
    path.parent.mkdir(parents=True, exist_ok=True)
    shown = Image.fromarray(np.ascontiguousarray(app.pixels()))
    shown.quantize(COLOURS, Image.Quantize.MEDIANCUT, dither=Image.Dither.NONE).save(path, optimize=True)


def main() -> None:
    """Draws, works, looks."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, default=ROOT / "docs" / "images" / "app")
    asked = parser.parse_args()
    if not opened():
        sys.exit("no OpenGL here: apt install libgl1-mesa-dri libegl1 libgles2 libmtdev1")
    from kivy.config import Config
    from kivy.core.window import Window

    from mobile_app.app import SCREENS, WbcApp

    Config.set("graphics", "maxfps", "0")
    with tempfile.TemporaryDirectory() as room:
        draw_photographs(Path(room) / "fields")
        for language in LANGUAGES:
            source = FolderSource(Path(room) / "fields")
            for size in ("work", *SIZES):
                Window.size = SIZES.get(size, SIZES["phone"])
                app = Driver(WbcApp(Path(room) / language, source, language=language))
                if size == "work":
                    work(app, language)
                    app.close()
                    continue
                wanted = {name: (name, BEFORE.get(name, lambda app: None)) for name in SCREENS} | FURTHER
                for name, (screen, act) in wanted.items():
                    if size == "desktop" and (name in PHONE_ONLY or (language != "en" and name not in TRANSLATED)):
                        continue
                    go(app, screen)
                    app.frames(3)
                    act(app)
                    app.frames(5)
                    if app.app.said:
                        sys.exit(f"{name}: {app.app.said}")
                    keep(app, asked.out / f"{name}-{size}-{language}.png")
                app.close()


if __name__ == "__main__":
    main()
