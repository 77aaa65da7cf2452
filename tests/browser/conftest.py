"""The whole product as a person starts it, and a real Chromium that opens its page.

Each test gets a browser of its own, because the fake microphone is a file named on the command
line. A missing browser fails in CI; on a person's machine it is a skip that says what to install.
"""

from __future__ import annotations

import asyncio
import base64
import json
import os
import select
import shutil
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import pytest
from playwright.async_api import Browser, Page, Playwright, ViewportSize, async_playwright

from tests.browser.visit import Visit

HERE = Path(__file__).parent
SPEECH = HERE / "speech"
ARTIFACTS = HERE.parent.parent / "artifacts"

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
START_SECONDS = 30.0
STOP_SECONDS = 10.0

FLAGS = [
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


@dataclass(frozen=True)
class Product:
    """A running `demo`: relay, embedded upstream and page."""

    address: str
    process: subprocess.Popen[str]

    def stop(self) -> None:
        """Ask it to end as a person would, and insist after a while."""
        if self.process.poll() is not None:
            return
        self.process.terminate()
        try:
            self.process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


def start_product(log: Path, **environ: str) -> Product:
    """Start `python -m app demo` on a free port and wait until it says where it listens."""
    with log.open("w") as errors:
        process = subprocess.Popen(
            [sys.executable, "-m", "app", "demo", "--port", "0", "--json"],
            stdout=subprocess.PIPE,
            stderr=errors,
            text=True,
            cwd=HERE.parent.parent,
            env={**os.environ, "RELAY_DRAIN_SECONDS": "1", **environ},
        )
    assert process.stdout is not None
    product = Product("", process)
    deadline = time.monotonic() + START_SECONDS
    while (left := deadline - time.monotonic()) > 0:
        ready, _, _ = select.select([process.stdout], [], [], left)
        line = process.stdout.readline() if ready else ""
        if line.startswith("{"):
            return Product(json.loads(line)["address"].rstrip("/"), process)
        if process.poll() is not None:
            break
    product.stop()
    pytest.fail(f"The demo did not start. It said:\n{log.read_text()[-4000:]}")


@pytest.fixture(scope="session")
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Product]:
    """One demo for all tests of this worker."""
    running = start_product(tmp_path_factory.mktemp("demo") / "stderr.log")
    assert running.process.stdout is not None
    try:
        yield running
    finally:
        running.stop()
        running.process.stdout.close()


@pytest.fixture
def own_product(tmp_path: Path) -> Iterator[Product]:
    """A demo for a test that will stop it."""
    running = start_product(tmp_path / "stderr.log")
    assert running.process.stdout is not None
    try:
        yield running
    finally:
        running.stop()
        running.process.stdout.close()


@pytest.fixture(scope="session")
def chromium() -> str:
    """The path of a Chromium."""
    found = next(filter(None, map(shutil.which, BROWSERS)), None)
    if found is None:
        words = "No Chromium was found. Install it: apt-get install chromium"
        if os.environ.get("CI"):
            pytest.fail(words)
        pytest.skip(words)
    return found


class OpenPage(Protocol):
    """Opens the demo page in a fresh browser."""

    def __call__(
        self,
        address: str,
        *,
        microphone: Path | None = None,
        blocked: bool = False,
        width: int = 1280,
        height: int = 800,
        dark: bool = False,
    ) -> Awaitable[Visit]: ...


@pytest.fixture
async def open_page(chromium: str) -> AsyncIterator[OpenPage]:
    """`microphone`: the recording it hears, silence by default; `blocked`: the person says no."""
    browsers: list[Browser] = []
    visits: list[Visit] = []
    async with async_playwright() as playwright:

        async def visit(
            address: str,
            *,
            microphone: Path | None = None,
            blocked: bool = False,
            width: int = 1280,
            height: int = 800,
            dark: bool = False,
        ) -> Visit:
            flags = [*FLAGS, "--use-fake-device-for-media-stream"]
            flags.append(
                "--deny-permission-prompts" if blocked else "--use-fake-ui-for-media-stream"
            )
            if microphone:
                flags.append(f"--use-file-for-fake-audio-capture={microphone}%noloop")
            browser = await _launch(playwright, chromium, flags)
            browsers.append(browser)
            page = await browser.new_page(
                viewport=ViewportSize(width=width, height=height),
                color_scheme="dark" if dark else "light",
            )
            visits.append(await _prepare(page))
            await page.goto(address)
            return visits[-1]

        yield visit
        for browser in browsers:
            await browser.close()
    for one in visits:
        assert one.complaints == [], "the page complained in the console"


async def _launch(playwright: Playwright, chromium: str, flags: list[str]) -> Browser:
    # Chromium refuses its sandbox to root, which containers and CI often are.
    root = ["--no-sandbox"] if os.geteuid() == 0 else []
    return await playwright.chromium.launch(executable_path=chromium, args=[*flags, *root])


async def _prepare(page: Page) -> Visit:
    """Recorder in, console watched. The recorder's worklet comes from the page's own origin, so
    that the content security policy holds in the tests as it does for a person. (Playwright's
    `route` does not see the requests of worklets; the browser's own protocol does.)"""
    visit = Visit(page, [])
    body = base64.b64encode((HERE / "recorder-worklet.js").read_bytes()).decode()
    session = await page.context.new_cdp_session(page)
    answers: set[asyncio.Task[object]] = set()

    def fulfil(paused: dict[str, Any]) -> None:
        head = [{"name": "Content-Type", "value": "text/javascript"}]
        answer = {"responseCode": 200, "responseHeaders": head, "body": body}
        request = {"requestId": paused["requestId"]}
        task = asyncio.ensure_future(session.send("Fetch.fulfillRequest", request | answer))
        answers.add(task)
        task.add_done_callback(answers.discard)

    session.on("Fetch.requestPaused", fulfil)
    await session.send("Fetch.enable", {"patterns": [{"urlPattern": "*/test-recorder-worklet.js"}]})
    await page.add_init_script(path=HERE / "recorder.js")
    page.on("console", lambda message: visit.hear(message.type, message.text))
    page.on("pageerror", lambda error: visit.complaints.append(str(error)))
    return visit


@pytest.fixture
def artifacts() -> Path:
    """Where pictures go; ignored by git."""
    ARTIFACTS.mkdir(exist_ok=True)
    return ARTIFACTS


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Whatever stands in this folder needs a browser."""
    for item in items:
        if HERE in item.path.parents:
            item.add_marker(pytest.mark.browser)
