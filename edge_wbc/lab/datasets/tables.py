"""CSV files that people and other programs write, row by row with what to call a row in a fault."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from pathlib import Path

from edge_wbc.core.errors import BadInput

__all__ = ["read_table"]


def read_table(path: Path, columns: Sequence[str]) -> list[tuple[str, dict[str, str]]]:
    """The rows of a CSV whose first line names at least these columns; a byte-order mark is accepted.

    Returns:
        For each row where it is ("FILE: row 2") and its values by column, "" for one that the row lacks.

    Raises:
        BadInput: not to be read, no CSV, or one of these columns missing.
    """
    try:
        with path.open(newline="", encoding="utf-8-sig") as stream:
            reader = csv.DictReader(stream, restval="")
            named = reader.fieldnames or ()
            if not set(columns) <= set(named):
                raise BadInput(
                    path, f"its first line must name the columns {', '.join(columns[:-1])} and {columns[-1]}"
                )
            rows = []
            for row in reader:
                # What a row has beyond the named columns is under None.
                values = {name: value for name, value in row.items() if name is not None}
                rows.append((f"{path}: row {reader.line_num}", values))
            return rows
    except OSError as error:
        raise BadInput(path, f"cannot be read ({error.strerror})") from error
    except (UnicodeDecodeError, csv.Error) as error:
        raise BadInput(path, f"is no CSV ({error})") from error
