"""How a dial ends without a wire."""

from __future__ import annotations

from app.protocol.close_reasons import CloseReason


class DialFailed(Exception):  # noqa: N818  (an outcome that ends a session, with its reason)
    """No upstream. `detail` is for the log: status, request ids, kind; never a secret.

    `retry_after` is the number of seconds that upstream, the token's issuer, the breaker or the
    line asks for.
    """

    def __init__(self, reason: CloseReason, detail: str, retry_after: float | None = None) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail
        self.retry_after = retry_after


class NotTried(DialFailed):
    """Not the endpoint's doing: no credential, no turn, the breaker."""
