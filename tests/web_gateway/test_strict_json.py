from __future__ import annotations

import contextlib
import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from web_gateway.strict_json import JsonError, loads

values = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**30), 10**30)
    | st.floats(allow_nan=False, allow_infinity=False) | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=5), inner, max_size=4),
    max_leaves=20,
)  # fmt: skip


@given(values)
def test_what_others_write_reads_as_it_was(value: object) -> None:
    assert loads(json.dumps(value).encode()) == value


@given(
    st.binary(max_size=200) | st.text(alphabet='{}[]",:0123456789.eE-+ntf\\u', max_size=60).map(str.encode)
)
def test_no_text_does_anything_but_read_or_be_refused(text: bytes) -> None:
    with contextlib.suppress(JsonError):
        loads(text)


@pytest.mark.parametrize(
    ("text", "path", "problem"),
    [
        (b'{"a":1,"a":2}', "a", "the key is given twice"),
        (b'{"a":[{"b":{"c":1,"c":1}}]}', "a[0].b.c", "the key is given twice"),
        (b"NaN", "", "NaN is not a JSON number"),
        (b"-Infinity", "", "-Infinity is not a JSON number"),
        (b"1e999", "", "a number beyond what a double holds"),
        (b"1" * 41, "", "a number of more than 40 digits"),
        (b'{"a":"\\ud800"}', "a", "holds half of a surrogate pair"),
        (b"\xff", "", "not UTF-8 at byte 0"),
        (b"[" * 17 + b"]" * 17, "[0]" * 16, "nested more than 16 deep"),
        (b"[" * 200_000, "", "nested more than 16 deep"),
        (b"[" + b"0," * 20_000 + b"0]", "", "more than 20000 elements"),
        (b"", "", "not JSON: expecting value at line 1 column 1"),
        (b"{} {}", "", "not JSON: extra data at line 1 column 4"),
    ],
)
def test_what_could_be_understood_in_two_ways_is_refused_with_its_place(
    text: bytes, path: str, problem: str
) -> None:
    with pytest.raises(JsonError) as refused:
        loads(text)
    assert (refused.value.path, refused.value.problem) == (path, problem)
