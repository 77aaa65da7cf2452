"""TLS on the way upstream: verification is on, and nothing switches it off."""

from __future__ import annotations

import ssl


def tls_context(ca_file: str | None) -> ssl.SSLContext:
    """The context for all dials of a process: verification on, TLS 1.2 or newer, HTTP/1.1.

    With `ca_file` only the authorities in it are trusted, else the system's. Unlike
    `ssl.create_default_context` it does not read `SSLKEYLOGFILE`. Raises ValueError.
    """
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.set_alpn_protocols(["http/1.1"])
    if ca_file is None:
        context.load_default_certs(ssl.Purpose.SERVER_AUTH)
        return context
    try:
        context.load_verify_locations(cafile=ca_file)
    except ssl.SSLError:
        raise ValueError(
            f"RELAY_UPSTREAM_CA_FILE ({ca_file}) holds no certificate in PEM form: name a file "
            "that begins with -----BEGIN CERTIFICATE-----."
        ) from None
    except OSError as error:
        raise ValueError(
            f"RELAY_UPSTREAM_CA_FILE ({ca_file}) cannot be read ({error.strerror}): check the path "
            "and who may read it."
        ) from None
    return context
