"""How a design is refused: one line for a person."""

from __future__ import annotations

__all__ = ["BadDesign"]


class BadDesign(ValueError):
    """A number, a name, a file or a combination from which no adapter can be made.

    Its text reads `place: fault; remedy`. place is a file or the name of a phone, an ocular, a printer or an option.
    """

    def __init__(self, place: object, fault: str, remedy: str) -> None:
        self.place, self.fault, self.remedy = str(place), fault, remedy
        super().__init__(f"{place}: {fault}; {remedy}")
