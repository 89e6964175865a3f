"""Texts become typed options, or say exactly why not."""

from __future__ import annotations

import math
from typing import Annotated, ClassVar, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import AfterValidator

from autopyfactory.config.loader import parse_text
from autopyfactory.options.binding import Binder, bind
from autopyfactory.options.declare import NameList, Options, option, specs
from autopyfactory.options.describe import allowed, default_text
from autopyfactory.options.problem import Problem
from autopyfactory.options.section import Section


def explode(text: str) -> str:
    raise RuntimeError("boom")


class Everything(Options):
    prefixes: ClassVar[tuple[str, ...]] = ("x.child", "x.parent")
    count: int | None = option(None, key="count", ge=0, le=10, unit="pilots", description="How many")
    ratio: float = option(1.0, key="ratio", gt=0, description="Which part")
    flag: bool = option(False, key="flag", description="Whether")
    word: Literal["a", "b"] = option("a", key="word", description="Which")
    names: NameList = option((), key="names", legacy=("oldnames",), description="Who")
    name: str = option(key="name", pattern=r"^\w+$", description="The name")
    inherited: str | None = option(None, key="{prefix}.it", legacy=("{prefix}.was",), description="It")
    extra: dict[str, int] = option(key="{prefix}.more.*", default_factory=dict, description="More")
    phrase: int | None = option(None, key="phrase", secret=True, description="Secret number")
    wide: int = option(5, key="wide", scope="factory", description="Of the factory")


def read(**texts: str) -> Everything:
    found, problems = bind(Everything, Section.from_texts("A", {"name": "n", **texts}))
    assert problems == []
    assert found is not None
    return found


def wrong(**texts: str) -> Problem:
    found, problems = bind(Everything, Section.from_texts("A", {"name": "n", **texts}))
    assert found is None
    (problem,) = problems
    return problem


@pytest.mark.parametrize("word", ["None", "none"])
def test_the_word_none_means_not_set_for_every_type(word: str) -> None:
    got = read(count=word, ratio=word, flag=word, names=word)
    assert (got.count, got.ratio, got.flag, got.names) == (None, 1.0, False, ())


@pytest.mark.parametrize(
    ("text", "value"),
    [
        *((word, True) for word in ("1", "yes", "TRUE", "On")),
        *((word, False) for word in ("0", "No", "false", "OFF")),
    ],
)
def test_booleans(text: str, value: bool) -> None:
    assert read(flag=text).flag is value


def test_lists_are_split_at_commas_also_over_lines() -> None:
    assert read(names=" a, b ,,\nc,").names == ("a", "b", "c")


@pytest.mark.parametrize(
    ("key", "text", "message", "takes"),
    [
        ("count", "ten", "is not a whole number", "whole number, at least 0, at most 10, in pilots, or None"),
        ("count", "1.5", "is not a whole number", "whole number, at least 0, at most 10, in pilots, or None"),
        ("count", "-1", "is too small", "whole number, at least 0, at most 10, in pilots, or None"),
        ("count", "11", "is too large", "whole number, at least 0, at most 10, in pilots, or None"),
        ("count", "", "is not a whole number", "whole number, at least 0, at most 10, in pilots, or None"),
        ("ratio", "x", "is not a number", "number, more than 0"),
        ("ratio", "nan", "is not a finite number", "number, more than 0"),
        ("ratio", "inf", "is not a finite number", "number, more than 0"),
        ("flag", "maybe", "is neither true nor false", "True or False"),
        ("word", "c", "is not one of the allowed words", "one of a, b"),
        ("name", "a b", "does not have the right form", r"text, matching ^\w+$"),
    ],
)
def test_a_wrong_value_says_what_is_allowed(key: str, text: str, message: str, takes: str) -> None:
    problem = wrong(**{key: text})
    assert (problem.key, problem.value, problem.message) == (key, text, message)
    assert problem.allowed == takes


def test_a_missing_one_is_named_with_its_meaning() -> None:
    found, (problem,) = bind(Everything, Section.of("A"))
    assert found is None
    assert (problem.key, problem.message, problem.hint) == ("name", "required, but not set", "The name")


def test_all_errors_come_at_once() -> None:
    section = Section.from_texts("A", {"count": "x", "flag": "maybe", "ratio": "0"})
    assert {p.key for p in bind(Everything, section)[1]} == {"count", "flag", "ratio", "name"}


