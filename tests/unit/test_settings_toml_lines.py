"""Lines of keys in TOML: against hand-made documents, and against documents made by chance."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.settings.toml_lines import Lines

DOCUMENT = """\
# a comment with [a.table] = "in it"

top = 1
"quoted.key" . 'inner key' = "x # no comment"  # but this is
[ guided ]   # spaces and a comment
voices = [   # "not a voice"
  "a",       # "b"]
  'b', \"""
many
lines with "" and [ and #\""",
  [1,
   2], {x = 1, "y z".w = [3]},
]
when = 1979-05-27 07:32:00
below.rows."a.b" = true
[guided."rows here"]
"session.instructions" = "allow"
long = '''
# no comment
'\\'''
"esc\\u0041\\"" = {}
[[many]]
k = -1.5e3
[[many]]
k = 0x1F
"""


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize(
    ("path", "line"),
    [
        (("top",), 3),
        (("quoted.key",), 4),
        (("quoted.key", "inner key"), 4),
        (("guided",), 5),
        (("guided", "voices"), 6),
        (("guided", "voices", 0), 7),
        (("guided", "voices", 1), 8),
        (("guided", "voices", 2), 8),
        (("guided", "voices", 3), 11),
        (("guided", "voices", 3, 1), 12),
        (("guided", "voices", 4, "y z", "w", 0), 12),
        (("guided", "when"), 14),
        (("guided", "below", "rows", "a.b"), 15),
        (("guided", "rows here"), 16),
        (("guided", "rows here", "session.instructions"), 17),
        (("guided", "rows here", "long"), 18),
        (("guided", "rows here", 'escA"'), 21),
        (("many",), 22),
        (("many", 0, "k"), 23),
        (("many", 1), 24),
        (("many", 1, "k"), 25),
    ],
)
def test_a_key_stands_in_its_line(path: tuple[str | int, ...], line: int, newline: str) -> None:
    text = DOCUMENT.replace("\n", newline)
    tomllib.loads(text)
    assert Lines(text).of(*path) == line


def test_what_is_not_there_is_where_its_holder_is() -> None:
    lines = Lines(DOCUMENT)
    assert lines.of("guided", "voices", 9) == 6
    assert lines.of("guided", "no", "such", "key") == 5
    assert lines.of("nowhere") == 1


@pytest.mark.parametrize("text", ["", "\n\n", "# nothing", "a = 1", "[a]", "a = [ ]", "a = { }"])
def test_small_documents_are_read_to_their_end(text: str) -> None:
    assert Lines(text).of("a") == 1


def test_a_megabyte_of_keys_is_read_at_once() -> None:
    text = "".join(f"key_{number} = {number}\n" for number in range(60_000))
    assert Lines(text).of("key_59999") == 60_000


# -- documents made by chance ------------------------------------------------------------------

_KEYS = st.one_of(
    st.text("abz_-09", min_size=1, max_size=6),
    st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), max_size=6),
)
_TEXTS = st.one_of(_KEYS, st.sampled_from(['a"b', "a'b", "#", "[x]", "a = 1", "\\", "}", ","]))
_VALUES: Any = st.recursive(
    st.one_of(st.integers(-9, 9), st.booleans(), _TEXTS),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(_KEYS, inner, max_size=3)),
    max_leaves=6,
)
_TABLES = st.dictionaries(_KEYS, st.dictionaries(_KEYS, _VALUES, max_size=4), max_size=4)


def key(name: str) -> str:
    plain = name and name.isascii() and name.replace("_", "a").replace("-", "a").isalnum()
    return name if plain else json.dumps(name, ensure_ascii=False)


def written(value: Any) -> str:
    """A value as TOML, lists over several lines."""
    match value:
        case bool():
            return str(value).lower()
        case int():
            return str(value)
        case str():
            return json.dumps(value, ensure_ascii=False)
        case list():
            return "[\n" + "".join(f"  {written(one)}, # ]\n" for one in value) + "]"
        case _:
            inner = ", ".join(f"{key(name)} = {written(one)}" for name, one in value.items())
            return f"{{{inner}}}"


def leaves(value: Any, path: tuple[str | int, ...]) -> Iterator[tuple[tuple[str | int, ...], Any]]:
    yield path, value
    if isinstance(value, dict):
        for name, one in value.items():
            yield from leaves(one, (*path, name))
    elif isinstance(value, list):
        for index, one in enumerate(value):
            yield from leaves(one, (*path, index))


@settings(max_examples=300, deadline=None)
@given(_TABLES)
def test_every_key_of_any_document_is_found_in_a_line_that_holds_it(
    tables: dict[str, dict[str, Any]],
) -> None:
    text = ""
    starts: dict[tuple[str | int, ...], int] = {}
    for name, table in tables.items():
        starts[name,] = text.count("\n") + 1
        text += f"[{key(name)}] # [no.table]\n"
        for inner, value in table.items():
            starts[name, inner] = text.count("\n") + 1
            text += f"{key(inner)} = {written(value)}\n"
    assert tomllib.loads(text) == tables
    lines, rows = Lines(text), text.split("\n")
    for path, line in starts.items():
        assert lines.of(*path) == line
    for path, value in leaves(tables, ()):
        if path and isinstance(path[-1], str):
            assert key(path[-1]) in rows[lines.of(*path) - 1]
        elif path and not isinstance(value, dict | list):
            assert written(value) in rows[lines.of(*path) - 1]
