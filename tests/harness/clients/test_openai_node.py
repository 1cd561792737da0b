from __future__ import annotations

import json

from harness.clients import openai_node


def test_the_version_is_the_one_that_npm_is_told() -> None:
    package = json.loads((openai_node.PROJECT / "package.json").read_text(encoding="utf-8"))
    assert package["dependencies"] == {"openai": openai_node.VERSION}
    locked = json.loads((openai_node.PROJECT / "package-lock.json").read_text(encoding="utf-8"))["packages"]
    assert locked["node_modules/openai"]["version"] == openai_node.VERSION


def test_the_lock_says_what_and_not_from_where() -> None:
    assert "resolved" not in (openai_node.PROJECT / "package-lock.json").read_text(encoding="utf-8")
