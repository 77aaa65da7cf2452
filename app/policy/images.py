"""Images in a client's item: `data:` URLs of PNG or JPEG, nothing that anyone would fetch. PURE."""

from __future__ import annotations

import binascii

from app.policy.base64_text import decoded_size
from app.policy.findings import Fault, too_long, wrong_type, wrong_value

_MAGIC = {
    "data:image/png;base64,": b"\x89PNG\r\n\x1a\n",
    "data:image/jpeg;base64,": b"\xff\xd8\xff",
}


def check(value: object, max_bytes: int, path: str) -> str | Fault:
    """The URL, if it holds an image of at most `max_bytes` whose first bytes are what it says."""
    if not isinstance(value, str):
        return wrong_type(path, "a 'data:' URL")
    for prefix, magic in _MAGIC.items():
        if not value.startswith(prefix):
            continue
        text = value[len(prefix) :]
        size = decoded_size(text)
        if size is None:
            return wrong_value(path, "base64, padded, without line breaks")
        if size > max_bytes:
            return too_long(path, max_bytes, "decoded bytes")
        if not binascii.a2b_base64(text[:12]).startswith(magic):
            return wrong_value(path, "an image of the type that its URL names")
        return value
    return wrong_value(path, "a 'data:' URL of a PNG or JPEG in base64")
