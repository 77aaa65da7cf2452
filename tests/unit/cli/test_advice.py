"""What `check` advises: each likely cause with the setting that mends it."""

from __future__ import annotations

import pytest

from app.cli.advice import dial_advice, sign_in_advice
from app.settings import Settings, load

RESOURCE = {
    "AZURE_OPENAI_ENDPOINT": "https://my-resource.openai.azure.com",
    "AZURE_OPENAI_DEPLOYMENT": "voice",
    "AZURE_OPENAI_API_VERSION": "2024-12-17",
    "RELAY_AUTH": "dev",
}
KEY = {"AZURE_OPENAI_API_KEY": "k" * 32, "RELAY_UPSTREAM_AUTH": "api-key-header"}


def azure(**more: str) -> Settings:
    return load({**RESOURCE, **more})


@pytest.mark.parametrize(
    ("settings", "detail", "named"),
    [
        (azure(**KEY), "status 401, request id none", "AZURE_OPENAI_API_KEY"),
        (azure(), "status 401, request id none", "Cognitive Services OpenAI User"),
        (azure(), "status 403, request id none", "Cognitive Services OpenAI User"),
        (azure(), "status 404, request id none", "'voice'"),
        (azure(), "status 400, request id none", "AZURE_OPENAI_API_VERSION"),
        (azure(), "status 429, request id none", "quota"),
        (azure(), "status 500, request id none", "later"),
        (azure(), "dns: the name has no address", "spelling of the endpoint"),
    ],
)
def test_a_failed_dial_names_the_likely_cause(settings: Settings, detail: str, named: str) -> None:
    assert named in dial_advice(settings, detail)


@pytest.mark.parametrize(
    ("settings", "named"),
    [
        (azure(RELAY_ENTRA_CREDENTIAL="developer"), "az login"),
        (azure(RELAY_ENTRA_CREDENTIAL="managed"), "RELAY_ENTRA_CREDENTIAL=developer"),
        (azure(**KEY), "AZURE_OPENAI_API_KEY"),
    ],
)
def test_a_failed_sign_in_names_what_helps(settings: Settings, named: str) -> None:
    assert named in sign_in_advice(settings)
