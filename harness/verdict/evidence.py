"""Whether what the baseline showed in a scenario is evidence at all: a reply that was not asked for proves nothing."""

from __future__ import annotations

import json
import re
from typing import Any

from harness.model import Json, Scenario

_UNKNOWN_MODEL = re.compile(r"invalid model name passed in model=(.+?)\.(?=[\s\"]|$)", re.IGNORECASE)
_LONGEST = 160  # characters of the answer that are quoted


def missing_evidence(scenario: Scenario, baseline: Json) -> str | None:
    """Return why the baseline's tree proves nothing, or None: in some step it asked for none of the replies.

    A scenario that says why (`without_calls`) is as it is meant to be. The model that the baseline does not know is
    named where its answer is LiteLLM's (litellm/proxy/route_llm_request.py, ProxyModelNotFoundError).
    """
    unused = _object(_object(baseline).get("effects")).get("unused", [])
    # Replies are asked for in their order: where the first is left, all are.
    steps = [
        number for number, step in enumerate(scenario.steps) if step.replies and f"step {number} reply 0" in unused
    ]
    if not steps or scenario.without_calls:
        return None
    more = f" (nor for those of {len(steps) - 1} more)" if len(steps) > 1 else ""
    asked = f"no evidence: the baseline called no provider for the replies of step {steps[0]}{more}"
    return f"{asked}: {_reason(_object(_object(baseline).get('client')).get(str(steps[0])))}"


def _reason(seen: Any) -> str:
    response = _object(_object(seen).get("response"))
    if not response:
        return "it gave no answer"
    said = json.dumps(response.get("body", response.get("stream")), ensure_ascii=False)
    if unknown := _UNKNOWN_MODEL.search(said):
        return f"it does not know the model {unknown[1]!r} ({response.get('status')})"
    return f"it answered {response.get('status')}, {said if len(said) <= _LONGEST else f'{said[:_LONGEST]}…'}"


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
