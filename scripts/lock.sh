#!/usr/bin/env bash
# Write the four lock files: exact versions with hashes, for every platform and Python from 3.11 on, without any address.
# Arguments (e.g. `--upgrade` or `--upgrade-package polars`) go to uv.
set -euo pipefail
cd "$(dirname "$0")/.."
command -v uv >/dev/null || { echo "make lock needs uv. Hint: pip install uv" >&2; exit 2; }

compile() { # compile OUTPUT ARGUMENTS...
    local output=$1
    shift
    uv pip compile --quiet --universal --python-version 3.11 --fork-strategy fewest --generate-hashes \
        --no-emit-index-url --no-emit-find-links --no-annotate --custom-compile-command "make lock" \
        --output-file "$output" "$@"
}

compile requirements-build.lock --group build "$@"
compile requirements.lock --extra demo --extra server pyproject.toml "$@"
compile requirements-dev.lock --extra demo --extra server --extra otel --extra gpu --extra oidc --extra s3 --extra postgres --group dev --constraint requirements.lock pyproject.toml "$@"
# What a container or a machine that serves may be told to use, in the versions that the tests run with.
compile requirements-service.lock --extra server --extra s3 --extra azure --extra gcs --extra postgres --extra otel --extra oidc --extra kafka --constraint requirements-dev.lock pyproject.toml "$@"
