"""What the image and the compose file promise, as far as it can be seen without an engine."""

from __future__ import annotations

import http.server
import json
import re
import shutil
import socket
import ssl
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from app.settings import load
from app.settings.settings import abouts

ROOT = Path(__file__).resolve().parents[2]
DOCKERFILE = (ROOT / "Dockerfile").read_text()
COMPOSE = (ROOT / "docker-compose.yml").read_text()
SECRET_VARIABLES = {about.variable for about in abouts().values() if about.shown == "never"}


def _instructions() -> list[tuple[str, str]]:
    """Each instruction of the Dockerfile and its arguments, continued lines joined."""
    text = "\n".join(line for line in DOCKERFILE.splitlines() if not line.startswith("#"))
    lines = text.replace("\\\n", " ").splitlines()
    return [(line.split()[0], line.split(maxsplit=1)[1]) for line in lines if line.strip()]


def _last_stage() -> dict[str, str]:
    instructions = _instructions()
    last = max(index for index, (name, _) in enumerate(instructions) if name == "FROM")
    return dict(instructions[last:])


def _blocks() -> dict[str, str]:
    """The compose file's shared part and its services, each as the text of its block."""
    head, _, services = COMPOSE.partition("\nservices:\n")
    blocks = {"x-locked-down": head.partition("x-locked-down: &locked-down\n")[2]}
    for match in re.finditer(r"^  ([\w-]+):\n((?:    [^\n]*\n|\n)+)", services, re.MULTILINE):
        blocks[match[1]] = match[2]
    return blocks


# -- the image ---------------------------------------------------------------------------------


def test_the_image_is_built_in_stages_on_a_base_that_can_be_chosen() -> None:
    instructions = _instructions()
    assert instructions[0] == ("ARG", "BASE=python:3.11-slim")
    stages = [arguments for name, arguments in instructions if name == "FROM"]
    assert stages == ["${BASE} AS build", "${BASE}"]
    assert _last_stage()["COPY"] == "--from=build /opt/relay /opt/relay"


def test_every_dependency_is_installed_with_its_hash() -> None:
    runs = " && ".join(arguments for name, arguments in _instructions() if name == "RUN")
    installs = re.findall(r"pip (install|wheel) ([^&]*)", runs)
    assert len(installs) == 4
    for _, arguments in installs:
        assert "--require-hashes -r requirements/" in arguments or "--no-deps" in arguments
        assert "--no-cache-dir" in arguments


def test_it_does_not_run_as_root_and_says_so_in_numbers() -> None:
    user, group = map(int, _last_stage()["USER"].split(":"))
    assert user > 0
    assert group > 0


def test_it_is_stopped_by_the_signal_that_drains_and_started_without_a_shell() -> None:
    stage = _last_stage()
    assert stage["STOPSIGNAL"] == "SIGTERM"
    assert json.loads(stage["CMD"]) == ["realtime-relay", "serve"]
    assert stage["EXPOSE"] == str(load({}, auth="dev", upstream="embedded",
                                       embedded_address="http://127.0.0.1:1",
                                       embedded_key="k").port)  # fmt: skip


def test_no_secret_is_in_the_image() -> None:
    assert not [name for name in SECRET_VARIABLES if name in DOCKERFILE]
    assert not re.search(r"(?i)(password|secret|api[-_]?key)\s*=", DOCKERFILE)


def test_only_what_is_copied_reaches_the_build() -> None:
    rules = [
        line
        for line in (ROOT / ".dockerignore").read_text().splitlines()
        if line and not line.startswith("#")
    ]
    assert rules[0] == "*"
    let_in = {rule[1:] for rule in rules if rule.startswith("!")}
    copied = {
        source.split("/")[0]
        for name, arguments in _instructions()
        if name == "COPY" and not arguments.startswith("--from")
        for source in arguments.split()[:-1]
    }
    assert copied == let_in
    assert all((ROOT / name).exists() for name in let_in)
    assert "**/.env*" in rules


# -- the health check, run against a real server -------------------------------------------------


def _health_command() -> list[str]:
    command = json.loads(_last_stage()["HEALTHCHECK"].partition(" CMD ")[2])
    assert command[0] == "python"
    return [sys.executable, *command[1:]]


@contextmanager
def _server(status: int, tls: ssl.SSLContext | None = None) -> Iterator[tuple[int, list[str]]]:
    asked: list[str] = []

    class Answer(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            asked.append(self.path)
            self.send_response(status)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Answer) as server:
        if tls is not None:
            server.socket = tls.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02})
        thread.start()
        try:
            yield server.server_address[1], asked
        finally:
            server.shutdown()
            thread.join(5)


