"""Faults in what a person handed in, said in one line."""

from __future__ import annotations

from pathlib import Path
from typing import Tuple, Type, Union

__all__ = ["BadInput", "CheckFailed"]


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
        # Exceptions are pickled by their message alone; this one crosses from worker processes whole.
        return BadInput, (self.where, self.fault, self.remedy)


class CheckFailed(Exception):
    """A check that the person asked for did not pass; the command line exits with 1."""
