"""The composition root: builds values from settings and wires the rooms. No logic.

settings --> endpoint, credential --> Dialler --+
settings --> policy, configuration, limits -----+--> Registry --> Door --> FastAPI
settings --> tickets, authenticator, origins ---+
"""

from __future__ import annotations

import asyncio
import secrets
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fastapi import FastAPI

from app.admin.desk import AdminRules, Desk
from app.admin.routes import admin_app
from app.auth.authenticator import LivingAuthenticator
from app.auth.origin import OriginRules
from app.auth.principal import Principal
from app.auth.tickets import Tickets
from app.parts import (
    admission_obstacle,
    make_authenticator,
    make_credential,
    make_dials,
    make_store,
)
from app.policy.policy import Profile
from app.policy.view import may_set, opening_view
from app.protocol.names import Dialect
from app.relay.closing_line import closing_line
from app.relay.registry import MakeGate, Opening, Registry
from app.relay.relay import Relay
from app.relay.tasks import Tasks
from app.session.gate import Gate
from app.session.meters import Meters
from app.session.models import Models
from app.session.terms import Terms
from app.settings import Settings
from app.store.store import Store
from app.telemetry.logs import session_closed, user_hash
from app.web.assets import load_assets
from app.web.client_address import ClientAddresses, TrustedProxies
from app.web.door import Door
from app.web.mint_rates import MintRates
from app.web.models import model_chooser
from app.web.proof import Prover
from app.web.routes import open_door
from app.web.strangers import Strangers

STATIC = Path(__file__).parent / "web" / "static"

MODEL_SHOWN = "gpt-4o-realtime-preview"
"""The model's name that a client sees which asked for none; the true one never shows."""


@dataclass(frozen=True, slots=True)
class Product:
    """The application and what the server beside it needs. `admin` is the operator's own
    application, None where there is no admin listener."""

    app: FastAPI
    admin: FastAPI | None
    registry: Registry
    tasks: Tasks


def create(settings: Settings) -> Product:
    """Builds everything; nothing runs before the application's lifespan begins."""
    tasks = Tasks()
    credential = make_credential(settings)
    authenticator = make_authenticator(settings)
    store = make_store(settings)
    hash_user = _user_hasher(settings)
    tickets = Tickets(store, settings.ticket_seconds, time.time, hash_user)
    registry = Registry(
        limits=settings.limits(),
        make_gate=_gate_maker(settings),
        dials=make_dials(settings, credential),
        tasks=tasks,
        store=store,
        hash_user=hash_user,
        verify=Prover(authenticator, tickets, time.time),
        ended=_closing(settings),
    )
    store.on_revoked(registry.revoked)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        credential.start(tasks.spawn)
        authenticator.start(tasks.spawn)
        store.start(tasks.spawn)
        try:
            yield
        finally:
            await store.close()
            await authenticator.close()
            await credential.close()
            await tasks.close()

    app = FastAPI(
        docs_url=None, redoc_url=None, openapi_url=None, redirect_slashes=False, lifespan=lifespan
    )
    obstacle = admission_obstacle(settings, store, credential)
    open_door(app, _door(settings, registry, authenticator, tickets, obstacle))
    return Product(app, _admin(settings, registry, store), registry, tasks)


def _admin(settings: Settings, registry: Registry, store: Store) -> FastAPI | None:
    if settings.admin_port is None:
        return None
    token = settings.admin_token
    rules = AdminRules(
        token.get_secret_value() if token is not None else None, frozenset(settings.admin_hosts)
    )
    return admin_app(Desk(registry, store, _user_hasher(settings), rules))


def _user_hasher(settings: Settings) -> Callable[[Principal], str]:
    key = settings.hash_key()
    return lambda principal: user_hash(key, principal.key)


def _gate_maker(settings: Settings) -> MakeGate:
    rule, limits, dialect = settings.profile_rule(), settings.limits(), settings.endpoint().dialect
    policies = {profile: settings.policy(profile) for profile in rule.named()}
    configurations = {profile: settings.configuration(profile) for profile in policies}

    def make(session_id: str, principal: Principal, opening: Opening, meters: Meters) -> Gate:
        profile = rule.choose(principal.claim)
        expires_at = principal.expires_at
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
            upstream_dialect=dialect,
            user=principal.key,
            identity_seconds=None if expires_at is None else expires_at - time.time(),
            deployment=opening.deployment,
            client_dialect=opening.dialect,
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
                deployment=gate.deployment or endpoint.deployment,
                api_version=endpoint.api_version,
            )
        )

    return ended


def _door(
    settings: Settings,
    registry: Registry,
    authenticator: LivingAuthenticator,
    tickets: Tickets,
    obstacle: Callable[[], str | None],
) -> Door:
    assets = load_assets(STATIC) if settings.demo_page else {}
    rule = settings.profile_rule()
    return Door(
        registry=registry,
        authenticator=authenticator,
        tickets=tickets,
        origins=OriginRules(
            allowed=frozenset(settings.allowed_origins),
            own=bool(assets),
            require=settings.require_origin,
        ),
        describe=_describer(settings),
        deployment=model_chooser(
            Models(settings.model_aliases), lambda principal: rule.choose(principal.claim)
        ),
        query_credentials=settings.query_credentials,
        minted_seconds=settings.minted_ticket_seconds,
        assets=assets,
        addresses=ClientAddresses(TrustedProxies.of(settings.trusted_proxies)),
        obstacle=obstacle,
        strangers=Strangers(settings.failed_sign_ins_per_minute, time.monotonic),
        mint_rates=MintRates(
            time.monotonic,
            user=2 * settings.openings_per_minute,
            address=10 * settings.openings_per_minute,
        ),
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
