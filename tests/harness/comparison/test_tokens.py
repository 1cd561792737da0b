import pytest

from harness.comparison.tokens import Sort, looks_generated, skeleton, sort_of, tokens


@pytest.mark.parametrize(
    ("text", "sort"),
    [
        ("chatcmpl-8f14e45f-ceea-467f-a9b1-1d2c3b4a5f60", Sort.ID),
        ("toolu_01ABCDEFGH", Sort.ID),
        ("WyJhbGciOiJIUzI1NiJd==", Sort.ID),
        ("call_qRzTbWvXkLmNpQsYd", Sort.ID),
        ("MAXIMUM_TOKENS_EXCEEDED_ERROR", Sort.WORD),
        ("12", Sort.NUMBER),
        ("-1.5e-05", Sort.NUMBER),
        ("a1b2", Sort.VARIES),
        ("12ms", Sort.VARIES),
        ("Mon, 23 Nov 2026 01:39:49 GMT", Sort.HTTP_DATE),
        ("2026-11-23T01:39:49.123456Z", Sort.ISO_DATE),
        ("2026-11-23 01:39:49", Sort.ISO_DATE),
        ("message_start", Sort.WORD),
        ("claude-sonnet-4-5", Sort.WORD),
        ("claude-sonnet-4-5-20250929", Sort.ID),
        ("1.106.2", Sort.WORD),
        ("127.0.0.1", Sort.WORD),
        ("ServiceUnavailableError", Sort.WORD),
        ("internal_server_error", Sort.WORD),
        ("<id 12>", Sort.WORD),
        ("<digits>", Sort.WORD),
    ],
)
def test_a_token_is_what_it_looks_like(text, sort):
    (token,) = tokens(text)
    assert (token.group(), sort_of(token)) == (text, sort)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("http://127.0.0.1:41234/anthropic", ["http", "127.0.0.1", "41234", "anthropic"]),
        ("call req_0123abcd.", ["call", "req_0123abcd"]),
        ("after 5. Then", ["after", "5", "Then"]),
        ('{"id":"msg_01","n":3}', ["id", "msg_01", "n", "3"]),
        ("__cf_bm=abc123; path=/", ["__cf_bm=", "abc123", "path="]),
    ],
)
def test_a_text_is_cut_where_its_values_end(text, parts):
    assert [token.group() for token in tokens(text)] == parts


def test_texts_that_say_the_same_about_other_values_have_one_skeleton():
    assert skeleton("call req_0123abcd took 5 s") == skeleton("call req_9876fedc took 17 s")
    assert skeleton("call req_0123abcd took 5 s") != skeleton("call req_0123abcd cost 5 s")


def test_a_value_with_slashes_can_be_one_generated_value_but_a_sentence_cannot():
    assert looks_generated("resp_0/abc+def/1234==")
    assert not looks_generated("no more than 12345678 tokens")
