"""Faults in another language: the English of `BadInput` is the source, and a table turns its sentences.

A sentence is looked up as a template: `{}` stands for what differs. The translation holds `{}` for the same, in order,
or `{0}`, `{1}` in another.
"""

from __future__ import annotations

import re
import unicodedata
from typing import Callable, Dict, List, Pattern, Tuple

from edge_wbc.core.errors import BadInput

__all__ = ["LRI", "PDI", "Phrases"]

LRI, PDI = "\u2066", "\u2069"
"""Round what runs from left to right in a line that runs the other way: a path, a name."""
_NUMBER = re.compile(r"[0-9]+([.,][0-9]+)?%?")
_QUOTED = re.compile(r"(['\"])(.*)\1", re.DOTALL)


class Phrases:
    """The faults of one language.

    Args:
        table: "where" (the things that faults are found in), "said" (faults and remedies) and "system" (what the
            system says of its own), each English -> the language.
        number: writes a number as people of the language do.
    """

    def __init__(self, table: Dict[str, Dict[str, str]], number: Callable[[str], str]) -> None:
        self._number = number
        self._where, self._said, self._system = (_compiled(table[name]) for name in ("where", "said", "system"))

    def told(self, fault: BadInput) -> str:
        """One line as `str(fault)`, in the language; what is not in the table stays as it is."""
        line = f"{self._turned(fault.where, self._where)}: {self._turned(fault.fault, self._said)}"
        return f"{line}؛ {self._turned(fault.remedy, self._said)}" if fault.remedy else line

    def _turned(self, text: str, table: List[Tuple[Pattern[str], str]]) -> str:
        for template, translation in table:
            found = template.fullmatch(text)
            if found:
                return translation.format(*map(self._held, found.groups()))
        return _isolated(text)

    def _held(self, text: str) -> str:
        """What stood in a hole: a number, what the system said, a fault within the fault, or a name."""
        if _NUMBER.fullmatch(text):
            return self._number(text)
        quoted = _QUOTED.fullmatch(text)
        if quoted:
            return f"«{_isolated(quoted[2])}»"
        return self._turned(text, self._said + self._system)


def _compiled(table: Dict[str, str]) -> List[Tuple[Pattern[str], str]]:
    """The templates as expressions; the one that says most comes first."""
    order = sorted(table, key=lambda template: len(template.replace("{}", "")), reverse=True)
    return [(re.compile("(.*)".join(map(re.escape, one.split("{}"))), re.DOTALL), table[one]) for one in order]


def _isolated(text: str) -> str:
    """A text that stays as it is, kept together where it runs from left to right."""
    leftwards = any(unicodedata.bidirectional(letter) in ("R", "AL") for letter in text)
    return text if leftwards or not text else f"{LRI}{text}{PDI}"
