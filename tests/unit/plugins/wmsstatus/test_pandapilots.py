from hypothesis import given
from hypothesis import strategies as st

from autopyfactory.model.info import BatchQueueInfo
from autopyfactory.plugins.wmsstatus.pandapilots import Pilots

SCORE, MCORE = ("managed", "SCORE"), ("managed", "MCORE")


def pilots(score=0, mcore=0, other=0):
    it = Pilots()
    it.see(BatchQueueInfo(pending=score + mcore + other))
    it.attribute(score, SCORE)
    it.attribute(mcore, MCORE)
    return it


def test_what_was_not_ordered_counts_as_something():
    assert pilots(other=3).counts(MCORE) == {MCORE: (3, 0)}
    assert pilots(score=2, other=3).counts(SCORE) == {SCORE: (5, 0)}
    assert Pilots().counts(SCORE) == {SCORE: (0, 0)}, "a queue without pilots is reported too"


def test_pilots_that_run_at_once_are_attributed_all_the_same():
    it = Pilots()
    assert it.see(BatchQueueInfo(running=4)) == 4
    it.attribute(4, MCORE)
    assert it.counts(SCORE) == {SCORE: (0, 0), MCORE: (0, 4)}


def test_each_type_starts_in_proportion():
    it = pilots(score=10, mcore=30)
    assert it.see(BatchQueueInfo(pending=20, running=20)) == 0
    assert it.counts(SCORE) == {SCORE: (5, 5), MCORE: (15, 15)}
    assert it.see(BatchQueueInfo(pending=20, running=4)) == -16
    assert it.counts(SCORE) == {SCORE: (5, 1), MCORE: (15, 3)}


counts = st.integers(0, 60)


@given(st.lists(st.tuples(counts, counts, st.integers(0, 30), st.sampled_from([SCORE, MCORE])), max_size=20))
def test_the_parts_always_add_up_to_what_the_batch_system_says(seen):
    it = Pilots()
    before = 0
    for pending, running, n, axis in seen:
        batch = BatchQueueInfo(pending=pending, running=running)
        assert it.see(batch) == batch.active - before
        it.attribute(n, axis)
        before = batch.active
        told = it.counts(SCORE)
        assert sum(p for p, _ in told.values()) == pending
        assert sum(r for _, r in told.values()) == running
        assert all(p >= 0 and r >= 0 for p, r in told.values())
