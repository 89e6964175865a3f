"""Counts as files and programs write them."""

from autopyfactory.plugins.wmsstatus.counts import parse


def test_many_queues_are_read_at_once(tmp_path):
    text = "".join(f"Q{i} ready {i}\nQ{i} running 1\n" for i in range(10_000))
    assert parse(text)["Q9999"] == {"ready": 9999, "running": 1}
