#!/usr/bin/env bash
# Plays every scenario against both paths and compares; the options are those of `python -m harness parity`.
set -euo pipefail
cd "$(dirname "$0")/.."
exec "${PYTHON:-python}" -m harness parity "$@"
