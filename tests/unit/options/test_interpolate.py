"""`%(name)s`: lazily, from the section and its defaults, with limits."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autopyfactory.config.loader import parse_text
from autopyfactory.options import interpolate
from autopyfactory.options.interpolate import Values, escape, references
from autopyfactory.options.problem import ConfigError, Where
from autopyfactory.options.section import Value


def section(own: dict[str, str], **defaults: str) -> Values:
    place = Where("f", 1)
    return Values(
        {k: Value(v, place) for k, v in own.items()}, {k: Value(v, place) for k, v in defaults.items()}
    )


def failure(values: Values, key: str) -> str:
    with pytest.raises(ConfigError) as caught:
        values[key]
    (problem,) = caught.value.problems
    assert problem.key == key
    assert problem.where == Where("f", 1)
    return problem.message


def test_references_look_in_the_section_first_then_in_the_defaults() -> None:
    values = section({"k": "%(a)s-%(b)s", "a": "own"}, a="default", b="shared")
    assert values["k"].text == "own-shared"


def test_defaults_refer_to_keys_of_the_section() -> None:
    assert section({"site": "BNL"}, args="-s %(site)s")["args"].text == "-s BNL"


def test_percent_signs() -> None:
    assert section({"k": "100%% of %(n)s", "n": "5%%"})["k"].text == "100% of 5%"
    assert section({"k": escape("a%b%(c)s")})["k"].text == "a%b%(c)s"


def test_ten_levels_are_fine_and_eleven_are_not() -> None:
    chain = {f"k{i}": f"%(k{i + 1})s" for i in range(12)} | {"k12": "end"}
    values = section(chain)
    assert values["k2"].text == "end"
    assert "nested more than 10 deep" in failure(values, "k0")


def test_a_circle_is_shown() -> None:
    assert failure(section({"a": "%(b)s", "b": "%(a)s"}), "a") == "refers to itself: a -> b -> a"


def test_an_unknown_name_fails_only_those_who_use_it() -> None:
    values = section({"bad": "%(nix)s", "good": "1", "uses": "x %(bad)s"})
    assert values["good"].text == "1"
    assert len(values) == 3
    assert failure(values, "bad").startswith("refers to %(nix)s, which is set neither in this section")
    assert "(in bad)" in failure(values, "uses")


@pytest.mark.parametrize("text", ["50%", "%d", "%(open", "%(x)d", "%()s", "%%%"])
def test_single_percent_signs_are_told(text: str) -> None:
    assert "percent sign" in failure(section({"k": text, "x": "1"}), "k")


def test_references_that_multiply_end_soon() -> None:
    wide = {f"k{i}": f"%(k{i + 1})s" * 60 for i in range(9)} | {"k9": ""}
    assert "references" in failure(section(wide), "k0")
    long = {f"k{i}": f"%(k{i + 1})s" * 9 for i in range(9)} | {"k9": "x" * 1000}
    assert f"longer than {interpolate.MAX_LENGTH}" in failure(section(long), "k0")
    percent = {"k": "%(p)s" * 9000, "p": "%%" * 100}
    assert "longer than" in failure(section(percent), "k")


def test_home_is_filled_in(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", "/home/apf")
    assert section({"k": "~/logs", "l": "a~b"})["k"].text == "/home/apf/logs"
    assert section({"k": "%(h)s/x", "h": "~"})["k"].text == "/home/apf/x"
    assert section({"l": "a~b"})["l"].text == "a~b"


def test_names_referred_to() -> None:
    assert references("%(a)s %%(b)s %(c)s") == ["a", "c"]


def test_the_mapping_is_complete_and_shows_own_keys_once() -> None:
    values = section({"a": "1", "b": "2"}, b="9", c="3")
    assert list(values) == ["a", "b", "c"]
    assert len(values) == 3
    assert "c" in values
    assert "d" not in values
    assert values.get("d") is None


def test_sections_share_their_defaults() -> None:
    raw = parse_text("[DEFAULT]\na = 1\n[X]\n[Y]\nb = 2\n")
    x, y = raw.sections["X"], raw.sections["Y"]
    assert isinstance(x.values, Values)
    assert isinstance(y.values, Values)
    assert x.values.defaults is y.values.defaults
    assert x.inherited is y.inherited
    assert x.inherited == {"a"}


@given(st.text().filter(lambda text: not text.startswith("~")))
def test_what_is_escaped_comes_back_unchanged(text: str) -> None:
    assert section({"k": escape(text)})["k"].text == text
    assert section({"k": "%(x)s!", "x": escape(text)})["k"].text == f"{text}!"
    assert references(escape(text)) == [] or "%%" in escape(text)


@given(st.dictionaries(st.sampled_from("abcd"), st.text("ab%()s x", max_size=24)), st.sampled_from("abcd"))
def test_any_texts_give_a_value_or_one_clear_problem(texts: dict[str, str], key: str) -> None:
    values = section(texts)
    if key not in values:
        with pytest.raises(KeyError):
            values[key]
        return
    try:
        found = values[key]
    except ConfigError as err:
        (problem,) = err.problems
        assert problem.key == key
        assert problem.message
    else:
        assert found.where == Where("f", 1)
        assert len(found.text) <= interpolate.MAX_LENGTH


@given(st.text("abc", min_size=1, max_size=3), st.text("ab ", max_size=5), st.text("ab ", max_size=5))
def test_a_reference_is_replaced_where_it_stands(name: str, before: str, after: str) -> None:
    values = section({"k.k": f"{before}%({name})s{after}", name: "VALUE"})
    assert values["k.k"].text == f"{before}VALUE{after}"


def test_a_default_is_not_changed_by_who_uses_it() -> None:
    shared = {"args": Value("-s %(site)s", Where("d", 2))}
    one = Values({"site": Value("BNL", Where("f", 1))}, shared)
    two = Values({"site": Value("CERN", Where("f", 5))}, shared)
    assert (one["args"].text, two["args"].text) == ("-s BNL", "-s CERN")
    assert one["args"].where == Where("d", 2)  # where it was written
    assert shared["args"].text == "-s %(site)s"


def test_the_longest_value_is_still_one() -> None:
    exact = {"k": "%(x)s%(x)s", "x": "y" * (interpolate.MAX_LENGTH // 2)}
    assert len(section(exact)["k"].text) == interpolate.MAX_LENGTH
    assert "longer than" in failure(section({**exact, "k": "%(x)s%(x)sz"}), "k")


@pytest.mark.parametrize("key", ["password", "x.token", "api_key"])
def test_a_secret_is_not_shown_when_its_text_is_wrong(key: str) -> None:
    with pytest.raises(ConfigError) as caught:
        section({key: "hunter2%"})[key]
    assert "hunter2" not in str(caught.value)


def test_a_user_that_there_is_not_stays_as_it_is_written() -> None:
    assert section({"k": "~nosuchuserhere/x"})["k"].text == "~nosuchuserhere/x"
    assert section({"k": "~\0/x"})["k"].text == "~\0/x"
