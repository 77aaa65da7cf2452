"""JSON as an attacker writes it: repeated keys, keys in escapes, odd blanks, odd numbers.

Trees are made of `Obj` (pairs, so that a key can stand twice), lists, scalars and `Raw` (a token as
it stands). `write` turns them into bytes.
"""

from __future__ import annotations

import json
from random import Random
from typing import Any

BLANKS = ("", "", "", " ", "\t", "\n", "\r\n", "  \t ")
WRONG_BLANKS = ("\x0b", "\x0c", "\u00a0", "\u2028", "\x00", "\ufeff", "//x\n", "/**/")


class Obj:
    """An object as a list of pairs."""

    def __init__(self, pairs: list[tuple[str, Any]]) -> None:
        self.pairs = pairs


class Raw:
    """A token that is written as it stands."""

    def __init__(self, token: str) -> None:
        self.token = token


def tree(value: Any) -> Any:
    """Plain data as a tree."""
    if isinstance(value, dict):
        return Obj([(key, tree(entry)) for key, entry in value.items()])
    return [tree(entry) for entry in value] if isinstance(value, list) else value


def objects(value: Any, path: tuple[str, ...] = ()) -> list[tuple[tuple[str, ...], Obj]]:
    """All objects of a tree, each with the keys that lead to it."""
    found: list[tuple[tuple[str, ...], Obj]] = []
    if isinstance(value, Obj):
        found.append((path, value))
        for key, entry in value.pairs:
            found += objects(entry, (*path, key))
    elif isinstance(value, list):
        for entry in value:
            found += objects(entry, path)
    return found


class Pen:
    """Writes trees. `sly` is how often a character stands as an escape, `blank` how often
    whitespace stands between tokens."""

    def __init__(self, rng: Random, sly: float = 0.0, blank: float = 0.0, wrong: bool = False):
        self._rng, self._sly, self._blank, self._wrong = rng, sly, blank, wrong

    def write(self, value: Any) -> str:
        if isinstance(value, Raw):
            return value.token
        if isinstance(value, Obj):
            pairs = (f"{self._text(key)}{self._gap()}:{self._value(v)}" for key, v in value.pairs)
            return "{" + self._gap() + ",".join(pairs) + "}"
        if isinstance(value, list):
            return "[" + ",".join(map(self._value, value)) + self._gap() + "]"
        return self._text(value) if isinstance(value, str) else json.dumps(value)

    def _value(self, value: Any) -> str:
        return f"{self._gap()}{self.write(value)}{self._gap()}"

    def _gap(self) -> str:
        if not self._blank or self._rng.random() > self._blank:
            return ""
        if self._wrong and self._rng.random() < 0.1:
            return self._rng.choice(WRONG_BLANKS)
        return self._rng.choice(BLANKS)

    def _text(self, text: str) -> str:
        if not self._sly or len(text) > 500:
            return json.dumps(text, ensure_ascii=self._rng.random() < 0.5)
        return '"' + "".join(map(self._character, text)) + '"'

    def _character(self, character: str) -> str:
        code = ord(character)
        if self._rng.random() < self._sly and code < 0x10000:
            form = "\\u{:04X}" if self._rng.random() < 0.5 else "\\u{:04x}"
            return form.format(code)
        if character == "/" and self._rng.random() < 0.5:
            return "\\/"
        return json.dumps(character)[1:-1]
