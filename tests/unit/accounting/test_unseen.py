"""What is counted for all queues at once is the sum over the queues, whatever is confirmed and forgotten."""

from hypothesis import given
from hypothesis import strategies as st

from autopyfactory.accounting.unseen import Book, Intent

QUEUES = "abc"
steps = st.lists(
    st.tuples(
        st.sampled_from(["intend", "confirm", "drop", "seen"]), st.sampled_from(QUEUES), st.integers(0, 9)
    ),
    max_size=40,
)


@given(steps, st.integers(-1, 50))
def test_the_whole_is_the_sum_of_its_parts(does: list[tuple[str, str, int]], since: int) -> None:
    book, open_, forgotten = Book(), list[Intent](), -1
    there: list[tuple[int, int]] = []  # when, how many
    for now, (what, queue, number) in enumerate(does):
        if what == "intend":
            open_.append(Intent(f"{now}", queue, "schedd", number))
            book.begin(open_[-1])
        elif what == "seen":
            forgotten = max(forgotten, now - number)
            book.seen("schedd", now - number)
        elif open_:
            intent = open_.pop()
            if what == "drop":
                book.drop(intent)
            else:
                book.confirm(intent, intent.n, now)
                there.append((now, intent.n))
    since = max(since, forgotten)  # nobody asks for what was seen
    parts = sum(book.unseen("schedd", since, queue) for queue in QUEUES)
    expected = sum(i.n for i in open_) + sum(n for at, n in there if at >= since)
    assert book.unseen("schedd", since, None) == parts == expected
    assert book.unseen("another", since, None) == 0
