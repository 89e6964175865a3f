"""Which queues name a profile, at which CEs, and with which credential each sends."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

from autopyfactory.config.build import load
from autopyfactory.credentials.credential import Presented
from autopyfactory.credentials.wallet import Choice
from autopyfactory.factory.profileusers import ProfileUsers, configured_users, users_of
from fakes import FakeClock

CONFIGURED = """[DEFAULT]
enabled = True
schedplugin = Fixed
executable = /bin/true
batchsubmitplugin = CondorCE
batchsubmit.condorce.gridresource = ce1.org
[q1]
batchsubmit.condorce.auth = a, b
[q2]
batchsubmit.condorce.proxy = b
batchsubmit.condorce.gridresource = ce2.org
[off]
enabled = False
batchsubmit.condorce.auth = c
[none]
"""


class Queue:
    """A queue that names profiles, sends to CEs, and notes that it was woken."""

    def __init__(self, *profiles: str, ces: tuple[str, ...] = ("ce1",), credential: Any = None) -> None:
        options = SimpleNamespace(auth=profiles)
        self.config = SimpleNamespace(batchsubmit=SimpleNamespace(options=options))
        routes = tuple(
            SimpleNamespace(submit=SimpleNamespace(ce=ce, credential=credential or (lambda now: None)))
            for ce in ces
        )
        self.parts = SimpleNamespace(ces=ces, routes=routes)
        self.woken = 0

    def wake(self) -> None:
        self.woken += 1


def test_who_uses_what_is_known_of_queues_that_run() -> None:
    queues: Any = {"q1": Queue("a", "b"), "q2": Queue("b", ces=("ce2", "ce3")), "none": Queue()}
    assert users_of(queues) == {"a": {"q1": ("ce1",)}, "b": {"q1": ("ce1",), "q2": ("ce2", "ce3")}}


def test_it_is_looked_up_once_for_each_set_of_queues() -> None:
    queues: dict[str, Any] = {"q1": Queue("a")}
    users = ProfileUsers(lambda: queues, FakeClock())
    known = users.known()
    assert known == {"a": {"q1": ("ce1",)}}
    assert users.known() is known
    queues = {"q1": Queue("a"), "q2": Queue("a")}
    assert set(users.known()["a"]) == {"q1", "q2"}
    queues = {}
    assert users.known() == {}


def test_who_waited_for_a_profile_is_woken_and_nobody_else() -> None:
    queues: dict[str, Any] = {"q1": Queue("a", "b"), "q2": Queue("b"), "q3": Queue("c")}
    users = ProfileUsers(lambda: queues, FakeClock())
    users.wake("b")
    users.wake("of nobody")
    assert [queue.woken for queue in queues.values()] == [1, 1, 0]


def test_what_a_queue_sends_with_is_known_while_it_runs() -> None:
    chosen = Choice("prod", Presented())

    def broken(now: object) -> Choice:
        raise RuntimeError("a plugin's")

    queues: dict[str, Any] = {
        "names": Queue("prod", credential=lambda now: chosen),
        "none": Queue(),
        "broken": Queue("prod", credential=broken),
    }
    users = ProfileUsers(lambda: queues, FakeClock())
    choice = users.choice("names")
    assert choice is not None and choice.profile == "prod"
    assert [users.choice(name) for name in ("none", "broken", "gone")] == [None] * 3


def test_who_uses_what_is_known_without_a_factory(tmp_path: Path) -> None:
    (tmp_path / "queues.conf").write_text(CONFIGURED)
    (tmp_path / "auth.conf").write_text(f"[a]\nplugin = Token\ntoken.file = {tmp_path}/t\n")
    (tmp_path / "factory.conf").write_text(
        f"[Factory]\nfactoryId = f\nbaseLogDir = {tmp_path}\nstatedir = {tmp_path}/state\n"
        f"queueConf = {tmp_path}/queues.conf\nauthConf = {tmp_path}/auth.conf\n"
    )
    configuration = load([str(tmp_path / "factory.conf")])
    assert configured_users(configuration) == {
        "a": {"q1": ("ce1.org:9619",)},
        "b": {"q1": ("ce1.org:9619",), "q2": ("ce2.org:9619",)},
    }
    assert not [p for p in configuration.problems if "credential" in str(p)]
