"""Whatever happens to the lines of the book, its sums are theirs, nobody is counted twice or forgotten."""

from __future__ import annotations

from collections import Counter
from itertools import product

from hypothesis import given
from hypothesis import strategies as st

from autopyfactory.accounting.book import Batch, Book, bits, numbers


def batch(tag: str = "t", n: int = 3, queue: str = "q", place: str = "p", **more: object) -> Batch:
    return Batch(tag, queue, place, "ce", n, mark="mine", **more)  # type: ignore[arg-type]  # whatever a test needs


def test_an_intent_counts_until_it_is_known_not_to_be_sent() -> None:
    book = Book("mine")
    one = batch()
    book.begin(one)
    assert (book.open(), book.open("queue:q"), book.open("ce:ce"), book.open("schedd:p")) == (3, 3, 3, 3)
    assert book.unseen("q", "p", 1e9) == 3
    book.drop(one)
    assert book.totals() == {}
    assert book.given_up("t")


def test_pilots_count_one_by_one_until_they_end() -> None:
    book = Book("mine")
    one = batch()
    book.begin(one)
    book.confirm(one, "7", bits(range(3)), 10.0)
    assert book.unseen("q", "p", 9.0) == 3
    assert book.unseen("q", "p", 11.0) == 0
    assert book.end(one, bits([1])) == 1
    assert book.end(one, bits([1])) == 0, "told twice"
    assert book.end(one, bits([9])) == 0, "not ours"
    assert (book.open(), one.ended) == (2, 1)
    assert book.write_off(one, bits([0])) == 1
    assert book.found(one, bits([0])) == 1
    assert book.end(one, bits([0, 2])) == 2
    assert book.open() == 0
    assert book.knew("t") and not book.given_up("t") and book.line("t") is None
    assert book.sent["q"] == 3


def test_adopted_pilots_are_told_apart() -> None:
    book = Book("mine")
    book.begin(Batch("x", "q", "p", "", 2, mark="other", state="sent", members=6, alive=6))
    assert (book.open_at("q", "p", ours=True), book.open_at("q", "p", ours=False)) == (0, 2)
    line = book.line("x")
    assert line is not None
    assert book.extend(line, bits([0, 1])) == 1
    assert (book.open(), line.n) == (3, 3)


@given(st.sets(st.integers(0, 500)))
def test_bits_are_the_numbers(procs: set[int]) -> None:
    assert set(numbers(bits(procs))) == procs
    assert bits([-1, 10**9]) == 0


OPERATIONS = st.lists(
    st.tuples(
        st.sampled_from(["begin", "confirm", "drop", "end", "write off", "found", "settle", "extend"]),
        st.integers(0, 5),
        st.integers(0, 255),
    ),
    max_size=60,
)


@given(OPERATIONS)
def test_sums_are_those_of_the_lines(operations: list[tuple[str, int, int]]) -> None:
    book, known = Book("mine"), {}
    for what, i, procs in operations:
        tag = f"t{i}"
        one = known.get(tag)
        if what == "begin" and one is None:
            known[tag] = batch(tag, 4, f"q{i % 2}", f"p{i % 3}")
            book.begin(known[tag])
        elif one is None:
            continue
        elif what == "confirm":
            book.confirm(one, "1", bits(range(4)), float(procs))
        elif what == "drop":
            book.drop(one)
        elif what == "end":
            book.end(one, procs)
        elif what == "write off":
            book.write_off(one, procs)
        elif what == "found":
            book.found(one, procs)
        elif what == "settle" and book.line(tag):
            book.settle(one, f"p{procs % 3}", "x")
        elif what == "extend" and book.line(tag) and one.state == "sent":
            book.extend(one, procs)
        for line in known.values():
            assert line.open >= 0 and line.ended >= 0
            assert line.open + line.ended + line.lost.bit_count() == line.n
        for scope, of in (("queue", "queue"), ("schedd", "place")):
            sums = Counter[str]()
            for line in known.values():
                sums[f"{scope}:{getattr(line, of)}"] += line.open
            told = {k: v for k, v in book.totals().items() if k.startswith(scope)}
            assert told == {k: v for k, v in sums.items() if v}
        assert book.open() == sum(line.open for line in known.values())
        intents = [line for line in known.values() if line.state == "intended"]
        assert {line.tag for line in book.unresolved()} == {line.tag for line in intents}
        for place, queue in product((None, "p0", "p1", "p2"), (None, "q0", "q1")):
            wanted = {b.tag for b in intents if place in (None, b.place) and queue in (None, b.queue)}
            assert {b.tag for b in book.unresolved(place, queue)} == wanted


def test_what_is_underway_of_earlier_days_is_known_by_its_clusters() -> None:
    book = Book("m")
    for n, (tag, queue, intended) in enumerate([("a", "q", 10.0), ("b", "q", 20.0), ("c", "r", 10.0)], 1):
        one = batch(tag, queue=queue, intended=intended)
        book.begin(one)
        book.confirm(one, str(n), bits([0, 1, 2]), 1.0)
    book.begin(batch("lost", queue="r", intended=5.0))
    assert book.underway(20.0) == {"q": {"1"}, "r": {"3", ""}}
    line = book.line("a")
    assert line is not None
    book.end(line, bits([0, 1]))
    assert book.underway(20.0)["q"] == {"1"}, "one of its pilots has not ended"
    book.end(line, bits([2]))
    assert book.underway(30.0) == {"q": {"2"}, "r": {"3", ""}}


def test_a_reply_that_comes_after_all_knows_better_than_a_look_up() -> None:
    book, intent = Book("mine"), Batch("tag", "A", "s@h", "ce1", 2, mark="mine", intended=1.0)
    book.begin(intent)
    book.confirm(intent, "18", 0b11, 1.0, supposed=True)
    book.confirm(intent, "17", 0b11, 2.0)
    assert (intent.cluster, intent.open, book.sent["A"], intent.supposed) == ("17", 2, 2, False)
    book.confirm(intent, "19", 0b11, 3.0, supposed=True)
    assert intent.cluster == "17"


def test_a_reply_opens_again_what_was_closed_for_a_copy_of_it() -> None:
    book, intent = Book("mine"), Batch("tag", "A", "s@h", "ce1", 2, mark="mine", intended=1.0)
    book.begin(intent)
    book.confirm(intent, "18", 0b11, 1.0, supposed=True)
    book.end(intent, 0b11)
    assert book.line("tag") is None
    book.confirm(intent, "17", 0b11, 2.0)
    assert book.line("tag") is intent and book.cluster_of("tag") == "17"
    assert (book.open(), book.open("queue:A"), book.sent["A"]) == (2, 2, 2)
    assert book.end(intent, 0b11) == 2 and book.totals() == {}
