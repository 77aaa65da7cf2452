"""What the settings of sign-in must not say: each rule yields sentences that name the fix."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from app.settings.choices import AuthMode
from app.settings.oidc_forms import TENANT_PLACE
from app.settings.oidc_group import Oidc
from app.settings.problem import Problem, problem

if TYPE_CHECKING:
    from app.settings.reading import Reading
    from app.settings.settings import Settings


def oidc_is_complete(settings: Settings, _: Reading) -> Iterator[Problem]:
    if settings.auth is not AuthMode.OIDC:
        return
    if settings.oidc_issuer is None:
        yield problem(
            "RELAY_OIDC_ISSUER is missing, and RELAY_AUTH is `oidc`: set it to the address of your "
            "OpenID provider, or RELAY_AUTH to `dev`, which is for this machine only.",
            "auth",
            "oidc_issuer",
        )
    if not settings.oidc_audience:
        yield problem(
            "RELAY_OIDC_AUDIENCE is missing, and RELAY_AUTH is `oidc`: set it to the audience of "
            "the tokens that are meant for this relay.",
            "auth",
            "oidc_audience",
        )


def tenants_are_listed(settings: Settings, _: Reading) -> Iterator[Problem]:
    if settings.auth is not AuthMode.OIDC or settings.oidc_tenants:
        return
    if TENANT_PLACE in (settings.oidc_issuer or ""):
        yield problem(
            "RELAY_OIDC_ISSUER stands for every tenant of Entra: set RELAY_OIDC_TENANTS to the ids "
            "of those whose users may sign in.",
            "auth",
            "oidc_issuer",
            "oidc_tenants",
        )


def one_way_to_sign_in(settings: Settings, reading: Reading) -> Iterator[Problem]:
    if settings.auth is AuthMode.OIDC or not reading.is_set("auth"):
        return  # `demo` chooses `dev` by itself, whatever the environment says of sign-in
    strays = [
        f"RELAY_{name.upper()}"
        for name, info in Oidc.model_fields.items()
        if getattr(settings, name) != info.default
    ]
    if strays:
        yield problem(
            f"RELAY_AUTH is `dev`, but {', '.join(strays)} {'is' if len(strays) == 1 else 'are'} "
            "set: remove one or the other.",
            "auth",
        )


OIDC_RULES = (oidc_is_complete, tenants_are_listed, one_way_to_sign_in)
