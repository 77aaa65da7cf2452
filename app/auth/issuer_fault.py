"""What is wrong with the issuer, told in words that help its operator or ours."""

from __future__ import annotations

from app.upkeep.keeper import Fault


class IssuerFault(Fault):
    """The issuer could not be reached, or its answer cannot be used.

    `detail` is a sentence's end without a full stop, for the log and for `realtime-relay check`.
    It may name addresses and the issuer's own answers, which hold no secret.
    """
