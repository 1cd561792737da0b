import json
import re

from hypothesis import given
from hypothesis import strategies as st

from harness.comparison.canonical import Canonical, canonical, canonical_pair
from harness.comparison.compare import compare
from harness.comparison.volatile import learn
from harness.model import Kind

IDS = st.integers(0, 2**64 - 1).map(lambda number: f"call-{number:020d}")


def chat(call, chunks, text="done", created=1795397000, **more):
    """A stream of chunks with these ids, after a response header with another one."""
    events = [{"event": "", "data": {"id": chunk, "created": created}} for chunk in chunks]
    stream = {"events": events, "message": {"id": chunks[0], "text": text}}
    return {"client": {"0": {"response": {"status": 200, "headers": {"x-call-id": call, **more}, "stream": stream}}}}


def learnt(one, other):
    return learn([("s", one, other)]).places("s", one)


BASELINE = chat("call-00000001", ["chatcmpl-aaa1"] * 3)
PLACES = learnt(BASELINE, chat("call-00000002", ["chatcmpl-bbb2"] * 3, created=1795397009))


def differences(candidate):
    return [(found.path, found.kind) for found in compare(*canonical_pair(BASELINE, candidate, PLACES))]


def test_the_same_value_has_the_same_name_and_another_value_another():
    seen = canonical(BASELINE, PLACES)["client"]["0"]["response"]
    assert seen["headers"]["x-call-id"] == "<id 1>"
    assert [event["data"]["id"] for event in seen["stream"]["events"]] == ["<id 2>"] * 3
    assert seen["stream"]["events"][0]["data"]["created"] == "<number>"


def test_a_candidate_with_ids_of_its_own_is_the_same():
    assert differences(chat("call-00000077", ["chatcmpl-zzz9"] * 3, created=1795397100)) == []


def test_an_id_that_is_rewritten_inconsistently_is_a_difference():
    assert differences(chat("call-00000077", ["chatcmpl-zzz9", "chatcmpl-zzz9", "chatcmpl-yyy8"])) == [
        ("/client/0/response/stream/events/2/data/id", Kind.CHANGED)
    ]


def test_what_the_baseline_says_as_well_is_no_id_of_the_candidate_s_own():
    """Where the baseline makes up an id, the candidate may pass on the provider's, which both say elsewhere."""
    baseline, candidate = chat("call-00000001", ["chatcmpl-aaa1"]), chat("prov-00000001", ["chatcmpl-zzz9"])
    for tree in (baseline, candidate):
        tree["client"]["1"] = {"response": {"status": 200, "body": {"id": "prov-00000001"}}}
    found = compare(*canonical_pair(baseline, candidate, PLACES, ({}, {})))
    assert [(each.path, each.candidate) for each in found] == [
        ("/client/0/response/headers/x-call-id", "prov-00000001")
    ]


def test_two_ids_that_become_one_are_a_difference():
    assert differences(chat("chatcmpl-zzz9", ["chatcmpl-zzz9"] * 3))


def test_a_lost_header_does_not_rename_the_ids_behind_it():
    candidate = chat("x", ["chatcmpl-zzz9"] * 3)
    del candidate["client"]["0"]["response"]["headers"]["x-call-id"]
    assert differences(candidate) == [("/client/0/response/headers/x-call-id", Kind.MISSING)]


def test_an_event_more_does_not_shift_what_is_volatile():
    assert differences(chat("call-00000077", ["chatcmpl-zzz9"] * 4, created=1795397100)) == [
        ("/client/0/response/stream/events/3", Kind.EXTRA)
    ]


def test_an_id_is_renamed_within_other_texts_too():
    baseline = chat("call-00000001", ["chatcmpl-aaa1"], text="see call-00000001 for more")
    places = learnt(baseline, chat("call-00000002", ["chatcmpl-bbb2"], text="see call-00000002 for more"))
    seen = canonical(baseline, places)["client"]["0"]["response"]["stream"]["message"]["text"]
    assert seen == "see <id 1> for more"
    wrong = chat("call-00000077", ["chatcmpl-zzz9"], text="see call-00000078 for more")
    assert compare(*canonical_pair(baseline, wrong, places))


def test_a_volatile_value_that_changes_its_type_or_its_form_differs():
    places = learnt(_body(1.5, "2026-11-23T01:00:00Z"), _body(2, "2026-11-23T01:00:09Z"))
    for number, time in [("1", "2026-11-23T01:00:00Z"), (None, "2026-11-23T01:00:00Z"), (1, "soon"), (1, "1795397000")]:
        assert len(compare(*canonical_pair(_body(1, "2026-11-23T01:00:00Z"), _body(number, time), places))) == 1
    assert not compare(*canonical_pair(_body(1, "2026-11-23T01:00:00Z"), _body(7, "2027-01-01T00:00:00Z"), places))


