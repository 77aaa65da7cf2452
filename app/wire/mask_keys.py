"""Keys that mask what a client writes: RFC 6455, section 5.3, wants them unpredictable."""

from __future__ import annotations

import secrets

KEY_BYTES = 4
_AT_ONCE = 1024 * KEY_BYTES


class MaskKeys:
    """Keys from the system's source of randomness, taken from it by the thousand: asking it costs
    more than masking a message."""

    def __init__(self) -> None:
        self._keys = b""
        self._used = 0

    def next(self) -> bytes:
        """Four bytes that were never used."""
        used = self._used
        if used >= len(self._keys):
            self._keys, used = secrets.token_bytes(_AT_ONCE), 0
        self._used = used + KEY_BYTES
        return self._keys[used : used + KEY_BYTES]


MASK_KEYS = MaskKeys()
