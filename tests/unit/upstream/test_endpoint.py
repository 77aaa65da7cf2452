"""What people write into the three address settings, and what becomes of it."""

from __future__ import annotations

import pytest

from app.protocol.names import Dialect
from app.upstream.endpoint import Endpoint

VERSION = "2024-12-17"


@pytest.mark.parametrize(
    ("text", "scheme", "host", "port", "prefix"),
    [
        ("https://res.openai.azure.com", "wss", "res.openai.azure.com", 443, ""),
        ("https://res.openai.azure.com/", "wss", "res.openai.azure.com", 443, ""),
        ("  https://res.openai.azure.com\n", "wss", "res.openai.azure.com", 443, ""),
        ("HTTPS://RES.OpenAI.Azure.com", "wss", "res.openai.azure.com", 443, ""),
        ("wss://res.openai.azure.com", "wss", "res.openai.azure.com", 443, ""),
        ("https://res.openai.azure.com/openai", "wss", "res.openai.azure.com", 443, ""),
        ("https://res.openai.azure.com/openai/", "wss", "res.openai.azure.com", 443, ""),
        ("https://res.openai.azure.com/openai/v1/", "wss", "res.openai.azure.com", 443, ""),
        ("wss://res.openai.azure.com/openai/realtime", "wss", "res.openai.azure.com", 443, ""),
        ("wss://res.openai.azure.com/openai/v1/realtime", "wss", "res.openai.azure.com", 443, ""),
        ("https://res.openai.azure.com:443", "wss", "res.openai.azure.com", 443, ""),
        ("https://gate.example:8443/azure", "wss", "gate.example", 8443, "/azure"),
        ("https://gate.example/a/b/openai", "wss", "gate.example", 443, "/a/b"),
        ("http://localhost:9000", "ws", "localhost", 9000, ""),
        ("http://127.0.0.1", "ws", "127.0.0.1", 80, ""),
        ("ws://[::1]:9000", "ws", "::1", 9000, ""),
        ("https://[2001:db8::1]", "wss", "2001:db8::1", 443, ""),
        ("https://10.0.0.4", "wss", "10.0.0.4", 443, ""),
    ],
)
def test_an_address_is_understood(
    text: str, scheme: str, host: str, port: int, prefix: str
) -> None:
    endpoint = Endpoint.parse(text, "talk", VERSION)
    assert endpoint == Endpoint(
        scheme="wss" if scheme == "wss" else "ws",
        host=host,
        port=port,
        prefix=prefix,
        deployment="talk",
        api_version=VERSION,
        dialect=Dialect.PREVIEW,
    )


@pytest.mark.parametrize(
    ("text", "fix"),
    [
        ("", "set it to https://"),
        ("res.openai.azure.com", "write https:// in front"),
        ("ftp://res.openai.azure.com", "write https:// instead"),
        ("http://res.openai.azure.com", "write https:// instead"),
        ("ws://10.0.0.4", "write https:// instead"),
        ("http://localhost.evil.example", "write https:// instead"),
        ("http://127.0.0.1.evil.example", "write https:// instead"),
        ("https://user:secret@res.openai.azure.com", "remove what stands before @"),
        ("https://@res.openai.azure.com", "remove what stands before @"),
        ("https://res.openai.azure.com?api-version=1", "keep only the part before"),
        ("https://res.openai.azure.com/openai/realtime?api-key=secret", "keep only the part"),
        ("https://res.openai.azure.com/#x", "keep only the part before"),
        ("https://res.openai.azure.com?", "keep only the part before"),
        ("https://", "no usable host"),
        ("https:///openai", "no usable host"),
        ("https://<resource>.openai.azure.com", "no usable host"),
        ("https://-x.example", "no usable host"),
        ("https://res..example", "no usable host"),
        ("https://res.openai.azure.com:99999", "write it as in"),
        ("https://res.openai.azure.com:port", "write it as in"),
        ("https://res.openai.azure.com:0", "remove :0"),
        ("https://[::1", "write it as in"),
        ("https://res.openai azure.com", "copy it again"),
        ("https://rés.openai.azure.com", "copy it again"),
        ("https://res.openai.azure.com/a\r\nX: 1", "copy it again"),
        ("https://res.example/openai/deployments/talk", "keep only the part before /openai"),
        ("https://res.services.ai.azure.com/api/projects/p", "address of its resource"),
        ("https://res.example/../x", "plain segments"),
        ("https://res.example/a%2fb", "plain segments"),
        ("https://res.example//a", "plain segments"),
    ],
)
def test_an_address_is_refused_with_the_fix(text: str, fix: str) -> None:
    with pytest.raises(ValueError, match=r"^AZURE_OPENAI_ENDPOINT") as caught:
        Endpoint.parse(text, "talk", VERSION)
    said = str(caught.value)
    assert fix in said
    assert "secret" not in said
    assert said.endswith(".")
    assert "\n" not in said


@pytest.mark.parametrize("deployment", ["", "  ", "a\nb", "x" * 300])
def test_a_deployment_must_have_a_name(deployment: str) -> None:
    with pytest.raises(ValueError, match=r"^AZURE_OPENAI_DEPLOYMENT"):
        Endpoint.parse("https://res.openai.azure.com", deployment, VERSION)


@pytest.mark.parametrize("version", ["1", "2024-12", "latest", "2024-12-17-beta", "v=2024-12-17&x"])
def test_a_version_must_be_a_date(version: str) -> None:
    with pytest.raises(ValueError, match=r"^AZURE_OPENAI_API_VERSION"):
        Endpoint.parse("https://res.openai.azure.com", "talk", version)


@pytest.mark.parametrize("version", ["2024-10-01-preview", VERSION, "2025-04-01-preview"])
def test_the_preview_form_names_version_and_deployment(version: str) -> None:
    endpoint = Endpoint.parse("https://res.openai.azure.com", "talk", version)
    assert endpoint.request_target() == f"/openai/realtime?api-version={version}&deployment=talk"
    assert endpoint.dialect is Dialect.PREVIEW


@pytest.mark.parametrize("version", [None, "", " "])
def test_without_a_version_the_form_is_ga(version: str | None) -> None:
    endpoint = Endpoint.parse("https://res.openai.azure.com", "talk", version)
    assert endpoint.request_target() == "/openai/v1/realtime?model=talk"
    assert endpoint.dialect is Dialect.GA


def test_names_and_credentials_are_quoted() -> None:
    endpoint = Endpoint.parse("https://gate.example/az:ure", "my talk&x=1/é", VERSION)
    assert endpoint.request_target(("api-key", "a&b=c+d/e")) == (
        f"/az%3Aure/openai/realtime?api-version={VERSION}"
        "&deployment=my%20talk%26x%3D1%2F%C3%A9&api-key=a%26b%3Dc%2Bd%2Fe"
    )


@pytest.mark.parametrize(
    ("text", "host"),
    [
        ("https://res.example", "res.example"),
        ("https://res.example:8443", "res.example:8443"),
        ("http://127.0.0.1:80", "127.0.0.1"),
        ("ws://[::1]:9000", "[::1]:9000"),
        ("https://[2001:db8::1]", "[2001:db8::1]"),
    ],
)
def test_the_host_header_names_a_port_that_is_not_the_schemes(text: str, host: str) -> None:
    endpoint = Endpoint.parse(text, "talk", VERSION)
    assert endpoint.host_header == host
    assert endpoint.display.endswith(
        f"://{host}/openai/realtime?api-version={VERSION}&deployment=talk"
    )
