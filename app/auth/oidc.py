"""Users sign in with access tokens of an OpenID provider: Entra, Auth0, Keycloak and others."""

from __future__ import annotations

import structlog

from app.auth.authenticator import Examined, Spawn
from app.auth.claims import Trust, issuer_for, judge_claims
from app.auth.denied import Denied
from app.auth.issuer_fault import IssuerFault
from app.auth.jwks import IssuerKeys, KeysUnavailable
from app.auth.keys import SigningKey, SigningKeys
from app.auth.principal import Principal
from app.auth.token import ASK_AGAIN, Token, is_signed_by, read_token
from app.protocol.close_reasons import CloseReason
from app.upkeep.clock import Clock

log = structlog.get_logger("auth.oidc")


class OidcAuthenticator:
    """A `LivingAuthenticator` that believes one issuer.

    The signature is checked last, because it alone may have to wait: a token that could not be
    accepted anyway makes nobody ask the issuer for keys.
    """

    def __init__(self, trust: Trust, keys: IssuerKeys, clock: Clock) -> None:
        self._trust = trust
        self._keys = keys
        self._clock = clock

    def start(self, spawn: Spawn) -> None:
        """Begins to keep the issuer's keys fresh."""
        self._keys.start(spawn)

    async def close(self) -> None:
        """Ends that. Nothing is left open."""
        await self._keys.close()

    def judge(self, bearer: str) -> Principal | Denied | None:
        """The user of this token, None where its key is not held."""
        claimed = self._claimed(bearer)
        if isinstance(claimed, Denied):
            return claimed
        token, principal = claimed
        keys = self._keys.held_for(token.kid)
        return None if keys is None else self._judge_signature(token, keys) or principal

    async def authenticate(self, bearer: str) -> Principal | Denied:
        """The user of this token. Waits for the issuer a few seconds at the most."""
        claimed = self._claimed(bearer)
        if isinstance(claimed, Denied):
            return claimed
        token, principal = claimed
        try:
            keys = await self._keys.keys_for(token.kid)
        except KeysUnavailable as unavailable:
            return Denied(
                "issuer.unavailable",
                "The sign-in service cannot be reached at the moment. Try again.",
                CloseReason.CREDENTIAL_UNAVAILABLE,
                unavailable.retry_after,
            )
        return self._judge_signature(token, keys) or principal

    def _claimed(self, bearer: str) -> tuple[Token, Principal] | Denied:
        """Who this token is about, if its signature is good."""
        token = read_token(bearer)
        if isinstance(token, Denied):
            return token
        principal = judge_claims(token.claims, token.kind, self._trust, self._clock.wall())
        return principal if isinstance(principal, Denied) else (token, principal)

    async def examine(self) -> Examined:
        """Whether the issuer's document and keys can be had and used."""
        try:
            keys = await self._keys.examine()
        except IssuerFault as fault:
            return Examined(False, fault.detail)
        algorithms = sorted({name for key in keys.keys for name in key.algorithms})
        return Examined(
            True,
            f"{self._trust.issuer} answers and has {len(keys.keys)} keys for "
            f"{', '.join(algorithms)} ({keys.ignored} others cannot be used)",
        )

    def _judge_signature(self, token: Token, keys: SigningKeys) -> Denied | None:
        if not keys.knows(token.kid):
            return Denied(
                "token.key",
                "The token is signed with a key that the issuer does not have. Sign in again.",
            )
        fitting = keys.fitting(token.kid, token.algorithm)
        if token.kid is None and len(fitting) > 1:
            return Denied("token.kid", f"The token does not name its key ('kid'). {ASK_AGAIN}")
        if not fitting:
            return Denied("token.key", f"The token's key is for another purpose. {ASK_AGAIN}")
        signers = [key for key in fitting if is_signed_by(token, key)]
        if not signers:
            return Denied("token.signature", "The token's signature is wrong. Sign in again.")
        if not any(self._may_sign(key, token) for key in signers):
            return Denied("token.key", f"The token's key is not for its tenant. {ASK_AGAIN}")
        return None

    def _may_sign(self, key: SigningKey, token: Token) -> bool:
        """Entra gives one set of keys for all tenants, and says of some whose they are."""
        if not self._trust.entra or key.issuer is None:
            return True
        return bool(issuer_for(key.issuer, token.claims) == token.claims.get("iss"))
