import pytest

from autopyfactory.condor import registry
from autopyfactory.condor.errors import Suspended
from autopyfactory.condor.target import Target


@pytest.fixture(autouse=True)
def clean():
    yield
    registry.close_all()


def test_one_client_per_target():
    one = registry.client(Target("a", "b"))
    assert registry.client(Target("a", "b")) is one
    assert registry.client(Target("a", "c")) is not one
    assert set(registry.clients()) == {one, registry.client(Target("a", "c"))}


def test_a_client_starts_nothing_by_itself():
    assert registry.client(Target("a", "b")).pid is None


def test_after_closing_all_there_are_new_ones():
    old = registry.client(Target("a"))
    registry.close_all(0.1)
    assert registry.clients() == []
    assert registry.client(Target("a")) is not old
    with pytest.raises(Suspended, match="closed"):
        old.locate(deadline=1)
