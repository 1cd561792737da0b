"""Run commands of the harness on configurations, one after the other: JSON, a line for each, of exit code and output.

python -m tests.harness.refused_commands CONFIG...  (with HARNESS_REPORTS)
"""

from __future__ import annotations

import json
import os
import sys

from click.testing import CliRunner

from harness.cli import main

REPORTS = f"--reports={os.environ.get('HARNESS_REPORTS', '')}"
COMMANDS = (
    ("load", REPORTS),
    ("gate", REPORTS),
    ("drill", REPORTS),
    ("record-clients", "--update", "--only=claude-code/plain-answer"),
    ("bench", REPORTS),
    ("self", REPORTS),
    ("sabotage", REPORTS),
    ("cookies", REPORTS),
    ("fuzz", REPORTS),
    ("soak", REPORTS),
    ("canary", REPORTS),
    ("leaving", REPORTS),
    ("generator", REPORTS, "--target=sdk"),
    ("shadow", "calls", REPORTS),
)

if __name__ == "__main__":
    for config in sys.argv[1:]:
        for words in COMMANDS:
            done = CliRunner(env={"HARNESS_CONFIG": config}).invoke(main, list(words))
            print(json.dumps([config, words[0], done.exit_code, done.output]), flush=True)
