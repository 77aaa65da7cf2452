"""Development authentication: whoever says `dev-NAME` is user NAME. It proves nothing.

`settings` allows it on loopback only, or where the operator said so in as many words.
"""

from __future__ import annotations

import re

from app.auth.authenticator import Examined, Spawn
from app.auth.denied import Denied
from app.auth.principal import Principal

ISSUER = "dev"

_BEARER = re.compile(r"dev-([A-Za-z0-9_.\-]{1,64})")


class DevAuthenticator:
    """A `LivingAuthenticator` that believes everybody."""

    def start(self, spawn: Spawn) -> None:
        """There is nothing to keep fresh."""

    async def examine(self) -> Examined:
        """What the operator should know of it."""
        return Examined(True, "RELAY_AUTH is `dev`: whoever says dev-NAME is believed")

    async def close(self) -> None:
        """Nothing is open."""

    async def authenticate(self, bearer: str) -> Principal | Denied:
        """See `judge`: nobody needs to be asked."""
        return self.judge(bearer)

    def judge(self, bearer: str) -> Principal | Denied:
        """`dev-NAME` is user NAME; anything else is refused with the form that it should have."""
        match = _BEARER.fullmatch(bearer)
        if match is None:
            return Denied(
                "dev.form",
                "This relay runs with development authentication: the credential is 'dev-NAME', "
                "NAME being 1 to 64 letters, digits, '_', '.' or '-'.",
            )
        name = match.group(1)
        return Principal(user=name, issuer=ISSUER, claims=(("sub", name),))
