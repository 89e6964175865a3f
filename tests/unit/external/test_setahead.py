"""Whether a clock may have been set ahead: by what it said, and by what others say."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

from hypothesis import given
from hypothesis import strategies as st

from autopyfactory.external.clocks import EVER, TOO_MUCH
from autopyfactory.external.setahead import ASKED, DAY, SetAhead

T = 1_800_000_000.0


@dataclass
class World:
    """A host whose clock is set, and services that tell it the time; only the latest word of them counts."""

    at: float = 0.0  # monotonic
    wrong: float = 0.0  # seconds that the host's clock is ahead
    heard: list[tuple[float, float]] = field(default_factory=list)  # when, and how far they saw us ahead

    @property
    def now(self) -> float:
        return T + self.at + self.wrong

    def ask(self) -> None:
        self.heard = [(self.at, self.wrong)]

    def ours(self, since: float = EVER) -> str:
        return "wrong" if any(at >= since and ahead > TOO_MUCH for at, ahead in self.heard) else ""

    def witnesses(self, since: float = EVER) -> tuple[str, ...]:
        return tuple("schedd" for at, _ in self.heard if at >= since)

    def judge(self, said: float | None = T) -> SetAhead:
        return SetAhead(said, self, lambda: self.at)  # type: ignore[arg-type]


def doubts(world: World, judge: SetAhead, moments: Iterable[float]) -> list[bool]:
    """Let time pass; return at each moment whether the clock is doubted."""
    found = []
    for seconds in moments:
        world.at += seconds
        found.append(bool(judge.doubt(world.now)))
    return found


def test_a_clock_that_goes_is_believed_with_and_without_services() -> None:
    world = World()
    assert doubts(world, world.judge(), [600, 600, 10 * DAY, 1]) == [False] * 4
    assert World(wrong=3 * DAY).judge(None).doubt(T) == "", "where nothing is known nothing can be lost"


def test_one_that_is_set_ahead_is_not_until_it_is_set_back() -> None:
    world = World()
    judge = world.judge()
    world.ask()
    assert not judge.doubt(world.now)
    world.wrong = 400 * DAY
    assert judge.doubt(world.now), "what was said before that is no word for it"
    world.at += ASKED + 1
    world.ask()
    assert doubts(world, judge, [0, 600, 3 * DAY]) == [True] * 3
    world.heard.clear()
    assert doubts(world, judge, [0, 600, 3 * DAY]) == [True] * 3, "nobody has taken that back"
    world.wrong = 0
    assert doubts(world, judge, [600]) == [True]
    world.ask()
    assert doubts(world, judge, [600]) == [False]


def test_after_a_holiday_somebody_says_that_it_is_so() -> None:
    world = World()
    judge = world.judge(T - 9 * DAY)
    assert "9 d ahead" in judge.doubt(world.now)
    world.at += ASKED + 1
    assert judge.doubt(world.now)
    world.ask()
    assert not judge.doubt(world.now)
    world.heard.clear()
    assert not judge.doubt(world.now), "from then on it is known"


def test_where_nobody_says_anything_a_day_is_enough_to_set_it_right() -> None:
    world = World()
    assert doubts(world, world.judge(T - 9 * DAY), [0, DAY - 1, 2, 600]) == [True, True, False, False]


STEPS = st.lists(
    st.tuples(
        st.floats(0, 7200), st.none() | st.floats(2 * DAY, 4000 * DAY) | st.just(0.0), st.booleans()
    ),
    max_size=30,
)  # fmt: skip


@given(STEPS)
def test_what_is_far_ahead_is_never_believed_while_services_answer(
    steps: list[tuple[float, float | None, bool]],
) -> None:
    """Whenever the clock is set, and whenever somebody is asked: nothing is deleted by a wrong day."""
    world = World()
    judge = world.judge()
    for seconds, wrong, asked in steps:
        world.at += seconds
        if wrong is not None:
            world.wrong = wrong
        if asked:
            world.ask()
        if world.at < DAY:  # by then somebody has answered
            assert judge.doubt(world.now) or world.wrong < DAY