def test_the_childs_own_key_wins_over_the_parents() -> None:
    assert read(**{"x.parent.it": "p", "x.child.it": "c"}).inherited == "c"
    assert read(**{"x.parent.it": "p"}).inherited == "p"
    assert read(**{"x.parent.was": "old", "x.parent.it": "new"}).inherited == "new"
    got = read(
        **{"x.parent.more.a": "1", "x.child.more.a": "2", "x.parent.more.+b": "3", "x.child.more.": "4"}
    )
    assert got.extra == {"a": 2, "+b": 3}


def test_an_old_name_works_and_the_new_one_wins() -> None:
    assert read(oldnames="a").names == ("a",)
    assert read(oldnames="a", names="b").names == ("b",)


def test_a_wrong_member_of_a_family_is_named_in_full() -> None:
    problem = wrong(**{"x.child.more.a": "x"})
    assert (problem.key, problem.value) == ("x.child.more.a", "x")


def test_secrets_are_not_shown() -> None:
    assert wrong(phrase="hunter2").value == "***"


def test_options_of_the_factory_come_from_there() -> None:
    own, factory = Section.from_texts("A", {"name": "n", "wide": "1"}), Section.of("Factory", wide="9")
    found, _ = bind(Everything, own, factory)
    assert found is not None
    assert found.wide == 9
    _, (problem,) = bind(Everything, own, Section.of("Factory", wide="x"))
    assert problem.section == "Factory"


def test_a_reference_that_leads_nowhere_is_told_with_its_section() -> None:
    raw = parse_text("[A]\nname = %(nix)s\nhelper = %(nix)s\n")
    _, (problem,) = bind(Everything, raw.sections["A"])
    assert (problem.section, problem.key) == ("A", "name")
    assert "%(nix)s" in problem.message


def test_equal_texts_share_one_instance() -> None:
    binder = Binder()
    one, _ = binder.bind(Everything, Section.from_texts("A", {"name": "n"}))
    two, _ = binder.bind(Everything, Section.from_texts("B", {"name": "n"}))
    other, _ = binder.bind(Everything, Section.from_texts("C", {"name": "m"}))
    assert one is two
    assert other is not one


def test_a_validator_that_falls_over_is_a_problem_and_no_traceback() -> None:
    class Bad(Options):
        name: Annotated[str, AfterValidator(explode)] = option(key="name", description="")

    _, (problem,) = bind(Bad, Section.from_texts("A", {"name": "n"}))
    assert "RuntimeError: boom" in problem.message


def test_numbers_that_are_too_large_for_anything() -> None:
    assert wrong(count="9" * 10_000).message in ("is too large a number", "is not a whole number")
    assert math.isfinite(read(ratio="1e300").ratio)


def test_types_in_plain_words() -> None:
    words = {s.field: allowed(s) for s in specs(Everything)}
    assert words["names"] == "comma separated list"
    assert words["extra"] == "text"
    assert default_text(next(s for s in specs(Everything) if s.field == "ratio")) == "1.0"


def in_file(text: str) -> list[Problem]:
    section = parse_text(f"[A]\n{text}").sections["A"]
    found, problems = bind(Everything, section)
    assert found is None
    return problems


def test_a_reference_that_leads_nowhere_hides_no_other_error() -> None:
    problems = in_file("name = %(nix)s\ncount = ten\nflag = maybe\nratio = 5%\nx.child.more.a = z\n")
    assert [(p.key, str(p.where)) for p in problems] == [
        ("ratio", "<text>:5"),
        ("name", "<text>:2"),
        ("count", "<text>:3"),
        ("flag", "<text>:4"),
        ("x.child.more.a", "<text>:6"),
    ]


def test_a_required_option_with_a_bad_reference_is_not_called_missing_too() -> None:
    (problem,) = in_file("name = %(nix)s\n")
    assert "%(nix)s" in problem.message


def test_every_member_of_a_family_is_told() -> None:
    problems = in_file(
        "name = n\nx.child.more.a = %(nix)s\nx.child.more.b = 1\nx.child.more.c = 5%\nx.child.more.d = z\n"
    )
    assert sorted(str(p.key) for p in problems) == ["x.child.more.a", "x.child.more.c", "x.child.more.d"]


