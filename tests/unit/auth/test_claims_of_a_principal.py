"""What a principal brings along: claims, through sign-in, ticket and back."""

from __future__ import annotations

from app.auth.dev import DevAuthenticator
from app.auth.principal import Principal
from app.auth.tickets import Redeemed, Tickets
from app.store.memory import MemoryStore

ROLES = (("role", "staff"), ("group", "a"), ("group", "b"), ("empty", ""))


def test_a_claim_has_one_value_or_none() -> None:
    principal = Principal("ann", "issuer", claims=ROLES)
    assert principal.claim("role") == "staff"
    assert principal.claim("empty") == ""
    assert principal.claim("group") is None
    assert principal.claim("absent") is None
    assert Principal("ann", "issuer").claim("role") is None


def test_claims_are_not_who_somebody_is_and_are_not_printed() -> None:
    assert Principal("ann", "issuer", claims=ROLES) == Principal("ann", "issuer")
    assert Principal("ann", "issuer", claims=ROLES).key == Principal("ann", "issuer").key
    assert "staff" not in repr(Principal("ann", "issuer", claims=ROLES))


async def test_development_users_have_their_name_and_nothing_else() -> None:
    principal = await DevAuthenticator().authenticate("dev-ann")
    assert isinstance(principal, Principal)
    assert principal.claims == (("sub", "ann"),)


async def test_a_ticket_keeps_the_claims_of_its_user() -> None:
    tickets = Tickets(MemoryStore(lambda: 0.0), 30.0, lambda: 1_700_000_000.0)
    minted = await tickets.mint(Principal("ann", "issuer", claims=ROLES), None)
    redeemed = await tickets.redeem(minted.value, None)  # type: ignore[union-attr]
    assert isinstance(redeemed, Redeemed)
    assert redeemed.principal.claims == ROLES
