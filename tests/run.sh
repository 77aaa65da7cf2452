#!/bin/sh
# What `make test` runs: formatting, lint, types, imports, then every test, side by side.
set -eu
bin=.venv/bin

if ! command -v chromium >/dev/null && ! command -v chromium-browser >/dev/null \
    && [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; then
    echo "Installing Chromium for the browser tests (Debian's package) ..."
    { apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium; } >/dev/null 2>&1 \
        || echo "Chromium could not be installed; the browser tests will say so."
fi

echo "Checking the code ..."
$bin/ruff format --check --quiet app tests || { echo "Not formatted: run '$bin/ruff format app tests'."; exit 1; }
$bin/ruff check --quiet app tests
$bin/mypy --no-error-summary
$bin/lint-imports --no-logo >/tmp/lint-imports.$$ 2>&1 || { cat /tmp/lint-imports.$$; rm -f /tmp/lint-imports.$$; exit 1; }
rm -f /tmp/lint-imports.$$

echo "Running the tests ..."
exec $bin/pytest -q -n "${TEST_WORKERS:-auto}" --dist worksteal "$@"
