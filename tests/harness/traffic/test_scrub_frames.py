from __future__ import annotations

import base64
import json
import struct
from itertools import pairwise
from zlib import crc32

import pytest
from botocore.eventstream import EventStreamBuffer  # type: ignore[import-untyped]

from harness.errors import BadInput
from harness.model import Act, Cut, Headers, Reply, Request, Scenario, Send, Step
from harness.traffic.scrub import scrub
from harness.traffic.scrub_frames import _Frame

FRAMES: Headers = (("Content-Type", "application/vnd.amazon.eventstream"),)
PIECES = ['{"command": "Guaca', 'mole please", "n": 1.0, "k', '": null}']


def frame(payload: str) -> bytes:
    name, value = b":event-type", b"chunk"
    headers = bytes([len(name)]) + name + b"\x07" + struct.pack(">H", len(value)) + value
    lengths = struct.pack(">II", len(headers) + len(payload.encode()) + 16, len(headers))
    return _Frame(lengths + struct.pack(">I", crc32(lengths)) + headers, payload).encode(payload)


def invoked(piece: str) -> bytes:
    """As InvokeModelWithResponseStream has it."""
    event = {"type": "content_block_delta", "index": 0, "delta": {"type": "input_json_delta", "partial_json": piece}}
    return frame(f'{{"bytes":"{base64.b64encode(json.dumps(event).encode()).decode()}","p":"abc"}}')


def scrub_data(data: bytes, *more: Cut, accept_malformed: bool = False) -> bytes:
    borders = [*range(0, len(data), 50), len(data)]
    acts: tuple[Act, ...] = (*(Send(data[begin:end]) for begin, end in pairwise(borders)), *more)
    step = Step(Request("POST", "/"), (Reply(200, FRAMES, acts=acts),))
    scenario = Scenario("client/name", "client", "title", "scripted", (), (step,))
    (after,) = scrub([scenario], b"key", accept_malformed=accept_malformed)[0].steps[0].replies
    return b"".join(act.data for act in after.acts or () if isinstance(act, Send))


def payloads(data: bytes) -> list[dict[str, str]]:
    buffer = EventStreamBuffer()
    buffer.add_data(data)
    return [json.loads(event.payload) for event in buffer]


def test_arguments_in_frames_are_scrubbed_as_the_whole_that_they_are() -> None:
    data = b"".join(map(invoked, PIECES))
    after = scrub_data(data)
    events = [json.loads(base64.b64decode(each["bytes"])) for each in payloads(after)]
    joined = "".join(event["delta"]["partial_json"] for event in events)
    assert joined.startswith('{"command": "') and joined.endswith('", "n": 1.0, "k": null}')
    assert "Guacamole" not in joined and len(after) == len(data)


def test_other_payloads_keep_their_keys_and_lengths_and_a_frame_that_was_cut_its_size() -> None:
    payload = '{ "delta": {"text": "Guacamole"}, "contentBlockIndex": 0 }'
    data = frame(payload) + frame('{"delta": {"text": "Guacamole"}}')[:-6]
    after = scrub_data(data, Cut("fin"))
    (tree,) = payloads(after)
    assert [*tree] == ["delta", "contentBlockIndex"] and len(after) == len(data) and b"Guacamole" not in after


@pytest.mark.parametrize(
    ("data", "told"),
    [
        (b"data: {}\n\ndata: Guacamole", "byte 0 is not the beginning of a frame"),
        (invoked("{}")[:-1] + b"x", "the frame at byte 0 does not have the checksum"),
        (frame("{}") + frame("{Guacamole}"), "the payload of frame 2 is no JSON"),
    ],
)
def test_what_are_no_frames_is_refused(data: bytes, told: str) -> None:
    with pytest.raises(BadInput, match=told):
        scrub_data(data)
    assert b"Guacamole" not in scrub_data(data, accept_malformed=True)
