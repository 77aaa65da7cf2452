"""Fetches an issuer's documents: one bounded GET, without redirects, cookies or the environment."""

from __future__ import annotations

import ssl

import aiohttp

from app.auth.issuer_fault import IssuerFault

MAX_BODY_BYTES = 512 * 1024
_HEADERS = {
    "Accept": "application/json",
    "Accept-Encoding": "identity",  # a few bytes could unpack into any number
    "User-Agent": "realtime-relay",
}


class HttpFetch:
    """GETs documents. `tls` is the context for https addresses; `proxy` is `http://host:port`,
    also with `user:password@`, or None to dial directly."""

    def __init__(self, tls: ssl.SSLContext | None = None, proxy: str | None = None) -> None:
        self._tls = tls
        self._proxy = proxy

    async def __call__(self, url: str) -> bytes:
        """The body of a plain 200. Raises `IssuerFault`. The caller keeps the deadline.

        Each fetch has a connection of its own: there is one in many minutes, and an idle one
        would only be found dead.
        """
        connector = aiohttp.TCPConnector(ssl=self._tls or True)
        try:
            async with (
                aiohttp.ClientSession(
                    connector=connector,
                    auto_decompress=False,
                    cookie_jar=aiohttp.DummyCookieJar(),
                    timeout=aiohttp.ClientTimeout(total=None),
                    trust_env=False,
                ) as session,
                session.get(
                    url, headers=_HEADERS, allow_redirects=False, proxy=self._proxy
                ) as response,
            ):
                _check_head(url, response)
                return await _body(url, response)
        except aiohttp.ClientConnectorCertificateError as error:
            why = getattr(error.certificate_error, "verify_message", "it cannot be verified")
            raise IssuerFault(
                f"the certificate of {url} is not accepted ({why}): where the issuer has an "
                "authority of its own, name that in RELAY_OIDC_CA_FILE"
            ) from None
        except aiohttp.ClientConnectorError as error:
            # Where several addresses were tried, there is no single text.
            why = error.strerror or type(error.os_error).__name__
            raise IssuerFault(f"{url} cannot be reached ({why})") from None
        except (aiohttp.ClientError, ValueError) as error:
            # The message is left out: it may quote the answer.
            raise IssuerFault(f"{url} gives no usable answer ({type(error).__name__})") from None


def _check_head(url: str, response: aiohttp.ClientResponse) -> None:
    status = response.status
    if 300 <= status < 400:
        raise IssuerFault(f"{url} answers with a redirect ({status}), which is not followed")
    if status != 200:
        raise IssuerFault(f"{url} answers {status}")
    if response.headers.get("Content-Encoding", "identity") != "identity":
        raise IssuerFault(f"{url} answers compressed, which was not asked for")


async def _body(url: str, response: aiohttp.ClientResponse) -> bytes:
    body = bytearray()
    async for chunk in response.content.iter_any():
        body += chunk
        if len(body) > MAX_BODY_BYTES:
            raise IssuerFault(f"{url} is larger than {MAX_BODY_BYTES // 1024} KiB")
    return bytes(body)
