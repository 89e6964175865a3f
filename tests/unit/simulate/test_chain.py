"""Queues of a configuration, as the simulator takes them."""

from __future__ import annotations

from autopyfactory.simulate import chain


def test_a_queue_from_texts_has_its_options():
    queue = chain.from_texts({"schedplugin": "Ready,MaxCores", "pilot.cores": "8"})
    assert [rule.name for rule in queue.chain] == ["Ready", "MaxCores"]
    assert queue.options.cores == 8
    assert ("sched.maxcores.maximum", "None") in list(queue.settings(queue.chain[1]))
