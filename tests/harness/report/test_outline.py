from harness.report.outline import apart, cut, outline


def test_what_fits_a_line_is_on_one():
    assert outline({"a": 1, "b": [True, None]}) == ['{"a": 1, "b": [true, null]}']


def test_what_does_not_fit_has_a_line_for_each_part():
    tree = {"text": "x" * 90, "list": [{"text": "y" * 90}]}
    assert outline(tree) == ["{", f' "text": "{"x" * 90}"', f' "list": [{{"text": "{"y" * 90}"}}]', "}"]


def test_a_long_text_is_cut_and_says_how_long_it_is():
    assert cut("a" * 1200, 10).startswith('"aaaaaaaaaa… (1,200 characters, ')


def test_texts_that_part_behind_the_cut_are_not_the_same_line():
    assert cut("a" * 50 + "b", 10) != cut("a" * 50 + "c", 10)


def test_two_long_texts_are_shown_where_they_part():
    one, other = apart("a" * 500 + "one", "a" * 500 + "other", 40)
    assert "one" in one and "other" in other and one.startswith('"…') and len(one) < 80


def test_short_texts_are_shown_whole():
    assert apart("no", "yes", 40) == ('"no"', '"yes"')


def test_nothing_of_the_wire_survives_that_a_terminal_would_obey():
    assert outline("\x1b[31m") == ['"\\u001b[31m"']


def test_where_two_differ_each_thing_has_a_line_of_its_own():
    assert outline({"a": 1, "b": 2}, 80, {"a": 1, "b": 3}) == ["{", ' "a": 1', ' "b": 2', "}"]


def test_an_item_that_the_other_list_has_elsewhere_stays_on_one_line():
    assert outline([{"a": 1}], 80, [{"new": 1}, {"a": 1}]) == ["[", ' {"a": 1}', "]"]
