"""Settings of sign-in with an OpenID provider: each name, default, meaning and example, once."""

from __future__ import annotations

from app.settings.about import Shown, setting
from app.settings.forms import Proxy, ReadableFile
from app.settings.group import Group
from app.settings.oidc_forms import Audiences, Grant, Issuer, Tenants


class Oidc(Group):
    """Whose access tokens are accepted, with `RELAY_AUTH=oidc`."""

    title = "Sign-in of users"

    oidc_issuer: Issuer | None = setting(
        None,
        "The issuer, exactly as its tokens and its discovery document write it, a final slash "
        "included. For several tenants of Entra, write `organizations` in the tenant's place.",
        example="https://login.microsoftonline.com/00000000-0000-0000-0000-000000000000/v2.0",
        form="an `https://` address",
        shown=Shown.ADDRESS,
    )
    oidc_audience: Audiences = setting(
        (),
        "What tokens for this relay have as their audience; one of several, comma separated. Not "
        "the page's client id, unless page and API share a registration.",
        example="11111111-1111-1111-1111-111111111111",
        form="names without spaces, not `account`",
    )
    oidc_tenants: Tenants = setting(
        (),
        "Entra tenants whose users may sign in, comma separated. Needed for an issuer of several "
        "tenants. Says that the issuer is Entra: users are then known by `tid` and `oid`.",
        example="00000000-0000-0000-0000-000000000000",
        form="tenants' ids",
    )
    oidc_required_scope: Grant | None = setting(
        None,
        "A scope that tokens must have, in `scp` or `scope`.",
        example="talk",
        form="one name",
    )
    oidc_required_role: Grant | None = setting(
        None,
        "A role that tokens must have, in `roles` or among Keycloak's realm roles. Where a scope "
        "is required too, both are.",
        example="Talker",
        form="one name",
    )
    oidc_leeway_seconds: int = setting(
        60,
        "How far the issuer's clock and ours may differ.",
        unit="seconds",
        ge=0,
        le=300,
    )
    oidc_proxy: Proxy | None = setting(
        None,
        "HTTP proxy on the way to the issuer. The environment's proxies are ignored.",
        example="http://proxy.example.com:3128",
        form="`http://host:port`, also with `user:password@`",
        shown=Shown.ADDRESS,
    )
    oidc_ca_file: ReadableFile | None = setting(
        None,
        "Certificates (PEM) to trust instead of the system's, on the way to the issuer.",
        example="/etc/ssl/company-ca.pem",
        form="path of a file",
    )
