"""What is wrong with the issuer, told in words that help its operator or ours."""

from __future__ import annotations


class IssuerFault(Exception):  # noqa: N818  (a state of the issuer, not an error in the relay)
    """The issuer could not be reached, or its answer cannot be used.

    `detail` is a sentence's end without a full stop, for the log and for `realtime-relay check`.
    It may name addresses and the issuer's own answers, which hold no secret.
    """

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail
