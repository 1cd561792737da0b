from harness.comparison.responses_message import assembled


def test_the_last_response_is_told_with_what_the_deltas_add_up_to():
    events = [
        ("", {"type": "response.created", "response": {"id": "r", "status": "in_progress"}}),
        ("", {"type": "response.output_text.delta", "output_index": 1, "delta": "Hel"}),
        ("", {"type": "response.function_call_arguments.delta", "output_index": 0, "delta": '{"a": '}),
        ("", {"type": "response.output_text.delta", "output_index": 1, "delta": "lo"}),
        ("", {"type": "response.function_call_arguments.delta", "output_index": 0, "delta": "1}"}),
        ("", {"type": "response.completed", "response": {"id": "r", "status": "completed"}}),
    ]
    assert assembled(events) == {
        "id": "r",
        "status": "completed",
        "streamed": [{"output": 0, "arguments": {"a": 1}}, {"output": 1, "text": "Hello"}],
    }


def test_without_a_response_there_is_none():
    assert assembled([("", "[DONE]"), ("", {"type": "error"})]) is None
