"""Streams of frames, honest and not, as either side of a wire may meet them."""

from __future__ import annotations

import struct
from typing import Any

from hypothesis import strategies as st
from websockets.frames import Opcode
from websockets.utils import apply_mask

from app.lane.cut import Passing
from app.wire.framing import encode_close, encode_frame

KEY = b"\x37\xfa\x21\x3d"
PASSING = Passing(
    (b'{"type":"response.audio.delta",', b'{"type":"response.text.delta",'),
    b'"response_id":"resp_a","item_id":"item_a"',
)


def delta(kind: str = "audio", response: str = "resp_a", text: str = "AAAA") -> bytes:
    return (
        f'{{"type":"response.{kind}.delta","event_id":"event_1","response_id":"{response}",'
        f'"item_id":"item_a","output_index":0,"content_index":0,"delta":"{text}"}}'
    ).encode()


def odd_frame(first: int, length: int, form: int, payload: bytes, masked: bool) -> bytes:
    """A frame whose head says what we please: `form` is the length's, 7, 16 or 64 bits."""
    bit = 0x80 if masked else 0
    head = {
        7: struct.pack("!BB", first, bit | min(length, 125)),
        16: struct.pack("!BBH", first, bit | 126, min(length, 65535)),
        64: struct.pack("!BBQ", first, bit | 127, length),
    }[form]
    return head + (KEY + apply_mask(payload, KEY) if masked else payload)


def streams(masked: bool) -> st.SearchStrategy[bytes]:
    """Some frames in a row; after the first breach nothing counts any more."""

    def text(payload: bytes) -> bytes:
        return encode_frame(Opcode.TEXT, payload, masked)

    sizes = st.sampled_from([0, 1, 124, 125, 126, 127, 200, 4095, 4096, 65535, 65536, 70_000])
    plain = sizes.map(lambda size: text(b"x" * size))
    words = st.text(max_size=40).map(lambda said: text(said.encode()))
    not_text = st.sampled_from([b"\xff", b"\xc3", b"\xed\xa0\x80", b"\xc0\xaf"]).map(text)
    passing = st.builds(
        delta,
        st.sampled_from(["audio", "text", "function_call_arguments"]),
        st.sampled_from(["resp_a", "resp_a", "resp_b"]),
        st.sampled_from(["AAAA", "A" * 9000, "grüße", ""]),
    ).map(text)
    control = st.sampled_from([Opcode.PING, Opcode.PONG]).map(
        lambda opcode: encode_frame(opcode, b"?", masked)
    )
    fragments = st.lists(st.text(max_size=5).map(str.encode), min_size=2, max_size=4).map(
        lambda parts: b"".join(
            odd_frame(
                (0x80 if number == len(parts) - 1 else 0) | (1 if number == 0 else 0),
                len(part),
                7,
                part,
                masked,
            )
            + (encode_frame(Opcode.PING, b"!", masked) if number == 0 else b"")
            for number, part in enumerate(parts)
        )
    )
    odd = st.builds(
        odd_frame,
        st.sampled_from([0x81, 0x01, 0x82, 0x80, 0x83, 0xC1, 0x91, 0x8B, 0x08]),
        st.sampled_from([0, 3, 5, 126, 300, 2**20, 2**63]),
        st.sampled_from([7, 16, 64]),
        st.binary(max_size=5),
        st.booleans(),
    )
    end: Any = st.sampled_from([b"", encode_close(1000, "bye", masked)])
    usual = st.one_of(plain, words, passing, passing, control, fragments)
    return st.builds(
        lambda before, strange, after, last: b"".join([*before, *strange, *after, last]),
        st.lists(usual, max_size=6),
        st.lists(st.one_of(odd, not_text), max_size=1),
        st.lists(usual, max_size=3),
        end,
    )
