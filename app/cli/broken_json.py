"""Where a text stops being JSON, in words for whoever wrote it by hand."""

from __future__ import annotations

import codecs
import re

import msgspec

_BYTE = re.compile(r"JSON is malformed: (.*) \(byte (\d+)\)")


def where_it_breaks(frame: bytes) -> str:
    """One sentence with line and column, both from 1 (in characters); empty: it is JSON."""
    if not frame.strip():
        return "It is empty."
    if frame.startswith(codecs.BOM_UTF8):
        return "It begins with a byte order mark (BOM): save it as UTF-8 without one."
    if frame.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "It is UTF-16: save it as UTF-8."
    try:
        frame.decode()
        msgspec.json.decode(frame)
    except UnicodeDecodeError as error:
        return f"It is not UTF-8 at {_place(frame, error.start)}."
    except RecursionError:
        return "It is nested without end."
    except msgspec.MsgspecError as error:
        found = _BYTE.fullmatch(str(error))
        if found is not None:
            return f"At {_place(frame, int(found[2]))}: {found[1]}."
        if "truncated" in str(error):
            return f"It ends too early, at {_place(frame, len(frame))}."
        return f"{error}."
    return ""


def _place(frame: bytes, at: int) -> str:
    before = frame[:at].decode(errors="replace")
    return f"line {before.count(chr(10)) + 1}, column {len(before) - before.rfind(chr(10))}"
