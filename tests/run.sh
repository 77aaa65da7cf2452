#!/bin/sh
# What `make test` runs: formatting, lint, types, imports, then every test, side by side.
set -eu
bin=.venv/bin

PATH="$PATH:/usr/sbin" # where Debian keeps haproxy
if { ! command -v redis-server || ! command -v haproxy; } >/dev/null \
    && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "Installing redis-server and haproxy for the tests (Debian's packages) ..."
    { apt-get update -qq && apt-get install -y -qq --no-install-recommends redis-server haproxy; } \
        >/dev/null 2>&1 || echo "They could not be installed; the tests that need them will say so."
fi

if ! command -v chromium >/dev/null && ! command -v chromium-browser >/dev/null \
    && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "Installing Chromium for the browser tests (Debian's package) ..."
    { apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium; } >/dev/null 2>&1 \
        || echo "Chromium could not be installed; the browser tests will say so."
fi

status=0
echo "Checking the code ..."
$bin/ruff format --check --quiet app tests >/dev/null \
    || { echo "Formatting: run '$bin/ruff format app tests'."; status=1; }
$bin/ruff check --quiet app tests || { echo "Lint: run '$bin/ruff check --fix app tests'."; status=1; }
$bin/mypy --no-error-summary || { echo "Types: see above."; status=1; }
imports=$($bin/lint-imports --no-logo 2>&1) || { echo "$imports"; echo "Imports: see above."; status=1; }

$bin/python -m tests.harness.fetch

echo "Running the tests ..."
# Twice as many as there are cores: many tests wait for a deadline.
workers=${TEST_WORKERS:-$(($(getconf _NPROCESSORS_ONLN) * 2))}
$bin/pytest -q -n "$workers" --dist worksteal "$@" || status=$?

command -v chromium >/dev/null || command -v chromium-browser >/dev/null \
    || echo "The browser tests were skipped: 'apt-get install chromium' brings the browser."
exit $status
