import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from penstock.errors import UsageError
from pipelines.recipe.yaml_text import parse_scalar, parse_yaml


def test_scalars_mean_what_they_say() -> None:
    text = "a: no\nb: on\nc: 1:30\nd: 2024-01-01\ne: 1e-3\nf: 0x10\ng: 010\nh: 1_000\ni: true\nj:\n"
    assert parse_yaml(text, origin="r").data == {
        "a": "no", "b": "on", "c": "1:30", "d": "2024-01-01", "e": 0.001, "f": "0x10",
        "g": "010", "h": "1_000", "i": True, "j": None,
    }  # fmt: skip


def test_every_key_and_item_has_its_line() -> None:
    lines = parse_yaml("a:\n  b: 1\n  c:\n    - x\n    - d: 2\n", origin="r").lines
    assert lines[("a",)] == 1
    assert lines[("a", "b")] == 2
    assert lines[("a", "c", 0)] == 4
    assert lines[("a", "c", 1, "d")] == 5


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a: 1\nb: 2\na: 3\n", "r, line 3: not valid YAML: key 'a' is already set on line 1"),
        ("s:\n  a: 1\n  a: 1\n", "r, line 3: not valid YAML: key 'a' is already set on line 2"),
        ("a: [1, 2\nb: 3\n", "r, line 2: not valid YAML: "),
        ("a: !!python/object/apply:os.system [id]\n", "r, line 1: not valid YAML: could not deter"),
        ("a: &x 1\nb: *x\n", "r, line 2: not valid YAML: a recipe has no aliases"),
        ("a: &x [*x]\n", "r, line 1: not valid YAML: a recipe has no aliases"),
        ("a: 1\n---\nb: 2\n", "r, line 2: not valid YAML: but found another document"),
        ("\x00", "r: not valid YAML: "),
    ],
)
def test_what_is_not_a_recipe_is_named_with_its_line(text: str, message: str) -> None:
    with pytest.raises(UsageError) as error:
        parse_yaml(text, origin="r")
    assert str(error.value).startswith(message)


def test_an_empty_text_is_null() -> None:
    assert parse_yaml("# only a comment\n", origin="r").data is None


SCALARS = (
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**63)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(codec="utf-8", exclude_categories=["C"]))
)


@given(
    st.recursive(SCALARS, lambda x: st.lists(x) | st.dictionaries(st.text("abc", min_size=1), x))
)
def test_json_is_read_as_json(value: object) -> None:
    assert parse_scalar(json.dumps(value, ensure_ascii=False), origin="--set") == value
