#!/bin/sh
# The binary proxy answers on the production port again. Options are those of `run_proxies.py rollback`.
cd "$(dirname "$0")" || exit 2
python=${PYTHON:-.venv/bin/python}
[ -x "$python" ] || python=python
exec "$python" deploy/run_proxies.py rollback "$@"
