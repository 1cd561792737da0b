"""Everything that is planted."""

from __future__ import annotations

from harness.sabotage import client_answers, client_streams, further_routes, processes, upstream_calls
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
    *processes.ALL,
)
