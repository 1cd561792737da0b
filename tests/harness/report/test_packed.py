import base64
import gzip
import json

from harness.report.packed import packed, packed_details


def opened(text):
    return json.loads(gzip.decompress(base64.b64decode(text)))


def many(lines, thrift):
    return {f"s{n}": {"text": [f"{n * 7919 % 104729:x}"] * 2, "kept": thrift.text} for n in range(500)}


def test_what_is_packed_can_be_opened():
    assert opened(packed({"a": ["é", None]})) == {"a": ["é", None]}


def test_no_markup_can_be_in_it():
    assert not set(packed("</script><script>")) & set("<>&\"'")


def test_the_same_goes_in_the_same_way():
    assert packed([1, 2]) == packed([1, 2])


def test_with_room_each_scenario_is_kept_in_full():
    assert opened(packed_details(many, lambda tree: tree))["details"]["s0"]["kept"] == 240


def test_without_room_less_is_kept_of_each_and_then_only_the_first_ones():
    text = packed_details(many, lambda tree: tree, most=3000)
    kept = opened(text)["details"]
    assert len(text) <= 3000
    assert "s0" in kept and "s499" not in kept and kept["s0"]["kept"] == 40


def test_secrets_are_taken_out_before_it_is_packed():
    text = packed_details(
        lambda lines, thrift: {"a": "secret"}, lambda tree: json.loads(json.dumps(tree).replace("secret", "***"))
    )
    assert opened(text)["details"] == {"a": "***"}
