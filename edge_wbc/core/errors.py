"""Faults in what a person handed in, said in one line."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Tuple, Type, Union

__all__ = ["BadInput", "CheckFailed", "Fault"]


class BadInput(Exception):
    """A file or option that cannot be used; the command line prints it as one line and exits with 2.

    Args:
        where: the file, folder or option at fault.
        fault: what is wrong with it.
        remedy: what the person can do about it.
    """

    def __init__(self, where: Union[str, Path], fault: str, remedy: str = "") -> None:
        self.where, self.fault, self.remedy = str(where), fault, remedy
        super().__init__(f"{where}: {fault}" + (f"; {remedy}" if remedy else ""))

    def __reduce__(self) -> Tuple[Type[BadInput], Tuple[str, str, str]]:
        # An exception is rebuilt from its one message unless told otherwise: it could not come back from a worker.
        return BadInput, (self.where, self.fault, self.remedy)


class CheckFailed(Exception):
    """A check that the person asked for did not pass; the command line exits with 1."""


@dataclass(frozen=True)
class Fault:
    """One fault of a file, for a list of many.

    Attributes:
        file: the file or folder at fault.
        row: where in it ("cell 3", "row 12"), or "" for the whole of it.
        fault: what is wrong.
        remedy: what the person can do about it.
    """

    file: str
    row: str
    fault: str
    remedy: str = ""

    def as_error(self) -> BadInput:
        """The same as an exception, for whoever stops at the first."""
        return BadInput(f"{self.file}: {self.row}" if self.row else self.file, self.fault, self.remedy)
