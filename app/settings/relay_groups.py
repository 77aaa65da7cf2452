"""Settings of the relay itself: each name, default, meaning, unit and example, once."""

from __future__ import annotations

import secrets

from pydantic import SecretStr

from app.settings.about import setting
from app.settings.choices import AuthMode, LogFormat, LogLevel
from app.settings.forms import HashKey, Host, Origins, ReadableFile
from app.settings.group import Group
from app.settings.model_forms import ModelAliases
from app.settings.network_forms import Ranges


class Listener(Group):
    """Where clients connect. Behind a proxy that ends TLS, leave the certificate out."""

    title = "Listener"

    host: Host = setting(
        "127.0.0.1",
        "Address to listen on.",
        example="0.0.0.0",  # noqa: S104  (an example, not a default)
        form="an address or a host name",
    )
    port: int = setting(8080, "Port to listen on; 0 takes a free one.", ge=0, le=65535)
    tls_cert_file: ReadableFile | None = setting(
        None,
        "Certificate chain (PEM) for TLS on the listener.",
        example="/etc/relay/tls.crt",
        form="path of a file",
    )
    tls_key_file: ReadableFile | None = setting(
        None,
        "Private key (PEM, without password) of that certificate.",
        example="/etc/relay/tls.key",
        form="path of a file",
    )
    trusted_proxies: Ranges = setting(
        (),
        "Proxies in front of this listener: only they may say, in `X-Forwarded-For`, which address "
        "a client has.",
        example="10.0.0.0/8,fd00::/8",
        form="addresses and ranges, comma separated",
    )


class Door(Group):
    """Who may come in, and from which pages."""

    title = "Door"

    auth: AuthMode = setting(
        AuthMode.OIDC,
        "How users sign in. `oidc`: with access tokens of an OpenID provider. `dev` believes every "
        "bearer `dev-NAME`, and listens on loopback only.",
        example="dev",
    )
    dev_network: bool = setting(
        False, "Lets `dev` listen wider than loopback. For containers; never for the Internet."
    )
    allowed_origins: Origins = setting(
        (),
        "Pages that may connect: exact origins, comma separated.",
        example="https://app.example.com,https://admin.example.com:8443",
        form="`scheme://host` or `scheme://host:port`, lower case, no path",
    )
    require_origin: bool = setting(
        False, "Refuses clients that send no Origin, which is every client but a browser."
    )
    demo_page: bool = setting(
        False, "Serves the demo page at `/`. `realtime-relay demo` switches it on."
    )
    ticket_seconds: int = setting(
        30, "Life of a ticket from `POST /tickets`.", unit="seconds", ge=5, le=600
    )
    minted_ticket_seconds: int = setting(
        600,
        "Life of a ticket from the paths at which SDKs ask for one (`/v1/realtime/client_secrets` "
        "and others): their pages ask when they load, and connect at a click.",
        unit="seconds",
        ge=5,
        le=3600,
    )
    query_credentials: bool = setting(
        False,
        "Lets a credential stand in the query (`api-key=`, `Authorization=Bearer `), as some SDKs "
        "send it from a browser. Proxies and histories keep addresses: prefer tickets.",
    )
    model_aliases: ModelAliases = setting(
        (),
        "Models that clients may name in `model` or `deployment`, and the deployment that answers "
        "for each; behind a colon, the profiles that may ask for it. Any other name gets "
        "AZURE_OPENAI_DEPLOYMENT.",
        example="fast=gpt-4o-mini-realtime,best=gpt-4o-realtime:guided+open",
        form="`NAME=DEPLOYMENT` or `NAME=DEPLOYMENT:PROFILE+PROFILE`, comma separated",
    )


class Bounds(Group):
    """What one session, one user and this process may use."""

    title = "Limits"

    session_max_seconds: int = setting(
        1800, "Longest session; 1800 is also the most.", unit="seconds", ge=1, le=1800
    )
    idle_seconds: int = setting(
        300,
        "Ends a session in which nothing was said for so long.",
        unit="seconds",
        ge=1,
        le=1800,
    )
    max_sessions: int = setting(500, "Live sessions of this process.", ge=1, le=100_000)
    max_sessions_per_user: int = setting(2, "Live sessions of one user.", ge=1, le=100_000)
    max_sessions_per_ip: int = setting(
        50,
        "Live sessions from one address; of IPv6, from one /64. Behind a proxy, set "
        "RELAY_TRUSTED_PROXIES, or all clients have one address.",
        ge=1,
        le=100_000,
    )
    max_message_bytes: int = setting(
        262_144,
        "Largest message of a client. The API's largest audio events need 22020096.",
        unit="bytes",
        ge=1024,
        le=64 * 1024 * 1024,
    )


class Rates(Group):
    """How fast one user may go on, in all sessions together. Audio beyond it waits, anything else
    is refused in words."""

    title = "Rates"

    audio_speed: float = setting(
        2.0,
        "Audio of one user, as a multiple of real time, after ten seconds at once.",
        form="a number above 0, up to 10000",
        gt=0,
        le=10_000,
    )
    events_per_second: int = setting(
        50, "Events of one user each second, after twice as many at once.", ge=1, le=10_000
    )
    acts_per_second: int = setting(
        10,
        "Of these, events that are not audio, after five times as many at once.",
        ge=1,
        le=10_000,
    )
    openings_per_minute: int = setting(
        10, "Sessions that one user may open each minute.", ge=1, le=1_000_000
    )
    failed_sign_ins_per_minute: int = setting(
        60,
        "Bad tickets, and bad tokens that the issuer must be asked about, from one address each "
        "minute; then those are refused unheard for a while. 0: any number.",
        ge=0,
        le=1_000_000,
    )
    responses_per_minute: int = setting(
        20, "Responses of one user each minute, whoever caused them.", ge=1, le=10_000
    )


class Operations(Group):
    """How the process stops and what it writes down."""

    title = "Operations"

    drain_seconds: int = setting(
        25,
        "After SIGTERM, how long live sessions may go on. Stay 25 below the platform's grace.",
        unit="seconds",
        ge=0,
        le=3600,
    )
    user_hash_key: HashKey = setting(
        lambda: SecretStr(secrets.token_hex(32)),
        "Key of the user hashes in logs. Set it to recognise a user across restarts and replicas.",
        default_text="random for each process",
        form="at least 16 random characters",
    )
    log_format: LogFormat | None = setting(
        None,
        "How log lines are written.",
        default_text="`console` on a terminal, else `json`",
        example="json",
    )
    log_level: LogLevel = setting(LogLevel.INFO, "The least severe line that is written.")
    fast_lane: bool = setting(
        True,
        "Lets plain frames past the parser (docs/performance.md). Off: the same, but slower.",
    )
