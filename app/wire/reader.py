"""How the parser of `websockets` gets its bytes."""

from __future__ import annotations

from collections.abc import Generator

from websockets.streams import StreamReader


class CutterReader(StreamReader):
    """The core's reader, which also says how much the frame in progress still lacks, and whether
    there is one."""

    def __init__(self) -> None:
        super().__init__()
        self.wanted = 0
        self.between = True  # no frame has begun

    def at_eof(self) -> Generator[None, None, bool]:
        # The core asks this before each frame.
        while not self.buffer:
            self.between, self.wanted = True, 0
            yield
        self.between = False
        return False

    def read_exact(self, n: int) -> Generator[None, None, bytes]:  # type: ignore[override]
        # `bytes` instead of the core's `bytearray`: messages are handed on without another copy.
        while len(self.buffer) < n:
            self.wanted = n
            yield
        self.wanted = 0
        if len(self.buffer) == n:
            data = bytes(self.buffer)
            self.buffer.clear()
            return data
        with memoryview(self.buffer) as view, view[:n] as head:
            data = bytes(head)
        del self.buffer[:n]
        return data
