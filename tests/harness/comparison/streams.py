"""Well-formed streams as they come: what hypothesis draws the streams of these tests from."""

from hypothesis import strategies as st

from harness.model import Json

Event = tuple[str, Json]


def _event(kind: str, **more: Json) -> Event:
    return kind, {"type": kind, **more}


@st.composite
def split(draw: st.DrawFn, text: str) -> list[str]:
    """The text in pieces, some of them empty."""
    cuts = sorted(draw(st.lists(st.integers(0, len(text)), max_size=3)))
    return [text[begin:end] for begin, end in zip([0, *cuts], [*cuts, len(text)], strict=True)]


@st.composite
def anthropic_stream(draw: st.DrawFn) -> tuple[list[Event], list[str]]:
    """A whole message stream, and the texts of its blocks."""
    texts = draw(st.lists(st.text(max_size=8), max_size=3))
    events = [_event("message_start", message={"id": "msg_1", "content": []})]
    for index, text in enumerate(texts):
        events.append(_event("content_block_start", index=index, content_block={"type": "text", "text": ""}))
        for piece in draw(split(text)):
            delta: Json = {"type": "text_delta", "text": piece}
            events.append(_event("content_block_delta", index=index, delta=delta))
        events.append(_event("content_block_stop", index=index))
    events += [_event("message_delta", delta={"stop_reason": "end_turn"}), _event("message_stop")]
    return events, texts


@st.composite
def openai_stream(draw: st.DrawFn) -> tuple[list[Event], list[str]]:
    """A whole chat stream, and the texts of its choices, whose chunks are mixed."""
    texts = draw(st.lists(st.text(min_size=1, max_size=8), min_size=1, max_size=3))
    queues = [
        [
            {"index": index, "delta": {"role": "assistant"}},
            *({"index": index, "delta": {"content": piece}} for piece in draw(split(text))),
            {"index": index, "delta": {}, "finish_reason": "stop"},
        ]
        for index, text in enumerate(texts)
    ]
    events: list[Event] = []
    while any(queues):
        queue = draw(st.sampled_from([queue for queue in queues if queue]))
        choice: Json = queue.pop(0)  # type: ignore[assignment]
        events.append(("", {"id": "c1", "object": "chat.completion.chunk", "model": "m", "choices": [choice]}))
    return [*events, ("", "[DONE]")], texts
