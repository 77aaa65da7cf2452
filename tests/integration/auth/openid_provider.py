"""An OpenID provider that nobody here wrote (npm `oidc-provider`), as a process of its own."""

from __future__ import annotations

import asyncio
import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, NoReturn

import httpx
import pytest
from joserfc.jwk import ECKey, OKPKey, RSAKey

SOURCE = Path(__file__).parent / "provider"
NEEDED = "Node.js 20 or newer with npm (on Debian: apt-get install nodejs npm)"
INSTALL_SECONDS = 150


def installed() -> Path:
    """The folder where the provider is installed: once for each version, beside the virtual
    environment's packages. Without npm the test is skipped; where CI is set, it fails."""
    npm, node = shutil.which("npm"), shutil.which("node")
    if npm is None or node is None:
        _missing(f"install {NEEDED}")
    sources = {path.name: path.read_bytes() for path in sorted(SOURCE.iterdir())}
    version = hashlib.sha256(b"\0".join(sources.values())).hexdigest()[:16]
    folder = Path(sys.prefix) / "openid-provider" / version
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not (folder / "done").exists():
            for name, content in sources.items():
                (folder / name).write_bytes(content)
            _install(npm, folder)
            (folder / "done").touch()
    return folder


def _install(npm: str, folder: Path) -> None:
    options = ["--no-audit", "--no-fund", "--no-package-lock", "--ignore-scripts"]
    done = subprocess.run(
        [npm, "install", *options],
        cwd=folder, capture_output=True, text=True, timeout=INSTALL_SECONDS, check=False,
    )  # fmt: skip
    if done.returncode:
        _missing(f"npm could not install the provider: {done.stderr.strip()[-300:]}")


def _missing(why: str) -> NoReturn:
    if os.environ.get("CI"):
        pytest.fail(why)
    pytest.skip(why)


def make_keys(generation: str) -> dict[str, Any]:
    """Private keys for every algorithm that the relay accepts, ids beginning with `generation`."""
    made: list[RSAKey | ECKey | OKPKey] = [
        RSAKey.generate_key(2048, {"alg": "RS256"}),
        RSAKey.generate_key(2048, {"alg": "PS256"}),
        ECKey.generate_key("P-256", {"alg": "ES256"}),
        OKPKey.generate_key("Ed25519", {"alg": "EdDSA"}),
    ]
    return {
        "keys": [
            {**key.as_dict(private=True), "use": "sig", "kid": f"{generation}-{key.alg}"}
            for key in made
        ]
    }


class OpenIdProvider:
    """A running provider. `asked` are the paths of the requests until now."""

    def __init__(self, process: Process, address: str) -> None:
        self.process = process
        self.address = address
        self.asked: list[str] = []

    @property
    def port(self) -> int:
        return int(self.address.rpartition(":")[2])

    async def token(
        self, algorithm: str = "RS256", *, audience: str = "relay", scope: str = "talk"
    ) -> str:
        """An access token by the client credentials grant (RFC 6749, section 4.4)."""
        async with httpx.AsyncClient(trust_env=False) as http:
            answer = await http.post(
                f"{self.address}/token",
                auth=("tester", "the-secret-of-the-tester"),
                data={
                    "grant_type": "client_credentials",
                    "resource": f"urn:{audience}:{algorithm}",
                    "scope": scope,
                },
            )
        assert answer.status_code == 200, answer.text
        return str(answer.json()["access_token"])

    async def collect(self) -> None:
        assert self.process.stdout is not None
        while line := await self.process.stdout.readline():
            if line.startswith(b"{"):  # the provider's own notices stand there too
                self.asked.append(json.loads(line)["asked"])


@asynccontextmanager
async def openid_provider(
    keys: dict[str, Any], folder: Path, port: int = 0
) -> AsyncIterator[OpenIdProvider]:
    """Runs the provider with these keys; `folder` takes the file that it reads them from."""
    file = folder / "keys.json"
    file.write_text(json.dumps(keys))
    home = installed()
    process = await asyncio.create_subprocess_exec(
        "node", "provider.js", str(port), str(file),
        cwd=home, stdin=PIPE, stdout=PIPE, stderr=DEVNULL,
    )  # fmt: skip
    collecting = None
    try:
        assert process.stdout is not None
        async with asyncio.timeout(30):
            while (line := await process.stdout.readline()) and not line.startswith(b"{"):
                pass
        assert line, "the provider ended before it listened"
        provider = OpenIdProvider(process, json.loads(line)["address"])
        collecting = asyncio.create_task(provider.collect())
        yield provider
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()
        if collecting is not None:
            await asyncio.wait_for(collecting, 5)
