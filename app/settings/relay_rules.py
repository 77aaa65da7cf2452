"""What the relay's own settings must not say: each rule yields sentences that name the fix."""

from __future__ import annotations

import ssl
from collections.abc import Iterator
from typing import TYPE_CHECKING

from app.settings.choices import AuthMode
from app.settings.forms import is_loopback
from app.settings.problem import Problem, problem

if TYPE_CHECKING:
    from app.settings.reading import Reading
    from app.settings.settings import Settings


def dev_stays_at_home(settings: Settings, _: Reading) -> Iterator[Problem]:
    if settings.auth is AuthMode.OIDC:
        return
    if not is_loopback(settings.host) and not settings.dev_network:
        yield problem(
            "RELAY_AUTH is `dev`, which lets everybody in, and RELAY_HOST is no loopback address: "
            "set RELAY_HOST to 127.0.0.1, or RELAY_DEV_NETWORK to `true` if only trusted machines "
            "reach that address.",
            "auth",
            "host",
            "dev_network",
        )


def tls_is_whole(settings: Settings, _: Reading) -> Iterator[Problem]:
    cert, key = settings.tls_cert_file, settings.tls_key_file
    about = ("tls_cert_file", "tls_key_file")
    if cert is None and key is None:
        return
    if cert is None or key is None:
        there, missing = about if key is None else reversed(about)
        yield problem(
            f"RELAY_{there.upper()} is set without RELAY_{missing.upper()}: set both, or neither.",
            *about,
        )
        return
    try:
        # The password is never asked for on a terminal that nobody watches.
        ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER).load_cert_chain(cert, key, password=lambda: "")
    except (OSError, ValueError):
        yield problem(
            "RELAY_TLS_CERT_FILE and RELAY_TLS_KEY_FILE cannot be used together: give a PEM chain "
            "and its own key, without a password.",
            *about,
        )


def ca_files_hold_certificates(settings: Settings, _: Reading) -> Iterator[Problem]:
    for field in ("upstream_ca_file", "oidc_ca_file"):
        path = getattr(settings, field)
        if path is None:
            continue
        try:
            ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(path)
        except (OSError, ValueError):
            yield problem(
                f"RELAY_{field.upper()} names {path}, which holds no certificate that can be read: "
                "give certificates in PEM form.",
                field,
            )


RELAY_RULES = (dev_stays_at_home, tls_is_whole, ca_files_hold_certificates)
