"""In which line of a TOML document a key stands: `tomllib` tells values, and no lines.

Reads documents that `tomllib` has accepted (TOML 1.0), so it checks nothing by itself.
"""

from __future__ import annotations

import re
import tomllib
from collections import Counter
from typing import Any

Path = tuple[str | int, ...]

_BLANK = re.compile(r"(?:[ \t\n]|#[^\n]*)*")
_SPACE = re.compile(r"[ \t]*")
_PART = r"""(?:"(?:\\.|[^"\\\n])*"|'[^'\n]*'|[A-Za-z0-9_-]+)"""
_KEY = re.compile(rf"{_PART}(?:[ \t]*\.[ \t]*{_PART})*")
_TEXT = re.compile(
    r'"""(?:\\.|[^\\])*?"{3,5}(?!")'
    r"|'''.*?'{3,5}(?!')"
    r'|"(?:\\.|[^"\\\n])*"'
    r"|'[^'\n]*'",
    re.DOTALL,
)
_PLAIN = re.compile(r"[^,\]}#\n]+")  # numbers, truth values, times (which may hold a space)


class Lines:
    """The lines of one document, counted from 1. Paths hold keys, and indexes of arrays."""

    def __init__(self, text: str) -> None:
        self._text = text.replace("\r\n", "\n")
        self._at = 0
        self._counted, self._number = 0, 1
        self._found: dict[Path, int] = {}
        self._tables: Counter[Path] = Counter()
        self._document()

    def of(self, *path: str | int) -> int:
        """The line where `path` begins, or the nearest that holds it."""
        for length in range(len(path), 0, -1):
            if path[:length] in self._found:
                return self._found[path[:length]]
        return 1

    def _document(self) -> None:
        table: Path = ()
        self._skip(_BLANK)
        while self._at < len(self._text):
            if self._text[self._at] == "[":
                table = self._header()
            else:
                self._pair(table)
            self._skip(_BLANK)

    def _header(self) -> Path:
        several = self._text.startswith("[[", self._at)
        line = self._line()
        self._at += 2 if several else 1
        self._skip(_SPACE)
        path = self._key()
        self._skip(_SPACE)
        self._at += 2 if several else 1
        self._mark(path, 0, line)
        if several:
            self._tables[path] += 1
            path = (*path, self._tables[path] - 1)
            self._mark(path, 0, line)
        return path

    def _pair(self, table: Path) -> None:
        line = self._line()
        path = (*table, *self._key())
        self._mark(path, len(table), line)
        self._skip(_SPACE)
        self._at += 1  # the equals sign
        self._skip(_SPACE)
        self._value(path)

    def _value(self, path: Path) -> None:
        sign = self._text[self._at]
        if sign == "[":
            self._array(path)
        elif sign == "{":
            self._inline_table(path)
        else:
            self._skip(_TEXT if sign in "\"'" else _PLAIN)

    def _array(self, path: Path) -> None:
        self._at += 1
        index = 0
        self._skip(_BLANK)
        while self._text[self._at] != "]":
            self._mark((*path, index), len(path), self._line())
            self._value((*path, index))
            index += 1
            self._comma()
        self._at += 1

    def _inline_table(self, path: Path) -> None:
        self._at += 1
        self._skip(_BLANK)
        while self._text[self._at] != "}":
            self._pair(path)
            self._comma()
        self._at += 1

    def _comma(self) -> None:
        self._skip(_BLANK)
        if self._text[self._at] == ",":
            self._at += 1
            self._skip(_BLANK)

    def _key(self) -> Path:
        begin = self._at
        self._skip(_KEY)
        known: Any = tomllib.loads(f"{self._text[begin : self._at]} = 0")
        path: list[str] = []
        while isinstance(known, dict):
            ((name, known),) = known.items()
            path.append(name)
        return tuple(path)

    def _mark(self, path: Path, known: int, line: int) -> None:
        for length in range(known + 1, len(path) + 1):
            self._found.setdefault(path[:length], line)

    def _line(self) -> int:
        self._number += self._text.count("\n", self._counted, self._at)
        self._counted = self._at
        return self._number

    def _skip(self, pattern: re.Pattern[str]) -> None:
        found = pattern.match(self._text, self._at)
        assert found is not None, "tomllib would have refused this document"
        self._at = found.end()
