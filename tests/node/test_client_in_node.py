"""The page's client outside a browser: Node's own test runner against real sockets, and tsc.

Whatever is missing (Node, npm) is a skip that says what to install; where CI is set, it fails.
"""

from __future__ import annotations

import asyncio
import base64
import fcntl
import json
import os
import shutil
import struct
import subprocess
import sys
from asyncio.subprocess import PIPE, STDOUT
from collections.abc import Iterable
from pathlib import Path
from typing import NoReturn

import pytest

from app.protocol.close_reasons import ENDINGS, CloseReason
from app.simulator.voice import g711
from tests.harness.embedded import embedded
from tests.harness.process import environment
from tests.harness.relay import running_relay
from tests.integration.auth.test_long_conversations import scene
from tests.node.scripted_relay import scripted_relay

HERE = Path(__file__).parent
CLIENT = HERE.parents[1] / "app" / "web" / "static" / "relay-client"
TYPESCRIPT = "5.9.3"
NODE_SECONDS = 40.0
NPM_SECONDS = 150
TESTS = ("--test", "--test-reporter=spec", "--test-timeout=20000")
LIFE = 5.0
"""Seconds for which the first token holds; the relay warns at half of that."""

BY_A_PERSON = (CloseReason.IDLE_TIMEOUT,)
"""Codes below 4500 after which nobody is there who wants to go on."""


def missing(why: str) -> NoReturn:
    if os.environ.get("CI"):
        pytest.fail(why)
    pytest.skip(why)


@pytest.fixture(scope="module")
def node() -> list[str]:
    """The command for Node, with a WebSocket: Node 20 has one behind a flag."""
    found = shutil.which("node")
    if found is None:
        missing("Node.js 20 or newer is missing (on Debian: apt-get install nodejs npm)")
    said = subprocess.run(
        [found, "-p", "typeof WebSocket"], capture_output=True, text=True, check=True
    )
    return [found] if said.stdout.strip() == "function" else [found, "--experimental-websocket"]


async def run(command: Iterable[str | Path], **environ: str) -> None:
    """Fails with everything that was printed."""
    process = await asyncio.create_subprocess_exec(
        *map(str, command),
        stdout=PIPE,
        stderr=STDOUT,
        env=environment(NO_PROXY="127.0.0.1", **environ),
    )
    try:
        async with asyncio.timeout(NODE_SECONDS):
            printed, _ = await process.communicate()
    except TimeoutError:
        process.kill()
        printed, _ = await process.communicate()
        pytest.fail(f"it did not end:\n{printed.decode()}")
    assert process.returncode == 0, printed.decode()


def close_codes() -> list[tuple[int, list[str], bool]]:
    """Of each code its reasons, and whether the documents let a client try again by itself."""
    codes: dict[int, list[CloseReason]] = {}
    for reason, ending in ENDINGS.items():
        codes.setdefault(ending.close_code, []).append(reason)
    return [
        (
            code,
            [reason.value for reason in reasons],
            (4000 <= code < 4500 or code == 1012) and reasons[0] not in BY_A_PERSON,
        )
        for code, reasons in sorted(codes.items())
    ]


async def test_the_socket_alone(node: list[str]) -> None:
    async with (
        scripted_relay() as scripted,
        embedded() as upstream,
        running_relay(upstream.address, upstream.key) as relay,
    ):
        await run(
            [*node, *TESTS, HERE / "relay-socket.test.mjs"],
            SCRIPTED=scripted,
            RELAY=relay.http,
            ENDINGS=json.dumps(close_codes()),
        )


async def test_a_sign_in_that_runs_out_is_renewed(node: list[str]) -> None:
    async with scripted_relay() as scripted, scene() as on:
        tokens = {
            "first": on.token(LIFE),
            "next": on.token(600),
            "foreign": on.token(600, sub="somebody-else"),
        }
        await run(
            [*node, *TESTS, HERE / "identity.test.mjs"],
            SCRIPTED=scripted,
            PROVIDED=on.relay.http,
            TOKENS=json.dumps(tokens),
        )
        on.nowhere(*tokens.values())


async def test_formats_and_types_hold_what_they_promise(node: list[str], tmp_path: Path) -> None:
    def text(data: bytes) -> str:
        return base64.b64encode(data).decode()

    every = struct.pack("<65536h", *range(-32768, 32768))
    judge = {
        law: {
            "pcm": text(every),
            "coded": text(encode(every)),
            "decoded": text(decode(bytes(range(256)))),
        }
        for law, encode, decode in [
            ("g711_ulaw", g711.encode_ulaw, g711.decode_ulaw),
            ("g711_alaw", g711.encode_alaw, g711.decode_alaw),
        ]
    }
    (tmp_path / "g711.json").write_text(json.dumps(judge))
    files = [HERE / "audio-format.test.mjs", HERE / "types.test.mjs"]
    await run([*node, *TESTS, *files], G711=str(tmp_path / "g711.json"))


async def test_an_app_in_typescript_compiles(node: list[str], tmp_path: Path) -> None:
    tsc = typescript() / "node_modules" / "typescript" / "bin" / "tsc"
    (tmp_path / "node_modules").mkdir()
    (tmp_path / "node_modules" / "relay-client").symlink_to(CLIENT)
    shutil.copy(HERE / "types" / "usage.ts", tmp_path)
    strict = ["--noEmit", "--strict", "--target", "es2022", "--module", "nodenext"]
    strict += ["--lib", "es2022,dom"]
    (tmp_path / "package.json").write_text('{"type": "module"}')
    await run([*node, tsc, *strict, tmp_path / "usage.ts"])


def typescript() -> Path:
    """Where the compiler is installed: once, beside the virtual environment's packages."""
    npm = shutil.which("npm")
    if npm is None:
        missing("npm is missing (on Debian: apt-get install nodejs npm)")
    folder = Path(sys.prefix) / "typescript" / TYPESCRIPT
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # several workers want it at once
        if not (folder / "done").exists():
            _install(npm, folder)
            (folder / "done").touch()
    return folder


def _install(npm: str, folder: Path) -> None:
    options = ["--ignore-scripts", "--no-audit", "--no-fund", "--no-save", "--loglevel=error"]
    command = [npm, "install", "--prefix", str(folder), *options, f"typescript@{TYPESCRIPT}"]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, timeout=NPM_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        missing(f"npm did not answer within {NPM_SECONDS} s")
    if done.returncode:
        missing(f"npm could not install TypeScript: {done.stderr.strip()[-300:]}")
