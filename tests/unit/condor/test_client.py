"""What the client checks by itself, before anything is sent."""

import pytest

from autopyfactory.condor.client import CondorClient
from autopyfactory.condor.target import Target


@pytest.fixture
def client():
    client = CondorClient(Target("ap"), command=["/nonexistent/child"])
    yield client
    assert client.pid is None
    client.close()


@pytest.mark.parametrize("count", [0, -1])
def test_a_count_that_would_mean_something_else(client, count):
    with pytest.raises(ValueError, match="cannot submit"):
        client.submit({"executable": "/bin/true"}, count, deadline=1)


def test_a_description_that_would_mean_something_else(client):
    with pytest.raises(ValueError, match="line break"):
        client.submit({"arguments": "a\nhold = true"}, 1, deadline=1)
    with pytest.raises(ValueError, match="swallow"):
        client.submit({"arguments": "a\\", "hold": "true"}, 1, deadline=1)


def test_a_reason_of_several_lines(client):
    with pytest.raises(ValueError, match="one line"):
        client.act("remove", "true", reason="a\nb", deadline=1)
