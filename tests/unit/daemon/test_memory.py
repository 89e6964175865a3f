"""After `settle` the garbage of the start is gone, later garbage is found, and it may be called again."""

import gc
import weakref

import pytest

from autopyfactory.daemon.memory import OFTEN, settle


class Ring:
    def __init__(self) -> None:
        self.itself = self


@pytest.fixture(autouse=True)
def thawed():
    before = gc.get_threshold()
    yield
    gc.unfreeze()
    gc.set_threshold(*before)


def test_garbage_is_collected_before_and_after() -> None:
    ring = weakref.ref(Ring())
    settle()
    assert ring() is None
    assert gc.get_freeze_count() > 1000
    ring = weakref.ref(Ring())
    gc.collect()
    assert ring() is None


def test_later_garbage_is_found_without_asking_however_rarely_that_is() -> None:
    settle()
    ring = weakref.ref(Ring())
    kept = []
    for _ in range(2 * OFTEN):
        if ring() is None:
            return
        kept.append([])
    raise AssertionError("nobody has looked for it")


def test_what_was_set_aside_is_collected_next_time() -> None:
    ring = Ring()
    settle()
    gone = weakref.ref(ring)
    del ring
    gc.collect()
    assert gone() is not None
    settle()
    assert gone() is None


def test_where_there_is_no_glibc(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ctypes.CDLL", lambda _: object())
    settle()
