"""`edge-wbc app`: the phone's app in a window."""

from __future__ import annotations

import logging
import os
from pathlib import Path
from typing import Annotated, Optional

import typer

from edge_wbc.core.errors import BadInput

__all__ = ["app"]


def app(
    frames: Annotated[
        Optional[Path],
        typer.Option("--frames", metavar="DIR", help="Photographs of fields, or a video, in place of the webcam."),
    ] = None,
    camera: Annotated[int, typer.Option("--camera", metavar="N", help="Which webcam, where there are several.")] = 0,
    home: Annotated[
        Optional[Path], typer.Option("--home", metavar="DIR", help="Where sessions are kept; ~/.edge-wbc if left out.")
    ] = None,
    pack: Annotated[Optional[Path], typer.Option("--pack", metavar="PACK", help="A model pack; the default's.")] = None,
    language: Annotated[str, typer.Option("--language", help="en or fa; the last one chosen if left out.")] = "",
) -> None:
    """Capture fields, label their cells, count: the phone's app on a desktop."""
    for name in ("KIVY_NO_ARGS", "KIVY_NO_FILELOG", "KIVY_NO_CONSOLELOG"):
        os.environ.setdefault(name, "1")
    os.environ.setdefault("KIVY_LOG_MODE", "PYTHON")  # else Kivy takes stderr, and no fault is ever read
    logging.getLogger("kivy").addHandler(logging.NullHandler())
    from mobile_app.sources.folder import FolderSource
    from mobile_app.sources.video import VIDEO_SUFFIXES, VideoSource

    source: FolderSource | VideoSource
    if frames is None:
        source = VideoSource(camera)
    elif frames.suffix.lower() in VIDEO_SUFFIXES and frames.is_file():
        source = VideoSource(frames)
    else:
        source = FolderSource(frames)
    if pack is not None and not pack.exists():
        raise BadInput(pack, "there is no such pack", "give a folder or zip that export wrote")
    from mobile_app.app import WbcApp
    from mobile_app.desk import DEFAULT_PACK

    WbcApp(home or Path.home() / ".edge-wbc", source, pack or DEFAULT_PACK, language).run()
