"""Runs a driver in a page in a real Chromium: `in_chromium.py DRIVER JSON`, a line for each step.

The page is given tickets, as a page of an application's would be: its server asks for them.
"""

from __future__ import annotations

import base64
import json
import os
import ssl
import sys
import urllib.request
from pathlib import Path
from typing import Any

from playwright.sync_api import sync_playwright

FLAGS = [
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--ignore-certificate-errors",
]


def main(driver: str, given: dict[str, Any]) -> bool:
    """Whether all steps were taken."""

    def mint(address: str) -> str:
        request = urllib.request.Request(
            f"{address}/v1/realtime/client_secrets",
            data=b"{}",
            headers={
                "Authorization": f"Bearer {given['credential']}",
                "Content-Type": "application/json",
            },
        )
        context = ssl.create_default_context(cafile=os.environ["SSL_CERT_FILE"])
        with urllib.request.urlopen(request, timeout=10, context=context) as answer:
            return str(json.load(answer)["value"])

    def tell(line: dict[str, Any]) -> None:
        sys.stdout.write(json.dumps(line) + "\n")
        sys.stdout.flush()

    def aside(text: str) -> None:
        sys.stderr.write(text + "\n")

    speech = base64.b64encode(Path(given["speech"]).read_bytes()).decode()
    root = ["--no-sandbox"] if os.geteuid() == 0 else []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(
            executable_path=given["chromium"], args=[*FLAGS, *root]
        )
        page = browser.new_page()
        page.on("pageerror", lambda error: aside(str(error)))
        page.on("console", lambda message: aside(message.text))
        page.expose_function("mint", mint)
        page.expose_function("tell", tell)
        page.goto(f"{given['pages']}/drivers/page.html")
        page.wait_for_function("window.ready")
        done = page.evaluate(
            "([driver, given]) => window.run(driver, given)", [driver, {**given, "speech": speech}]
        )
        browser.close()
    return bool(done)


if __name__ == "__main__":
    raise SystemExit(0 if main(sys.argv[1], json.loads(sys.argv[2])) else 1)
