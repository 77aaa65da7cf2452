"""The clients of the matrix: which package and version, which of its ways in, what it cannot do."""

from __future__ import annotations

import json
from dataclasses import dataclass, field

from tests.sdk.environments import HERE, NODE

DIALECTS = ("preview", "ga")
PROFILES = ("guided", "locked")
STEPS = (
    "connect",
    "configure",
    "text",
    "audio",
    "tool",
    "interruptions",
    "close",
    "connect again",
    "expiry",
)


@dataclass(frozen=True)
class Client:
    """One row. `where` is the name of a Python environment, `node` or `chromium`.

    `form` chooses among the ways of one driver. `tool` is the name under which it calls its tool.
    """

    name: str
    package: str
    what: str
    speaks: str
    credential: str
    where: str
    driver: str
    form: str = ""
    tool: str = "get_weather"
    shows_tools: bool = True
    notes: tuple[str, ...] = field(default=())


RECONNECTS = (
    "connects again by itself right after the expiry, as after any close that it did not ask for"
)
SPELLS_TOOLS = "names its functions PLUGIN-FUNCTION, so the operator's tool has such a name"
SYSTEM_TEXT = (
    "writes text that is appended in the middle of a session as a system message, which `guided` "
    "and `locked` refuse (rule `item-system`); its other ways to write pass"
)

CLIENTS = (
    Client(
        "py1-azure-beta", "openai", "`AsyncAzureOpenAI.beta.realtime`", "preview",
        "`api-key` header", "openai-1", "openai_python.py", "azure beta",
    ),
    Client(
        "py1-beta", "openai", "`AsyncOpenAI.beta.realtime`", "preview",
        "key from `beta.realtime.sessions.create()`", "openai-1", "openai_python.py", "beta",
    ),
    Client(
        "py3-azure-beta", "openai", "`AsyncAzureOpenAI.beta.realtime`", "preview",
        "`api-key` header", "openai-3", "openai_python.py", "azure beta",
    ),
    Client(
        "py3-azure-ga", "openai", "`AsyncAzureOpenAI.realtime`", "GA on preview's path",
        "`azure_ad_token`", "openai-3", "openai_python.py", "azure ga",
    ),
    Client(
        "py3-ga", "openai", "`AsyncOpenAI.realtime`, `websocket_base_url`", "GA",
        "key from `realtime.client_secrets.create()`", "openai-3", "openai_python.py", "ga",
    ),
    Client(
        "js-ws", "openai", "`OpenAIRealtimeWS`", "GA",
        "bearer", "node", "openai_js.mjs", "ws",
    ),
    Client(
        "js-ws-azure", "openai", "`OpenAIRealtimeWS.azure`", "GA",
        "`api-key` header", "node", "openai_js.mjs", "ws azure",
    ),
    Client(
        "js-ws-beta", "openai", "`beta/realtime/ws`", "preview",
        "bearer", "node", "openai_js.mjs", "ws beta",
    ),
    Client(
        "js-native-node", "openai", "`OpenAIRealtimeWebSocket` in Node", "GA",
        "subprotocol, key from `realtime.clientSecrets.create()`",
        "node", "openai_js.mjs", "native",
    ),
    Client(
        "js-native-chromium", "openai", "`OpenAIRealtimeWebSocket` in Chromium", "GA",
        "subprotocol, `ek_` key", "chromium", "openai_js.mjs", "native",
    ),
    Client(
        "agents-js-node", "@openai/agents-realtime", "`RealtimeSession` in Node", "GA",
        "bearer", "node", "agents_js.mjs",
    ),
    Client(
        "agents-js-chromium", "@openai/agents-realtime", "`RealtimeSession` in Chromium", "GA",
        "subprotocol, `ek_` key", "chromium", "agents_js.mjs",
    ),
    Client(
        "agents-py", "openai-agents", "`RealtimeRunner`", "GA",
        "bearer", "openai-agents", "openai_agents.py",
    ),
    Client(
        "livekit", "livekit-plugins-openai", "`RealtimeModel`", "GA",
        "bearer", "livekit", "livekit_plugin.py", "openai", notes=(RECONNECTS,),
    ),
    Client(
        "livekit-azure", "livekit-plugins-openai", "`RealtimeModel.with_azure`", "GA",
        "bearer", "livekit", "livekit_plugin.py", "azure", notes=(RECONNECTS,),
    ),
    Client(
        "pipecat", "pipecat-ai", "`OpenAIRealtimeLLMService`", "GA",
        "bearer", "pipecat", "pipecat_service.py", shows_tools=False, notes=(SYSTEM_TEXT,),
    ),
    Client(
        "semantic-kernel", "semantic-kernel", "`OpenAIRealtimeWebsocket`", "GA",
        "bearer", "semantic-kernel", "semantic_kernel_talk.py",
        tool="kernel-forecast", notes=(SPELLS_TOOLS,),
    ),
)  # fmt: skip
JUDGED = ("py3-ga", "py1-azure-beta", "js-ws")
"""Those that also talk to the independent upstream."""
BY_NAME = {client.name: client for client in CLIENTS}


@dataclass(frozen=True)
class Refusal:
    """What an SDK refuses before it dials; `says` is part of its own words."""

    client: Client
    says: str
    instead: str


REFUSALS = (
    Refusal(
        Client(
            "js-native-azure-chromium", "openai",
            "`OpenAIRealtimeWebSocket.azure` in Chromium", "GA", "`AzureOpenAI`'s key",
            "chromium", "refusing.mjs", "azure",
        ),
        "require a WebSocket transport that supports request headers",
        "the class `OpenAI` with the relay as `baseURL`",
    ),
    Refusal(
        Client(
            "js-native-key-chromium", "openai", "`OpenAIRealtimeWebSocket` in Chromium",
            "GA", "a key that is no ticket", "chromium", "refusing.mjs", "key",
        ),
        "running in a browser-like environment",
        "a ticket (`ek_...`), or `dangerouslyAllowBrowser`",
    ),
    Refusal(
        Client(
            "agents-js-key-chromium", "@openai/agents-realtime", "`RealtimeSession` in Chromium",
            "GA", "a key that is no ticket", "chromium", "refusing.mjs", "agents key",
        ),
        "requires an ephemeral client key",
        "a ticket (`ek_...`), or `useInsecureApiKey`",
    ),
)  # fmt: skip

LICENCES = {
    "openai": "Apache-2.0",
    "@openai/agents-realtime": "MIT",
    "openai-agents": "MIT",
    "livekit-plugins-openai": "Apache-2.0",
    "pipecat-ai": "BSD-2-Clause",
    "semantic-kernel": "MIT",
    "@copilotkit/aimock": "MIT",
}
LESSER = {
    "pybars4": ("semantic-kernel", "LGPL"),
    "soxr": ("pipecat", "LGPL-2.1-or-later"),
}
"""Packages under the LGPL that come along, by the environment that they come with."""


def version(client: Client) -> str:
    """The pinned version, from where it is pinned."""
    if client.where in {"node", "chromium"}:
        pinned = json.loads((NODE / "package.json").read_text())["dependencies"]
        return str(pinned[client.package])
    text = (HERE / "requirements" / f"{client.where}.in").read_text()
    return text.strip().rpartition("==")[2]
