"""The parts of the relay that stand alone, each built from the settings: `main` puts them together,
and `check` tries them one by one.
"""

from __future__ import annotations

import shutil
import time
from collections.abc import Callable
from typing import TYPE_CHECKING

from app.auth.authenticator import LivingAuthenticator
from app.auth.dev import DevAuthenticator
from app.protocol.close_reasons import CloseReason
from app.settings import AuthMode, RedisDown, Settings, UpstreamAuth
from app.store.memory import MemoryStore
from app.store.store import LeaseLimits, Store
from app.upkeep.clock import SystemClock
from app.upstream.bearer import EntraBearer
from app.upstream.credential import ApiKeyHeader, ApiKeyQuery, Credential
from app.upstream.deployments import Deployments
from app.upstream.dial import Dialler
from app.upstream.dial_queue import DialLimits, DialQueue
from app.upstream.entra import azure_token_source
from app.upstream.proxy import parse_proxy
from app.upstream.tls import tls_context

if TYPE_CHECKING:
    from app.store.redis_store import RedisStore


def make_credential(settings: Settings) -> Credential:
    """How the relay signs in upstream."""
    key = settings.key_in_force()
    match settings.auth_in_force():
        case UpstreamAuth.ENTRA:
            identity = settings.entra_identity(shutil.which)
            return EntraBearer(azure_token_source(identity), settings.upstream_scope)
        case UpstreamAuth.API_KEY_HEADER:
            return ApiKeyHeader(key.get_secret_value() if key else "")
        case UpstreamAuth.API_KEY_QUERY:
            return ApiKeyQuery(key.get_secret_value() if key else "")


def make_authenticator(settings: Settings) -> LivingAuthenticator:
    """How users prove who they are."""
    if settings.auth is AuthMode.DEV:
        return DevAuthenticator()
    # What this needs takes a quarter of a second to import, and `demo` never does.
    from app.auth.claims import Trust
    from app.auth.fetching import HttpFetch
    from app.auth.jwks import IssuerKeys
    from app.auth.oidc import OidcAuthenticator

    trust = Trust(
        issuer=settings.oidc_issuer or "",
        audiences=frozenset(settings.oidc_audience),
        entra=settings.users_are_entra(),
        tenants=frozenset(settings.oidc_tenants),
        scope=settings.oidc_required_scope,
        role=settings.oidc_required_role,
        leeway=float(settings.oidc_leeway_seconds),
        kept=settings.claims_wanted(),
    )
    ca_file = settings.oidc_ca_file
    tls = tls_context(str(ca_file) if ca_file else None)
    clock = SystemClock()
    keys = IssuerKeys(trust.issuer, HttpFetch(tls, settings.oidc_proxy), clock=clock)
    return OidcAuthenticator(trust, keys, clock)


def make_dialler(settings: Settings, credential: Credential) -> Dialler:
    """Whom the relay dials, and how."""
    endpoint = settings.endpoint()
    ca_file = settings.upstream_ca_file
    return Dialler(
        endpoint,
        credential,
        limits=settings.upstream_wire_limits(),
        tls=tls_context(str(ca_file) if ca_file else None) if endpoint.scheme == "wss" else None,
        proxy=parse_proxy(settings.upstream_proxy),
        queue=DialQueue(DialLimits(settings.max_dials_at_once, settings.dials_per_second)),
    )


def make_dials(settings: Settings, credential: Credential) -> Deployments:
    """Whom sessions are dialled to: the usual deployment, and those that an alias names."""
    usual = make_dialler(settings, credential)
    names = {alias.deployment for alias in settings.model_aliases}
    return Deployments(usual, {name: usual.to(name) for name in names})


def make_store(settings: Settings) -> Store:
    """What replicas share. Raises ValueError where it cannot be used as it is set up."""
    local = MemoryStore(time.monotonic, leases=_lease_limits(settings))
    shared = make_redis_store(settings)
    if shared is None or settings.redis_down is not RedisDown.LOCAL:
        return shared or local
    from app.store.local import LocalWhenDown

    return LocalWhenDown(shared, local)


def make_redis_store(settings: Settings) -> RedisStore | None:
    """The Redis that replicas share, None where there is none. Raises as `make_store` does."""
    if settings.redis_url is None:
        return None
    # A tenth of a second to import, which `demo` never needs.
    from app.store.redis_store import RedisStore

    try:
        return RedisStore(settings.redis_url.get_secret_value(), leases=_lease_limits(settings))
    except (ValueError, OSError) as error:
        raise ValueError(f"RELAY_REDIS_URL cannot be used: {error}") from None


def admission_obstacle(
    settings: Settings, store: Store, credential: Credential
) -> Callable[[], str | None]:
    """What `/readyz` asks: why no new session could be admitted now, None where one could."""
    store_obstacle = _store_obstacle(settings, store)

    def obstacle() -> str | None:
        if (found := store_obstacle()) is not None:
            return found
        return None if credential.held() else CloseReason.CREDENTIAL_UNAVAILABLE.value

    return obstacle


def _store_obstacle(settings: Settings, store: Store) -> Callable[[], str | None]:
    if settings.redis_url is None or settings.redis_down is RedisDown.LOCAL:
        return lambda: None
    from app.store.redis_store import RedisStore

    assert isinstance(store, RedisStore)
    return lambda: None if store.up else "store_unavailable"


def _lease_limits(settings: Settings) -> LeaseLimits:
    return LeaseLimits(
        sessions_per_user=settings.max_sessions_per_user,
        sessions_per_address=settings.max_sessions_per_ip,
        openings_per_minute=settings.openings_per_minute,
    )
