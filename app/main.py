"""The composition root: builds values from settings and wires the rooms. No logic.

settings --> endpoint, credential --> Dialler --+
settings --> policy, configuration, limits -----+--> Registry --> Door --> FastAPI
settings --> tickets, authenticator, origins ---+
"""

from __future__ import annotations

import asyncio
import secrets
import shutil
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fastapi import FastAPI

from app.auth.authenticator import LivingAuthenticator
from app.auth.dev import DevAuthenticator
from app.auth.origin import OriginRules
from app.auth.principal import Principal
from app.auth.tickets import Tickets
from app.policy.policy import Profile
from app.policy.view import may_set, opening_view
from app.protocol.names import Dialect
from app.relay.closing_line import closing_line
from app.relay.registry import MakeGate, Opening, Registry
from app.relay.relay import Relay
from app.relay.tasks import Tasks
from app.session.gate import Gate
from app.session.meters import Meters
from app.session.terms import Terms
from app.settings import AuthMode, Settings, UpstreamAuth
from app.store.memory import MemoryStore
from app.telemetry.logs import session_closed, user_hash
from app.upstream.bearer import EntraBearer
from app.upstream.clock import SystemClock
from app.upstream.credential import ApiKeyHeader, ApiKeyQuery, Credential
from app.upstream.dial import Dialler
from app.upstream.dial_queue import DialLimits, DialQueue
from app.upstream.entra import azure_token_source
from app.upstream.proxy import parse_proxy
from app.upstream.tls import tls_context
from app.web.assets import load_assets
from app.web.door import Door
from app.web.routes import open_door

STATIC = Path(__file__).parent / "web" / "static"

MODEL_SHOWN = "gpt-4o-realtime-preview"
"""The model's name that a client sees which asked for none; the true one never shows."""


@dataclass(frozen=True, slots=True)
class Product:
    """The application and what the server beside it needs."""

    app: FastAPI
    registry: Registry
    tasks: Tasks


def create(settings: Settings) -> Product:
    """Builds everything; nothing runs before the application's lifespan begins."""
    tasks = Tasks()
    credential = make_credential(settings)
    authenticator = make_authenticator(settings)
    registry = Registry(
        limits=settings.limits(),
        make_gate=_gate_maker(settings),
        dials=make_dialler(settings, credential),
        tasks=tasks,
        ended=_closing(settings),
    )

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        credential.start(tasks.spawn)
        authenticator.start(tasks.spawn)
        try:
            yield
        finally:
            await authenticator.close()
            await credential.close()
            await tasks.close()

    app = FastAPI(
        docs_url=None, redoc_url=None, openapi_url=None, redirect_slashes=False, lifespan=lifespan
    )
    open_door(app, _door(settings, registry, authenticator))
    return Product(app, registry, tasks)


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


def _gate_maker(settings: Settings) -> MakeGate:
    rule, limits = settings.profile_rule(), settings.limits()
    policies = {profile: settings.policy(profile) for profile in rule.named()}
    configurations = {profile: settings.configuration(profile) for profile in policies}

    def make(session_id: str, principal: Principal, opening: Opening, meters: Meters) -> Gate:
        profile = rule.choose(principal.claim)
        terms = Terms(
            session_id=session_id,
            seed=secrets.token_hex(4),
            policy=policies[profile],
            configuration=configurations[profile].for_user(principal.claim),
            limits=limits,
            expires_at=int(time.time() + limits.session_seconds),
            model=opening.model or MODEL_SHOWN,
            upstream_name=settings.upstream.value,
            private_events=opening.private_events,
        )
        return Gate(terms, asyncio.get_running_loop().time(), meters)

    return make


def _closing(settings: Settings) -> Callable[..., None]:
    key, endpoint = settings.hash_key(), settings.endpoint()

    def ended(principal: Principal, relay: Relay, gate: Gate, reason: Any) -> None:
        session_closed(
            closing_line(
                relay,
                gate,
                reason,
                user=user_hash(key, principal.key),
                profile=gate.profile.value,
                deployment=endpoint.deployment,
                api_version=endpoint.api_version,
            )
        )

    return ended


def _door(settings: Settings, registry: Registry, authenticator: LivingAuthenticator) -> Door:
    assets = load_assets(STATIC) if settings.demo_page else {}
    return Door(
        registry=registry,
        authenticator=authenticator,
        tickets=Tickets(MemoryStore(time.monotonic), settings.ticket_seconds, time.time),
        origins=OriginRules(
            allowed=frozenset(settings.allowed_origins),
            own=bool(assets),
            require=settings.require_origin,
        ),
        describe=_describer(settings),
        assets=assets,
    )


def _describer(settings: Settings) -> Callable[[Principal], dict[str, Any]]:
    """What `POST /tickets` tells a user beside the ticket: by the profile, which is theirs."""
    rule = settings.profile_rule()
    words = {profile: _described(settings, profile) for profile in rule.named()}
    return lambda principal: dict(words[rule.choose(principal.claim)])


def _described(settings: Settings, profile: Profile) -> dict[str, Any]:
    policy, limits = settings.policy(profile), settings.limits()
    view = opening_view(settings.configuration(profile), policy, model=MODEL_SHOWN)
    return {
        "session": view,
        "relay": {
            "profile": policy.profile.value,
            "upstream": settings.upstream.value,
            "auth": settings.auth.value,
            "dialect": Dialect.PREVIEW.value,
            "session_max_seconds": limits.session_seconds,
            "idle_seconds": limits.idle_seconds,
            "may_set": may_set(policy),
            "voices": list(policy.voices),
            "client_tools": [tool.name for tool in policy.client_tools],
        },
    }
