#!/usr/bin/env bash
# Install the programs that tests start (a browser, Prometheus, strace ...), where that is possible without asking: as
# root, with apt. Elsewhere the tests that need one skip and say so (with CI=true they fail), so this never fails itself.
set -uo pipefail
needed=( # program:package
    chromium:chromium
    prometheus:prometheus
    prometheus-alertmanager:prometheus-alertmanager
    strace:strace
    faketime:faketime
    systemd-analyze:systemd
    java:default-jre-headless
    pg_ctlcluster:postgresql
)
missing=()
for pair in "${needed[@]}"; do
    program=${pair%%:*}
    command -v "$program" >/dev/null && continue
    [ "$program" = chromium ] && command -v chromium-browser google-chrome >/dev/null && continue
    missing+=("${pair##*:}")
done
# PyTorch is outside of the lock, whose builds would bring CUDA along, and Lightning with it, which asks for it: their
# tests skip without them, but in CI nothing may.
torch() {
    local python=.venv/bin/python
    [ "${CI:-}" = true ] && [ -x "$python" ] || return 0
    "$python" -c "import sys; from importlib.util import find_spec as f; sys.exit(not (f('torch') and f('lightning')))" && return 0
    echo "installing torch and lightning for the tests that need them ..."
    "$python" -m pip install -q --disable-pip-version-check torch==2.13.0 lightning==2.6.6 ||
        echo "torch or lightning could not be installed: tests that need them fail"
}
torch
# Azurite, an Azure blob store, is an npm package: in .peers, as the peers of the benchmarks are.
azurite() {
    command -v azurite-blob >/dev/null || [ -x .peers/azurite/node_modules/.bin/azurite-blob ] && return 0
    command -v npm >/dev/null || { echo "not here: npm, for azurite; tests that need it will skip" && return 0; }
    echo "installing azurite for the tests that need it ..."
    npm install --silent --no-fund --no-audit --prefix .peers/azurite azurite@3 >/dev/null ||
        echo "azurite could not be installed: tests that need it will skip"
}
azurite
[ ${#missing[@]} = 0 ] && exit 0
if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
    echo "not here: ${missing[*]}; tests that need them will skip"
    exit 0
fi
echo "installing ${missing[*]} for the tests that need them ..."
log=$(mktemp)
trap 'rm -f "$log"' EXIT
# RUNLEVEL=1: what is installed is started by tests, not as a service of this machine.
apt() { RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive apt-get -y -qq -o DPkg::Lock::Timeout=300 "$@" >"$log" 2>&1; }
if ! { apt update && apt install --no-install-recommends "${missing[@]}"; }; then
    tail -n 5 "$log"
    echo "${missing[*]} could not be installed: tests that need them will skip"
fi
exit 0