def test_a_bad_member_that_a_nearer_one_replaces_disturbs_nobody() -> None:
    section = parse_text("[A]\nname = n\nx.parent.more.a = %(nix)s\nx.child.more.a = 1\n").sections["A"]
    found, problems = bind(Everything, section)
    assert problems == []
    assert found is not None
    assert found.extra == {"a": 1}


def test_a_secret_is_not_shown_when_its_reference_leads_nowhere() -> None:
    (problem,) = in_file("name = n\nphrase = hunter2%(nix)s\n")
    assert problem.value == "***"
    assert "hunter2" not in str(problem)


KEYS = [
    "count",
    "ratio",
    "flag",
    "word",
    "names",
    "oldnames",
    "name",
    "x.child.it",
    "x.parent.more.a",
    "phrase",
]
VALUES = ["1", "-1", "11", "x", "", "None", "true", "a", "a,b", "%(nix)s", "5%", "nan", "9" * 5000, "\ud800"]


@given(st.dictionaries(st.sampled_from(KEYS), st.sampled_from(VALUES) | st.text(max_size=9)))
def test_each_wrong_key_is_told_as_if_it_were_alone(texts: dict[str, str]) -> None:
    """All errors at once: those of a whole section are those of its keys, each for itself."""

    def wrong_keys(given: dict[str, str]) -> set[str | None]:
        return {p.key for p in bind(Everything, Section.from_texts("A", given))[1]}

    alone = {
        key
        for key, text in texts.items()
        if wrong_keys({"name": "n", key: text}) and not (key == "oldnames" and "names" in texts)
    }
    missing = {"name"} if texts.get("name", "None") in ("None", "none") else set()
    assert wrong_keys(texts) == alone | missing


@given(st.dictionaries(st.sampled_from(KEYS), st.text(max_size=20)))
def test_any_text_is_bound_or_told_with_its_key_and_place(texts: dict[str, str]) -> None:
    found, problems = bind(Everything, Section.from_texts("A", texts))
    assert (found is None) == bool(problems)
    for problem in problems:
        assert problem.section == "A"
        assert problem.key in {*KEYS, "name"}
        assert problem.severity == "error"
        if problem.key != "phrase" and problem.value is not None:
            assert problem.where is not None


def test_sections_that_say_nothing_share_what_their_defaults_give() -> None:
    raw = parse_text("[DEFAULT]\nname = n\ncount = 3\n[A]\n[B]\nother = 1\n[C]\ncount = 4\n")

    class Plain(Options):
        name: str = option(key="name", description="")
        count: int = option(1, key="count", description="")

    binder = Binder()
    bound = {name: binder.bind(Plain, raw.sections[name])[0] for name in "ABC"}
    assert bound["A"] is bound["B"]
    assert bound["C"] is not None
    assert bound["C"].count == 4
    assert bound["A"] == bind(Plain, raw.sections["A"])[0]


def test_defaults_that_refer_to_the_section_are_not_shared() -> None:
    raw = parse_text("[DEFAULT]\nname = %(site)s\n[A]\nsite = a\n[B]\nsite = b\n")

    class Plain(Options):
        name: str = option(key="name", description="")

    binder = Binder()
    names = [found.name for s in "AB" if (found := binder.bind(Plain, raw.sections[s])[0])]
    assert names == ["a", "b"]


def test_the_same_defaults_under_another_factory_are_another_question() -> None:
    raw = parse_text("[DEFAULT]\nname = n\n[A]\n")

    class OfBoth(Options):
        name: str = option(key="name", description="")
        wide: int = option(5, key="wide", scope="factory", description="")

    binder = Binder()
    wide = [
        found.wide
        for text in ("1", "2")
        if (found := binder.bind(OfBoth, raw.sections["A"], Section.of("Factory", wide=text))[0])
    ]
    assert wide == [1, 2]


def test_instances_cannot_be_changed_and_are_equal_by_value() -> None:
    class Plain(Options):
        names: NameList = option((), key="names", description="")

    one, two = (bind(Plain, Section.from_texts("A", {"names": text}))[0] for text in ("a", " a ,"))
    assert one is not two
    assert one == two
    assert hash(one) == hash(two)
    with pytest.raises(Exception, match="frozen"):
        one.names = ()  # type: ignore[union-attr,misc]
