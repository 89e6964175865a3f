"""Queues that vanish all at once are refused; those that a person takes out are not."""

from __future__ import annotations

import dataclasses

import pytest

from autopyfactory.config.model import Configuration
from autopyfactory.config.vanished import vanished
from autopyfactory.options.problem import Problem, Where
from autopyfactory.options.section import Section
from fakes import FACTORY, queue_config

URL = "https://cric.example.org/queues"


def configuration(broken: tuple[str, ...] = (), **sources: tuple[str, int]) -> Configuration:
    """Return one with queues named as the keywords, each from `(source, line)`."""
    queues = {
        name: dataclasses.replace(queue_config(name), section=Section(name, {}, Where(*where)))
        for name, where in sources.items()
    }
    error = (Problem("error", "wrong"),)
    return Configuration(FACTORY, Section("Factory"), queues, broken=dict.fromkeys(broken, error))


def several(source: str, names: str, line: int = 1) -> dict[str, tuple[str, int]]:
    return dict.fromkeys(names, (source, line))


def test_a_configuration_without_any_queue_is_refused() -> None:
    old = configuration(**several("queues.conf", "abc"))
    (problem,) = vanished(old, configuration())
    assert "no queue is left" in problem.message
    assert "3 queues would end" in problem.message
    assert problem.hint is not None and "--allow-empty" in problem.hint


def test_a_file_that_was_emptied_is_refused_and_one_that_was_deleted_is_not() -> None:
    old = configuration(**several("a.conf", "abc"), **several("b.conf", "x"))
    new = configuration(**several("b.conf", "x"))
    (problem,) = vanished(old, new, exists=lambda source: True)
    assert (str(problem.where), problem.severity) == ("a.conf", "error")
    assert "a, b, c would end" in problem.message
    assert list(vanished(old, new, exists=lambda source: False)) == []


def test_queues_that_moved_to_another_file_are_not_gone() -> None:
    old = configuration(**several("a.conf", "abc"), **several("b.conf", "x"))
    assert list(vanished(old, configuration(**several("b.conf", "abcx")), exists=lambda source: True)) == []


def test_a_queue_that_is_broken_now_is_not_gone() -> None:
    old = configuration(**several("a.conf", "ab"))
    assert list(vanished(old, configuration(("a", "b")), exists=lambda source: True)) == []


def test_one_queue_less_is_an_ordinary_change() -> None:
    old = configuration(**several("a.conf", "abc"))
    assert list(vanished(old, configuration(**several("a.conf", "a")), exists=lambda source: True)) == []


@pytest.mark.parametrize(("source", "line"), [(URL, 7), (URL, 0), ("/var/cric/queues.json", 0)])
def test_more_than_half_of_what_others_list_is_refused(source: str, line: int) -> None:
    mine = several("mine.conf", "m")
    old = configuration(**several(source, "abcd", line), **mine)
    (problem,) = vanished(old, configuration(**several(source, "a", line), **mine))
    assert "3 of its 4 queues are gone" in problem.message
    assert list(vanished(old, configuration(**several(source, "ab", line), **mine))) == [], "half may go"


@pytest.mark.parametrize(
    ("before", "after", "words"),
    [
        ("ab", "xy", "all its 2 queues have gone, and there are 2 queues of other names, x, y (renamed?): a"),
        ("a", "x", "its queue has gone, and there is 1 queue of other names, x (renamed?): a would end"),
        ("a", "rstuvwxyz", "9 queues of other names, r, s, t, u, v and 4 more (renamed?): a would end"),
    ],
)
def test_new_names_for_all_queues_of_a_file_are_refused_as_that(before: str, after: str, words: str) -> None:
    """It is not empty; but the old queues would end and leave their pilots uncounted."""
    rest = several("b.conf", "k")
    old, new = (configuration(**several("a.conf", names), **rest) for names in (before, after))
    (problem,) = vanished(old, new, exists=lambda source: True)
    assert words in problem.message and problem.message.endswith("would end")
    assert problem.hint == "if that is meant: autopyfactory reload --allow-empty"


def test_a_long_list_is_cut() -> None:
    old = configuration(**several("a.conf", "abcdefgh"), **several("b.conf", "x"))
    (problem,) = vanished(old, configuration(**several("b.conf", "x")), exists=lambda source: True)
    assert "a, b, c, d, e and 3 more would end" in problem.message


def test_a_folder_of_queues_that_is_empty_all_at_once_is_refused() -> None:
    """A file less is somebody's wish; all of them gone is a disk that is not mounted."""
    folder = FACTORY.model_copy(update={"queue_dir_conf": "/etc/q.d"})
    old = configuration(
        **several("/etc/q.d/a.conf", "ab"), **several("/etc/q.d/b.conf", "c"), x=("m.conf", 1)
    )
    old = dataclasses.replace(old, factory=folder)
    (problem,) = vanished(old, configuration(x=("m.conf", 1)), exists=lambda source: False)
    assert (str(problem.where), problem.severity) == ("/etc/q.d", "error")
    one_less = configuration(**several("/etc/q.d/a.conf", "ab"), x=("m.conf", 1))
    assert list(vanished(old, one_less, exists=lambda source: False)) == []
