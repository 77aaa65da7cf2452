#!/bin/sh
# What `make bench` compares with, and what builds its load tools: Debian's packages.
set -eu
export PATH="$PATH:/usr/sbin"
for program in gcc haproxy nginx; do
    command -v $program >/dev/null && continue
    if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
        echo "$program is missing: on Debian, 'apt-get install gcc libc6-dev haproxy nginx-light'."
        exit 2
    fi
    echo "Installing $program (Debian's package) ..."
    case $program in
        gcc) package="gcc libc6-dev" ;;
        nginx) package=nginx-light ;;
        *) package=$program ;;
    esac
    { apt-get update -qq && apt-get install -y -qq --no-install-recommends $package; } >/dev/null 2>&1
done
