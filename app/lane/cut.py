"""Simple frames, found where they begin: RFC 6455, section 5.2, for the one shape that matters.

Simple is: FIN set, no reserved bit, opcode text, a length in its shortest form, masked exactly as
the side demands. Whatever is not simple is the parser's, breaches of the protocol included.

    data:  ..| 81 7e 20 5c  {"type":"response.audio.delta","event_id":"...  |..
             ^ at           ^ start                                         ^ end
"""

from __future__ import annotations

from dataclasses import dataclass

FINAL_TEXT = 0x81
MASKED = 0x80
KEY_BYTES = 4
HEAD_BYTES = 200
"""Where in an event its response and its item are named, if it is to pass by the lane."""


@dataclass(frozen=True, slots=True)
class Passing:
    """Which of upstream's frames may go on as they stand, right now: those whose JSON begins with
    one of `beginnings` and says `naming` (whose parts they are) within its first `HEAD_BYTES`.

    Where the other side spells them differently, `spelled` holds what each beginning becomes.
    """

    beginnings: tuple[bytes, ...]
    naming: bytes
    spelled: tuple[bytes, ...] = ()


def bounds(data: bytes, at: int, masked: bool) -> tuple[int, int] | None:
    """Where the payload of the simple frame at `at` begins and ends; its end may lie beyond `data`.
    With `masked`, the key is the four bytes before its beginning. None: no simple frame, or too
    little of its head has come to say."""
    size = len(data)
    if size < at + 2 or data[at] != FINAL_TEXT:
        return None
    length = data[at + 1]
    if masked:
        if length < MASKED:
            return None
        length -= MASKED
    start = at + 2
    if length == 126:
        start += 2
        if size < start:
            return None
        length = data[at + 2] << 8 | data[at + 3]
        if length < 126:
            return None
    elif length > 126:  # 127, or a masked frame where none may be
        start += 8
        if size < start or length != 127:
            return None
        length = int.from_bytes(data[at + 2 : start], "big")
        if length < 65536:
            return None
    if masked:
        start += KEY_BYTES
        if size < start:
            return None
    return start, start + length


def frame_end(data: bytes, at: int) -> int:
    """Where the frame at `at`, of any kind, ends, also beyond `data`; the end of `data` where its
    head is not whole. The parser is fed so far, and the lane may look again behind it."""
    size = len(data)
    if size < at + 2:
        return size
    length, masked, start = data[at + 1] & 0x7F, data[at + 1] & MASKED, at + 2
    if length >= 126:
        start += 2 if length == 126 else 8
        if size < start:
            return size
        length = int.from_bytes(data[at + 2 : start], "big")
    return start + (KEY_BYTES if masked else 0) + length


def run(data: bytes, at: int, passing: Passing, most: int, frames: int) -> tuple[int, int, int]:
    """The longest run of whole simple frames from `at` on that `passing` covers, at most `frames`
    of them and none over `most` bytes: its end, how many they are, and their payload's size."""
    size = len(data)
    beginnings, naming = passing.beginnings, passing.naming
    count = payload = 0
    while count < frames and at + 4 <= size and data[at] == FINAL_TEXT:
        length = data[at + 1]
        if length < 126:
            start = at + 2
        elif length == 126 and (length := data[at + 2] << 8 | data[at + 3]) >= 126:
            start = at + 4
        elif (found := bounds(data, at, masked=False)) is not None:
            start = found[0]
            length = found[1] - start
        else:
            break
        end = start + length
        if (
            end > size
            or length > most
            or not data.startswith(beginnings, start)
            or data.find(naming, start, min(start + HEAD_BYTES, end)) < 0
        ):
            break
        if not is_utf8(data[start:end]):
            break
        count += 1
        payload += length
        at = end
    return at, count, payload


def respell(data: bytes, at: int, end: int, passing: Passing) -> tuple[bytes, int]:
    """The run from `at` to `end` with the other side's beginnings, in frames of their new length;
    and its payload's size."""
    pieces: list[bytes] = []
    payload = 0
    while at < end:
        found = bounds(data, at, masked=False)
        assert found is not None
        start, at = found
        for beginning, spelled in zip(passing.beginnings, passing.spelled, strict=True):
            if data.startswith(beginning, start):
                size = at - start - len(beginning) + len(spelled)
                pieces += (head(size), spelled, data[start + len(beginning) : at])
                payload += size
                break
    return b"".join(pieces), payload


def head(size: int) -> bytes:
    """The head of a simple frame without a mask."""
    if size < 126:
        return bytes((FINAL_TEXT, size))
    if size < 65536:
        return bytes((FINAL_TEXT, 126, size >> 8, size & 0xFF))
    return bytes((FINAL_TEXT, 127)) + size.to_bytes(8, "big")


def is_utf8(text: bytes) -> bool:
    """Whether a text message may hold these bytes (RFC 6455, section 8.1)."""
    if text.isascii():
        return True
    try:
        text.decode()
    except UnicodeDecodeError:
        return False
    return True