def _health(port: int, **environ: str) -> int:
    return subprocess.run(
        _health_command(),
        env={"RELAY_PORT": str(port), "http_proxy": "http://127.0.0.1:1", **environ},
        capture_output=True,
        timeout=20,
        check=False,
    ).returncode


@pytest.mark.parametrize(("status", "result"), [(200, 0), (503, 1), (302, 1)])
def test_the_health_check_asks_livez_and_believes_nothing_but_200(status: int, result: int) -> None:
    with _server(status) as (port, asked):
        assert _health(port) == result
    assert asked == ["/livez"]


def test_the_health_check_fails_where_nobody_listens() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        assert _health(free.getsockname()[1]) == 1


def test_the_health_check_knows_of_tls(tmp_path: Path) -> None:
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
         "-nodes", "-subj", "/CN=relay.example.com", "-days", "1",
         "-keyout", tmp_path / "key", "-out", tmp_path / "crt"],
        check=True, capture_output=True,
    )  # fmt: skip
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(tmp_path / "crt", tmp_path / "key")
    with _server(200, context) as (port, asked):
        assert _health(port, RELAY_TLS_CERT_FILE=str(tmp_path / "crt")) == 0
    assert asked == ["/livez"]


# -- the compose file ----------------------------------------------------------------------------


def test_every_service_is_locked_down() -> None:
    blocks = _blocks()
    shared = blocks["x-locked-down"]
    assert "  read_only: true\n" in shared
    assert "  cap_drop:\n    - ALL\n" in shared
    assert "  security_opt:\n    - no-new-privileges:true\n" in shared
    assert "  tmpfs:\n    - /tmp\n" in shared
    assert set(blocks) == {"x-locked-down", "relay", "relay-azure"}
    for name in ("relay", "relay-azure"):
        assert "    <<: *locked-down\n" in blocks[name]
        for key in ("read_only", "cap_drop", "cap_add", "security_opt", "privileged", "user"):
            assert f"    {key}:" not in blocks[name]


def test_ports_are_published_on_this_machine_alone() -> None:
    published = re.findall(r'^ +- "?([\d.:\[\]]*:?\d+:\d+)"?$', COMPOSE, re.MULTILINE)
    assert published == ["127.0.0.1:8080:8080", "127.0.0.1:8081:8080"]
    assert "network_mode" not in COMPOSE


def test_the_default_service_is_the_demo_and_the_other_one_needs_its_profile() -> None:
    blocks = _blocks()
    assert 'command: ["realtime-relay", "demo"]' in blocks["relay"]
    assert "profiles:" not in blocks["relay"]
    assert "env_file:" not in blocks["relay"]
    assert 'command: ["realtime-relay", "serve"]' in blocks["relay-azure"]
    assert 'profiles: ["azure"]' in blocks["relay-azure"]
    assert "path: .env" in blocks["relay-azure"]


def test_the_grace_is_longer_than_the_drain() -> None:
    grace = re.search(r"stop_grace_period: (\d+)s", COMPOSE)
    assert grace is not None
    drain = next(about for about in abouts().values() if about.field == "drain_seconds").default
    assert int(grace[1]) > drain + 10


@pytest.mark.parametrize("service", ["relay", "relay-azure"])
def test_the_settings_of_a_service_are_settings_of_ours_and_are_taken(service: str) -> None:
    block = _blocks()[service].partition("environment:\n")[2]
    environ = dict(re.findall(r'^      (\w+): "?([^"\n]+)"?$', block, re.MULTILINE))
    assert environ["RELAY_DEV_NETWORK"] == "true"
    settings = load(
        environ,
        auth="dev",
        upstream="embedded",
        embedded_address="http://127.0.0.1:1",
        embedded_key="key",
    )
    assert settings.host == re.findall(r"RELAY_HOST=(\S+)", DOCKERFILE)[0] == "0.0.0.0"
    assert settings.port == 8080


def test_compose_itself_takes_the_file() -> None:
    docker = shutil.which("docker")
    version = [docker or "docker", "compose", "version"]
    if docker is None or subprocess.run(version, capture_output=True, check=False).returncode:
        pytest.skip(
            "no `docker compose` here: install the Compose plugin to check the file with it"
        )
    command = [docker, "compose", "-f", str(ROOT / "docker-compose.yml"), "config", "--quiet"]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=30)
    assert done.returncode == 0, done.stderr
