"""How a command speaks: data on stdout, progress and remarks on stderr, one JSON object with --json."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Annotated, Any, Optional, Protocol

import typer

__all__ = ["AsJson", "Dask", "Progress", "emit_json", "percent", "progress_bar", "remark", "table", "tell_detection"]

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout and nothing else.")]


Dask = Annotated[
    Optional[str],
    typer.Option("--dask", metavar="ADDRESS", help="Work on this Dask scheduler's workers: tcp://HOST:PORT."),
]


class Progress(Protocol):
    """Told a title, how much is done and how much there is."""

    def __call__(self, title: str, done: int, total: int) -> None: ...


def remark(line: str) -> None:
    """One line on stderr."""
    print(line, file=sys.stderr, flush=True)


def emit_json(data: Any) -> None:
    """The one object that --json prints."""
    print(json.dumps(data, indent=1, ensure_ascii=False))


def percent(share: float) -> str:
    """0.9876 as "98.8%"."""
    return f"{100 * share:.1f}%"


def table(title: str, head: Sequence[str], rows: Sequence[Sequence[str]], words: int = 1) -> None:
    """A table on stdout; the first `words` columns are text, the others are figures; the first is never wrapped."""
    from rich.console import Console
    from rich.table import Table

    drawn = Table(title=title, title_justify="left")
    for number, name in enumerate(head):
        drawn.add_column(name, justify="left" if number < words else "right", no_wrap=not number)
    for row in rows:
        drawn.add_row(*row)
    Console().print(drawn)


def tell_detection(title: str, found: Mapping[str, Any]) -> None:
    """The object of a detector's ``evaluate --json`` as a table on stdout; a table a kind where it finds several."""
    if "kinds" in found:
        for kind, those in found["kinds"].items():
            tell_detection(f"{title}, {kind}", those)
        return
    rows = [("AP50", percent(found["ap50"])), ("AP50:95", percent(found["ap50_95"]))]
    rows += [
        (f"recall at {allowed} false a field", percent(recall))
        for allowed, recall in found["recall_at_false_per_field"].items()
    ]
    rows += [
        (f"false a field at recall {asked}", "never reached" if false is None else f"{false:.3f}")
        for asked, false in found["false_per_field_at_recall"].items()
    ]
    rows.append((f"recall at its threshold {found['threshold']:.2f}", percent(found["recall"])))
    rows.append(("false a field there", f"{found['false_per_field']:.3f}"))
    table(f"{title}: {found['cells']} cells in {found['fields']} fields", ("measure", "value"), rows)
    remark("research use, not for diagnosis")


@contextmanager
def progress_bar() -> Iterator[Progress]:
    """A bar on stderr with the time left; one line a title, each finished bar stays."""
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, TextColumn, TimeElapsedColumn, TimeRemainingColumn
    from rich.progress import Progress as Bars

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    # A terminal's own handle, since converters are muted on file descriptor 2 while the bar goes on.
    stream = os.fdopen(os.dup(2), "w") if sys.stderr.isatty() else sys.stderr
    with Bars(*columns, console=Console(file=stream), redirect_stdout=False) as bars:
        tasks: dict[str, Any] = {}

        def tell(title: str, done: int, total: int) -> None:
            # Titles that only differ in figures ("epoch 3/12 loss 0.4") share one bar.
            key = title.split()[0]
            if key not in tasks:
                tasks[key] = bars.add_task(title, total=total)
            bars.update(tasks[key], description=title, completed=done, total=total)

        yield tell
