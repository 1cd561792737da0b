from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from harness.errors import BadInput
from harness.model import Absent, Declaration, Difference, Kind, Outcome, Verdict
from harness.verdict.declared import expired, explains, read_declarations, shadowed, unused

ENTRY = """
[[difference]]
id = "server-header"
where = "/client/*/response/headers/server"
kinds = ["missing"]
why = "Only LiteLLM's own server process names itself."
since = 2026-11-23
"""
LOST = Difference("/client/0/response/headers/server", "uvicorn", Absent.ABSENT)


def declaration(name="d", where="/client/**", kinds=frozenset({Kind.MISSING}), **more):
    return Declaration(name, where, kinds, "why", "2026-11-23", **more)


def verdict(*allowed):
    return Verdict("claude-code/plain", Outcome.ALLOWED, allowed)


def read(tmp_path, text):
    file = tmp_path / "differences.toml"
    file.write_text(text)
    return read_declarations(file)


def test_entries_are_read_in_their_order(tmp_path):
    first, second = read(tmp_path, ENTRY + ENTRY.replace("server-header", "b") + "better = true\nuntil = 2027-01-01")
    assert first == Declaration(
        "server-header",
        "/client/*/response/headers/server",
        frozenset({Kind.MISSING}),
        "Only LiteLLM's own server process names itself.",
        "2026-11-23",
    )
    assert (second.id, second.better, second.until, second.scenarios) == ("b", True, "2027-01-01", "**")


def test_a_file_without_entries_declares_nothing(tmp_path):
    assert read(tmp_path, "# nothing\n") == ()


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[[difference]\n", "is not TOML"),
        (ENTRY.replace('"missing"', '"gone"'), "difference 1 (server-header)/kinds: .*no kind 'gone'"),
        (ENTRY.replace('kinds = ["missing"]', "kinds = []"), "difference 1 (server-header)/kinds"),
        (ENTRY + "untill = 2027-01-01\n", "difference 1 (server-header)/untill"),
        (ENTRY + "until = 2026-01-01\n", "until is before since"),
        (ENTRY.replace("2026-11-23", '"soon"'), "difference 1 (server-header)/since"),
        (ENTRY.replace("/client/", "client/"), "difference 1 (server-header)/where"),
        (
            ENTRY.replace("Only LiteLLM's own server process names itself.", "because"),
            "difference 1 (server-header)/why",
        ),
        (ENTRY.replace('id = "server-header"\n', ""), "difference 1/id"),
        (ENTRY + ENTRY, "two entries are called 'server-header'"),
        ("[[diference]]\n", "diference"),
        (ENTRY + 'when = {"/status" = "1"}\n', "/when: .*begins with none of /request"),
        (ENTRY + 'when = {"/reply/status" = "("}\n', "/when: .*no regular expression"),
    ],
)
def test_a_wrong_entry_is_named_with_its_file_and_field(tmp_path, text, told):
    escaped = told.replace("(", r"\(").replace(")", r"\)")
    with pytest.raises(BadInput, match=rf"differences\.toml.*{escaped}"):
        read(tmp_path, text)


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(BadInput, match=r"nowhere\.toml: cannot be read"):
        read_declarations(tmp_path / "nowhere.toml")


@pytest.mark.parametrize(
    ("where", "path", "covered"),
    [
        ("/client/*/response/headers/x-*", "/client/0/response/headers/x-a", True),
        ("/client/*/response/headers/*", "/client/0/response/headers", False),
        ("/client/*/headers", "/client/0/response/headers", False),
        ("/client/**/headers/date", "/client/0/response/headers/date", True),
        ("**/date", "/client/0/response/headers/date", True),
        ("/client/**", "/upstream/0/request", False),
        ("/client/0/a.c", "/client/0/abc", False),
        ("/client/0/a", "/client/0/ab", False),
    ],
)
def test_one_star_stays_within_a_step_and_two_cross_steps(where, path, covered):
    assert explains(declaration(where=where), "any/thing", Difference(path, 1, Absent.ABSENT)) is covered


def test_a_declaration_holds_for_its_kinds_and_its_scenarios_only():
    assert explains(declaration(scenarios="claude-code/*"), "claude-code/plain", LOST)
    assert not explains(declaration(scenarios="pycharm/*"), "claude-code/plain", LOST)
    assert not explains(declaration(kinds=frozenset({Kind.CHANGED})), "claude-code/plain", LOST)


def test_a_declaration_that_explains_nothing_is_unused():
    used, other = declaration("used"), declaration("other", where="/effects/**")
    assert unused([used, other], [verdict((LOST, used))]) == (other,)
    assert unused([used, other], []) == (used, other)


def test_one_that_an_earlier_one_hides_is_shadowed_and_not_unused():
    broad, narrow = declaration("broad"), declaration("narrow", where=LOST.path)
    assert shadowed([broad, narrow], [verdict((LOST, broad))]) == (narrow,)
    assert unused([broad, narrow], [verdict((LOST, broad))]) == ()


def test_a_declaration_holds_until_the_end_of_its_last_day():
    ends = declaration(until="2026-11-30")
    assert expired([ends, declaration()], date(2026, 11, 30)) == ()
    assert expired([ends, declaration()], date(2026, 12, 1)) == (ends,)


STEPS = st.from_regex(r"[a-z0-9~_<> .-]{1,6}", fullmatch=True)
PATHS = st.lists(STEPS, min_size=1, max_size=5).map(lambda steps: "/" + "/".join(steps))
KINDS = st.sampled_from([(1, 2), (1, "1"), (1, Absent.ABSENT), (Absent.ABSENT, 1)])


def declared(where, kinds=frozenset(Kind), scenarios="**"):
    return Declaration("one", where, frozenset(kinds), "Because it is so.", "2026-11-23", scenarios)


@given(PATHS, PATHS, KINDS)
def test_a_path_without_stars_explains_itself_and_nothing_else(where, path, values):
    assert explains(declared(where), "a/b", Difference(path, *values)) == (where == path)


@given(PATHS, KINDS, st.data())
def test_a_star_in_the_place_of_a_step_explains_all_that_the_step_did(path, values, data):
    steps = path.split("/")
    number = data.draw(st.integers(1, len(steps) - 1))
    where = "/".join([*steps[:number], "*", *steps[number + 1 :]])
    assert explains(declared(where), "a/b", Difference(path, *values))
    assert explains(declared("/".join([*steps[:number], "**"])), "a/b", Difference(path, *values))
    assert not explains(declared(where), "a/b", Difference(f"{path}/more", *values))


@given(PATHS, KINDS, st.frozensets(st.sampled_from(list(Kind))))
def test_only_the_kinds_that_are_named_are_explained(path, values, kinds):
    difference = Difference(path, *values)
    assert explains(declared(path, kinds), "a/b", difference) == (difference.kind in kinds)


@given(STEPS, STEPS)
def test_only_the_scenarios_that_are_named_are_explained(one, other):
    difference = Difference("/client/0", 1, 2)
    assert explains(declared("**", scenarios=f"{one}/*"), f"{other}/b", difference) == (one == other)
