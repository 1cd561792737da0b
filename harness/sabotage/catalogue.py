"""Everything that is planted."""

from __future__ import annotations

from harness.sabotage import (
    client_answers,
    client_streams,
    exact_text,
    finer_answers,
    finer_calls,
    finer_streams,
    further_routes,
    processes,
    upstream_calls,
)
from harness.sabotage.sabotage import Sabotage

ALL: tuple[Sabotage, ...] = (
    *client_answers.HEADERS,
    *client_answers.STATUS,
    *client_answers.BODIES,
    *client_answers.ENDS,
    *client_streams.EVENTS,
    *client_streams.ENDS,
    *client_streams.FRAMING,
    *client_streams.ARRIVAL,
    *upstream_calls.HEADERS,
    *upstream_calls.BODIES,
    *upstream_calls.CALLS,
    *further_routes.RESPONSES,
    *further_routes.EMBEDDINGS,
    *further_routes.COMPLETIONS,
    *further_routes.COUNTS,
    *finer_answers.HEADERS,
    *finer_answers.BODIES,
    *finer_answers.DECLARED,
    *finer_answers.CONNECTION,
    *finer_answers.TIME,
    *finer_streams.EVENTS,
    *finer_streams.ENDS,
    *finer_streams.FRAMING,
    *finer_streams.ARRIVAL,
    *finer_streams.HELD_BACK,
    *finer_streams.NOW_AND_THEN,
    *finer_calls.HEADERS,
    *finer_calls.BODIES,
    *finer_calls.CALLS,
    *exact_text.ASKED,
    *exact_text.ANSWERED,
    *finer_calls.TEMPLATES,
    *processes.ALL,
)