def test_a_port_in_a_url_is_volatile_and_the_rest_of_the_url_is_not():
    def at(url):
        return {"client": {"0": {"response": {"headers": {"x-api-base": url}}}}}

    baseline = at("http://127.0.0.1:41234/anthropic")
    places = learnt(baseline, at("http://127.0.0.1:40001/anthropic"))
    assert not compare(*canonical_pair(baseline, at("http://127.0.0.1:45555/anthropic"), places))
    assert compare(*canonical_pair(baseline, at("http://127.0.0.1:45555/openai"), places))


@given(st.lists(IDS, min_size=1, max_size=6), IDS, IDS)
def test_canonical_trees_stay_as_they_are_and_names_are_as_many_as_ids(chunks, call, other):
    tree = chat(call, chunks)
    places = learnt(tree, chat(other, [other + str(i) for i in range(len(chunks))]))
    once = canonical(tree, places)
    assert canonical(once, places) == once
    at_ids = [place for place, sorts in places.items() if "id" in json.dumps(list(sorts.values()))]
    if any("events" in place for place in at_ids):
        names = re.findall(r'"id": "(<id \d+>)"', json.dumps(once["client"]["0"]["response"]["stream"]["events"]))
        assert len(set(names)) == len(set(chunks))


@given(st.lists(st.integers(0, 3), min_size=2, max_size=6), st.permutations(range(4)))
def test_consistent_renaming_is_no_difference_and_inconsistent_renaming_is_one(pattern, shuffled):
    def stream(salt, numbers):
        return chat(f"call-{salt}0000001", [f"chatcmpl-{salt}-{n:08d}" for n in numbers])

    baseline, again = stream("a1", pattern), stream("b2", pattern)
    places = learnt(baseline, again)
    assert not compare(*canonical_pair(baseline, stream("c3", [shuffled[n] for n in pattern]), places))
    broken = [*pattern[:-1], 9]
    if pattern[-1] in pattern[:-1]:
        assert compare(*canonical_pair(baseline, stream("c3", broken), places))


def _body(number, time):
    return {"client": {"0": {"response": {"body": {"number": number, "time": time}}}}}


def test_a_time_is_volatile_as_long_as_a_clock_that_runs_could_have_told_it():
    def at(text):
        return {"client": {"0": {"response": {"headers": {"date": text}}}}}

    one, other = at("Mon, 23 Nov 2026 01:00:00 GMT"), at("Mon, 23 Nov 2026 01:00:09 GMT")
    places, clock = learnt(one, other), [1795395600.0, 1795395609.0]

    def differs(text):
        return bool(compare(*Canonical(one, places, {}, clock).beside(at(text), {})))

    assert not differs("Mon, 23 Nov 2026 01:20:00 GMT")
    assert differs("Mon, 23 Nov 2026 02:00:00 GMT")  # local time that is called GMT
    assert differs("Tue, 24 Nov 2026 01:00:00 GMT")
    assert not compare(*canonical_pair(one, at("Tue, 24 Nov 2026 01:00:00 GMT"), places))  # nothing is known of a clock


def test_a_time_that_the_baseline_did_not_read_from_its_clock_may_be_any():
    one, other = _body(1.5, "2020-01-01T00:00:00Z"), _body(2.5, "2020-01-01T00:00:09Z")
    found = Canonical(one, learnt(one, other), {}, [1795395600.0]).beside(_body(7.5, "2031-01-01T00:00:00Z"), {})
    assert not compare(*found)


TEXTS = st.sampled_from(["a-7f3a9c21", "see b-7f3a9c22 there", "plain", "é b-7f3a9c22", "2026-11-23T01:00:00Z", "x"])


@given(st.dictionaries(st.sampled_from("abc"), TEXTS | st.integers(0, 2_000_000_000), max_size=3), st.booleans())
def test_what_the_texts_of_parts_say_changes_nothing_but_the_work(body, escaped):
    """Parts in which nothing can be volatile are left out: the outcome is that of walking through all."""

    def tree(call, own):
        return {"client": {"0": {"response": {"headers": {"id": call}, "body": own}}}}

    baseline, again, other = (tree(call, {**body}) for call in ("a-7f3a9c21", "b-7f3a9c22", "b-7f3a9c22"))
    learned = learn([("a", baseline, again)])
    texts = [
        {id(one["client"]["0"]["response"]["body"]): json.dumps(body, ensure_ascii=escaped).encode()}
        for one in (baseline, other)
    ]
    places = learned.places("a", baseline)
    assert learned.places("a", baseline, texts[0]) == places
    slow = canonical_pair(baseline, other, places)
    assert canonical_pair(baseline, other, places, (texts[0], texts[1])) == slow
