"""JSON as it comes: what hypothesis draws the trees of these tests from."""

from hypothesis import strategies as st

SCALARS = st.none() | st.booleans() | st.integers(-3, 3) | st.sampled_from([0.0, 1.0, 0.5]) | st.text(max_size=3)
KEYS = st.sampled_from(["a", "b", "__c", "0", "x/y", "m~n", ""])
JSON = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4))
