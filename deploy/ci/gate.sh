#!/usr/bin/env bash
# The gate on any CI: run this in a clone, keep the folder that it names. Needs Python 3.11 or newer; with Node 20, npm,
# Maven, a JDK and curl all clients are driven, without one of them its line is inconclusive.
#
#   deploy/ci/gate.sh <folder for the results> [options of the gate]
#
# Exit code: 0 READY, 1 NOT READY, 2 INCONCLUSIVE. The folder has gate.json, gate.md, junit.xml (all stages, for what shows tests),
# summary.md and parity.html (one page, to be opened as it is), whatever the verdict.
#
# GitLab:   script: [deploy/ci/gate.sh results]
#           artifacts: {when: always, paths: [results], reports: {junit: results/junit.xml}}
# Jenkins:  sh 'deploy/ci/gate.sh results'
#           post { always { junit 'results/junit.xml'; archiveArtifacts 'results/**' } }
set -uo pipefail
results="${1:?usage: deploy/ci/gate.sh <folder for the results> [options of the gate]}"
shift
mkdir -p "$results"
results="$(cd "$results" && pwd)"
cd "$(dirname "$0")/../.." || exit 2

if [ ! -x .venv/bin/nox ]; then
    python3 -m venv .venv && .venv/bin/pip install --quiet nox uv || exit 2
fi
.venv/bin/nox -s gate -- "$@"
verdict=$?

for name in gate.json gate.md junit.xml summary.md summary.json parity.html gate-load.json clients.json cookies.json; do
    if [ -f "reports/latest/$name" ]; then
        cp "reports/latest/$name" "$results/"
    fi
done
exit "$verdict"
