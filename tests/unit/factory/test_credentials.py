"""Profiles come and go with the configuration; a broken one costs itself only."""

from __future__ import annotations

from pathlib import Path

import pytest

from authkit import private_file, token
from autopyfactory.config.build import load
from autopyfactory.config.model import Configuration
from autopyfactory.credentials.wallet import Wallet, Wish
from autopyfactory.factory.credentials import Credentials
from autopyfactory.model.clock import SystemClock
from patience import until

QUEUES = """[DEFAULT]
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
"""


class World:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        (folder / "queues.conf").write_text(QUEUES)
        (folder / "factory.conf").write_text(
            f"[Factory]\nfactoryId = f\nbaseLogDir = {folder}\nstatedir = {folder}/state\n"
            f"queueConf = {folder}/queues.conf\nauthConf = {folder}/auth.conf\n"
        )
        self.told: list[tuple[str, str, bool]] = []
        self.wallet = Wallet()
        self.users = {"a": {"q1": "ce1.org:9619"}, "b": {"q1": "ce1.org:9619", "q2": "ce2.org:9619"}}
        self.kept = Credentials(
            self.wallet, lambda: self.users, SystemClock(), lambda *news: self.told.append(news)
        )

    def conf(self, auth: str) -> Configuration:
        (self.folder / "auth.conf").write_text(auth)
        return load([str(self.folder / "factory.conf")])

    def apply(self, auth: str) -> Configuration:
        configuration = self.conf(auth)
        self.kept.want(configuration)
        until(self._settled)
        return configuration

    def _settled(self) -> bool:
        self.kept.step()
        return self.kept.settled and all(k.tended for k in self.kept.keepers.values())

    def used(self, *names: str) -> str | None:
        return self.wallet.choose(Wish(names, "ce1.org:9619", 3600, 300), SystemClock().now()).profile


@pytest.fixture
def w(tmp_path: Path):  # type: ignore[no-untyped-def]
    world = World(tmp_path)
    yield world
    world.kept.end()


def section(name: str, file: Path) -> str:
    return f"[{name}]\nplugin = Token\ntoken.file = {file}\n"


def test_profiles_come_change_and_go(w: World) -> None:
    good, bad = private_file(w.folder / "good", token()), private_file(w.folder / "bad", token(-5))
    w.apply(section("a", bad) + section("b", good))
    assert w.used("a", "b") == "b"
    before = w.kept.keepers["b"]
    w.apply(section("a", good) + section("b", good))
    assert w.used("a", "b") == "a"
    assert w.kept.keepers["b"] is before, "what did not change goes on"
    w.apply(section("b", good))
    assert w.used("a") is None
    assert not before.finished and before.alive


def test_whose_trouble_a_credential_is_is_known_by_the_name_it_is_told_under(w: World) -> None:
    good, bad = private_file(w.folder / "good", token()), private_file(w.folder / "bad", token(-5))
    w.users = {"a": {"q1": ("ce1.org",)}, "b": {"q1": ("ce1.org",), "q2": ("ce2.org",)}}  # as the factory's
    w.apply(section("a", good) + section("b", bad))
    until(lambda: w.told)
    (name,) = {name for name, _, wrong in w.told if wrong}
    assert w.kept.queues_with(name) == ("q1", "q2")
    assert w.kept.queues_with("a") == ("q1",)
    assert w.kept.queues_with("") == w.kept.queues_with("c") == ()
    w.users["b"].pop("q1")
    assert (w.kept.troubled("q1"), w.kept.troubled("q2")) == (False, True)
    w.apply(section("a", good))
    assert w.kept.queues_with(name) == () and not w.kept.troubled("q2")


def test_a_profile_with_an_error_is_told_with_its_place_and_costs_itself_only(w: World) -> None:
    good = private_file(w.folder / "good", token())
    configuration = w.apply("[a]\nplugin = Token\n" + section("b", good))
    (problem,) = configuration.errors
    assert "flow file needs token.file" in str(problem)
    assert "auth.conf:1" in str(problem)
    assert w.used("a", "b") == "b"


def test_an_old_proxy_conf_names_no_plugin(w: World) -> None:
    configuration = w.conf("[p]\nproxyfile = /p\nrenew = False\nvorole = atlas:/atlas\nflavor = voms\n")
    assert configuration.errors == ()
    assert configuration.auth_choices["p"].name == "X509"


def test_a_file_that_is_written_again_is_noticed_while_the_thread_runs(w: World) -> None:
    file = private_file(w.folder / "t", token(-5))
    w.apply(section("a", file))
    assert w.used("a") is None
    private_file(w.folder / "new", token()).replace(file)  # it is looked at all the time: never half written
    w.kept.keepers["a"].wake()
    until(lambda: w.used("a") == "a")
    until(lambda: [bad for _, _, bad in w.told] == [True, False], "it to be told, once")
