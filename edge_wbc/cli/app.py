"""`edge-wbc app`: the phone's app in a window."""

from __future__ import annotations

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
    outline: Annotated[
        Optional[Path],
        typer.Option("--outline", metavar="DIR", help="Crops to outline nucleus and cell in; masks go to DIR/masks."),
    ] = None,
    language: Annotated[str, typer.Option("--language", help="en or fa; the last one chosen if left out.")] = "",
) -> None:
    """Capture fields, label their cells, count: the phone's app on a desktop."""
    # Kivy takes the error stream for its own log unless it is told not to: the one line of a fault was lost in it.
    quiet = {"KIVY_NO_ARGS": "1", "KIVY_NO_FILELOG": "1", "KIVY_NO_CONSOLELOG": "1", "KIVY_LOG_MODE": "MIXED"}
    for name, value in quiet.items():
        os.environ.setdefault(name, value)
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
    from mobile_app.tracing.folder import FolderOutlines

    crops = FolderOutlines(outline) if outline is not None else None
    from mobile_app.app import WbcApp, run
    from mobile_app.desk import DEFAULT_PACK

    window = WbcApp(home or Path.home() / ".edge-wbc", source, pack or DEFAULT_PACK, language, crops)
    if window.refused is not None:
        raise window.refused
    run(window)
