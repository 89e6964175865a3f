"""What a pilot carries, as text."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from autopyfactory.condor.diagnosis import diagnose
from autopyfactory.condor.target import Target
from autopyfactory.credentials.credential import Presented
from autopyfactory.credentials.wallet import Choice, Wish
from autopyfactory.options.binding import bind
from autopyfactory.options.common import FactoryOptions, QueueOptions
from autopyfactory.options.section import Section
from autopyfactory.plugins.base import QueueContext, Shared, SubmitError, SubmitUnknown
from autopyfactory.plugins.batchsubmit import condorbase
from autopyfactory.plugins.batchsubmit.condorce import CondorCE
from autopyfactory.plugins.batchsubmit.condorlocal import CondorLocal
from autopyfactory.plugins.batchsubmit.logtree import queue_folder

NOW = datetime(2026, 11, 22, 23, 59, tzinfo=UTC)


def describe(cls: type[Any], queue: str = "BNL/gw:1", **keys: str) -> dict[str, str]:
    section = Section.from_texts(queue, {k.replace("__", "."): v for k, v in keys.items()})
    options, problems = bind(cls.Options, section)
    assert options is not None, [str(p) for p in problems]
    factory = FactoryOptions(
        factory_id="site-host-admin",
        factory_user="apf",
        base_log_dir="/logs",
        base_log_dir_url="http://host:25880",
        admin_email=("a@b.c", "d@e.f"),
    )
    q = QueueOptions(
        enabled=True,
        sched=("Null",),
        batchsubmit="X",
        executable="/w.sh",
        arguments="-a '%s' -b",
        wmsqueue="W",
    )
    context = QueueContext(queue, q, factory, monitor_url="http://mon/api")
    return dict(cls(options, context).describe("tag1", NOW))


CE = {"batchsubmit__condorce__gridresource": "ce.example.org"}


@pytest.mark.parametrize(
    ("users", "group"),
    [
        ("", '"- grid - BNL/gw:1"'),
        ('+Other = "x"', '"- grid - BNL/gw:1"'),
        ("Universe = vanilla", '"- here - BNL/gw:1"'),
        ("universe = 9", '"- grid - BNL/gw:1"'),
        ('+MATCH_APF_QUEUE = "another"', None),
        ('my.Match_APF_queue = "another"', None),
        ('+apfce = "x"', None),
        ("universe = $(U)", None),
        ("+JobUniverse = 5", None),
        ('MY.ApfGroup = "theirs"', None),
    ],
)
def test_what_pilots_are_counted_by_says_what_their_other_attributes_say(
    users: str, group: str | None
) -> None:
    assert describe(CondorCE, **CE, batchsubmit__condorce__condor_attributes=users).get("+ApfGroup") == group
    local = describe(CondorLocal)
    assert local["+ApfGroup"] == '"- here - BNL/gw:1"'


def test_htcondor_ce() -> None:
    d = describe(CondorCE, **CE)
    assert d["universe"] == "grid"
    assert d["grid_resource"] == "condor ce.example.org ce.example.org:9619"
    assert d["+TransferOutput"] == '""'
    assert "+Nonessential" not in d  # a refused pilot must be held, with its reason, not vanish
    assert d["+MATCH_APF_QUEUE"] == d["+APF_QUEUE"] == '"BNL/gw:1"'
    assert d["+ApfFactory"] == '"site-host-admin"'
    assert d["+ApfSubmission"] == '"tag1"'
    base = "http://host:25880/2026-11-22/BNL_gw_1/$(Cluster).$(Process)"
    assert d["+APF_LOGURL"] == f'"{base}.log"'
    assert d["+APF_OUTURL"] == f'"{base}.out"'
    assert d["+APF_ERRURL"] == f'"{base}.err"'
    assert d["+FACTORY_JOBID"].endswith('#$(Cluster).$(Process)"')
    assert d["output"] == "/logs/2026-11-22/BNL_gw_1/$(Cluster).$(Process).out"
    assert d["executable"] == "/w.sh"
    assert d["arguments"] == "-a '%s' -b"
    assert d["notify_user"] == "a@b.c,d@e.f"
    words = d["environment"].strip('"').split()
    assert "PANDA_JSID=site-host-admin" in words
    assert "APFFID=site-host-admin" in words
    assert "APFCID=$(Cluster).$(Process)" in words
    assert "APFMON=http://mon/api" in words
    assert "FACTORYQUEUE=BNL/gw:1" in words
    assert "FACTORYUSER=apf" in words
    assert f"GTAG={base}.out" in words
    assert any(w.startswith("FACTORY_JOBID=") and w.endswith("#$(Cluster).$(Process)") for w in words)


def test_local_pool() -> None:
    d = describe(CondorLocal)
    assert (d["universe"], d["should_transfer_files"]) == ("vanilla", "IF_NEEDED")
    assert "grid_resource" not in d


@pytest.mark.parametrize("prefix", ["condorosgce", "condorce", "condorgrid", "condorbase"])
def test_any_prefix_of_the_family_works(prefix: str) -> None:
    d = describe(CondorCE, **CE, **{f"batchsubmit__{prefix}__environ": "X=1"})
    assert d["environment"].endswith(' X=1"')


def test_the_childs_own_key_wins() -> None:
    d = describe(
        CondorCE, **CE, batchsubmit__condorbase__environ="X=base", batchsubmit__condorce__environ="X=ce"
    )
    assert d["environment"].endswith(' X=ce"')


def test_port_schedd_and_full_address() -> None:
    d = describe(CondorCE, **CE, batchsubmit__condorce__port="1234", batchsubmit__condorce__schedd="s@x")
    assert d["grid_resource"] == "condor s@x ce.example.org:1234"
    d = describe(CondorCE, batchsubmit__condorce__gridresource="h:77")
    assert d["grid_resource"] == "condor h h:77"


def test_users_attributes_come_last_and_win() -> None:
    d = describe(
        CondorCE,
        **CE,
        **{
            "batchsubmit.condorce.condor_attributes": r"Grid_resource = condor a b, +x = f(1\,2)",
            "batchsubmit.condorce.condor_attributes.+y": "a,b",
        },
    )
    assert d["Grid_resource"] == "condor a b"
    assert "grid_resource" not in d
    assert (d["+x"], d["+y"]) == ("f(1,2)", "a,b")


@pytest.mark.parametrize("value", ["a\nqueue 99", "a\rb"])
def test_a_line_break_cannot_add_commands(value: str) -> None:
    section = Section.from_texts("q", {"batchsubmit.condorlocal.environ": value})
    options, problems = bind(CondorLocal.Options, section)
    assert options is None
    assert "line break" in problems[0].message


@pytest.mark.parametrize(
    ("queue", "folder"),
    [("a/b:c", "a_b_c"), ("..", "_."), (".hidden", "_hidden"), ("Ünïcode 1", "Ünïcode 1"), ("a\x01b", "a_b")],
)
def test_a_queues_folder_stays_in_the_tree(queue: str, folder: str) -> None:
    assert queue_folder(queue) == folder


NASTY = [
    "$ENV(HOME)",
    "$(HOME)",
    "$SUBSTR(x,0)",
    "$RANDOM_CHOICE(a,b)",
    "a\\",
    "$$(Arch)",
    "@@pilot-id@@",
    "x" * 300,
]


@pytest.mark.parametrize("queue", NASTY)
def test_the_name_of_a_queue_expands_nowhere(queue: str) -> None:
    if "$$(" in queue:  # no attribute can hold it: nothing is sent, and check says so
        with pytest.raises(ValueError, match="cannot hold"):
            describe(CondorCE, queue=queue, **CE)
        return
    d = describe(CondorCE, queue=queue, **CE)
    folder = queue_folder(queue)
    for key in ("output", "error", "log"):
        assert d[key].startswith("/logs/2026-11-22/")
        assert d[key].count("$(Cluster).$(Process)") == 1
        left = d[key]
        for known in ("$(Cluster).$(Process)", "$$(DOLLARDOLLAR)", "$(DOLLAR)"):
            left = left.replace(known, "")
        assert "$ENV(" not in left and "$(" not in left and "$SUBSTR(" not in left and "$RANDOM" not in left
    assert len(folder.encode()) <= 255
    if "@@" in queue:
        assert queue in d["+APF_QUEUE"] and "@@pilot-id@@" in d["output"]


def test_the_mark_of_a_pilots_id_is_nobodys_text() -> None:
    with pytest.raises(ValueError, match="non-character"):
        describe(CondorCE, queue="a\ufdd0\ufdd1", **CE)


@pytest.mark.parametrize("host", ["$(HOME)", "$ENV(X).example.org", "a,b", "h:99999", "h/jobmanager-pbs"])
def test_the_name_of_a_ce_expands_nowhere(host: str) -> None:
    _, problems = bind(CondorCE.Options, Section.from_texts("q", {"batchsubmit.condorce.gridresource": host}))
    assert problems


def test_long_names_that_begin_alike_have_folders_of_their_own() -> None:
    assert queue_folder("q" * 300) != queue_folder("q" * 299 + "r")


class OneProfile:
    """A wallet with one credential of each kind, valid for 1000 s."""

    def __init__(self) -> None:
        self.wishes: list[Wish] = []
        self.valid = True
        self.file = "/t"

    def choose(self, wish: Wish, now: datetime) -> Choice:
        self.wishes.append(wish)
        if not self.valid:
            return Choice(passed=("p: expired",))
        return Choice("p", Presented({"scitokens_file": self.file}), None, ())


def with_profiles(wallet: OneProfile, wall: int = 0, logs: str = "/logs", **keys: str) -> CondorCE:
    keys = {"batchsubmit.condorce.gridresource": "ce.org", "batchsubmit.condorce.auth": "p, q", **keys}
    options, problems = bind(CondorCE.Options, Section.from_texts("q", keys))
    assert options is not None, problems
    queue = QueueOptions(
        enabled=True, sched=("Null",), batchsubmit="X", executable="/w.sh", wall_minutes=wall
    )
    shared = Shared(wallet=wallet)  # type: ignore[arg-type]
    factory = FactoryOptions(factory_id="f", base_log_dir=logs)
    return CondorCE(options, QueueContext("q", queue, factory, shared=shared))


def test_pilots_say_how_long_they_may_run() -> None:
    assert with_profiles(OneProfile(), wall=90).describe("t", NOW)["+ApfWallMinutes"] == "90"
    assert "+ApfWallMinutes" not in with_profiles(OneProfile()).describe("t", NOW)


def test_pilots_are_sent_with_the_credential_that_is_chosen() -> None:
    wallet = OneProfile()
    queue = with_profiles(wallet, wall=90)
    assert queue.describe("t", NOW)["scitokens_file"] == "/t"
    assert wallet.wishes[0] == Wish(("p", "q"), "ce.org:9619", 5400.0, 300.0)
    with_profiles(wallet, **{"batchsubmit.condorce.auth.minlife": "60"}).describe("t", NOW)
    assert (wallet.wishes[-1].pilot_life, wallet.wishes[-1].token_life) == (60.0, 60.0)
    keys = {"batchsubmit.condorce.gridresource": "ce.org", "batchsubmit.condorgrid.proxy": "p"}
    old, _ = bind(CondorCE.Options, Section.from_texts("q", keys))
    assert old is not None
    assert old.auth == ("p",), "2.4's name"
    assert "scitokens_file" not in describe(CondorCE, batchsubmit__condorce__gridresource="ce.org")


def test_only_what_has_changed_differs_from_one_description_to_the_next() -> None:
    wallet = OneProfile()
    queue = with_profiles(wallet)
    first = queue.describe("t1", NOW)

    def changed(tag: str, now: datetime) -> set[str]:
        later = queue.describe(tag, now)
        assert list(later) == list(first)
        return {key for key in first if first[key] != later[key]}

    assert changed("t1", NOW) == set()
    assert changed("t2", NOW) == {"+ApfSubmission"}
    assert changed("t1", NOW + timedelta(days=1)) == {"output", "error", "log", "environment"}
    wallet.file = "/other"
    assert changed("t1", NOW) == {"scitokens_file"}
    wallet.file = "/t"
    assert queue.describe("t1", NOW) == first
    other = with_profiles(wallet, **{"batchsubmit.condorce.condor_attributes.+ApfSubmission": '"theirs"'})
    assert other.describe("t1", NOW)["+ApfSubmission"] == '"theirs"'


def test_nothing_is_submitted_once_no_credential_is_valid() -> None:
    """Also when it was when the cycle began."""
    wallet = OneProfile()
    wallet.valid = False
    with pytest.raises(SubmitError, match="no valid credential: p: expired"):
        with_profiles(wallet).submit(1, "t", 5)


NO_METHOD = "AUTHENTICATE:1003:Failed to authenticate with any method"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (f"Failed to connect to schedd, errmsg={NO_METHOD}", SubmitError),
        ("Failed to create new cluster, errmsg=SECMAN:2010:Received \"DENIED\" from server", SubmitError),
        ("Unable to commit transaction: ", SubmitUnknown),  # and nothing but such a thing
    ],
)
def test_who_is_not_let_in_by_the_schedd_has_sent_nothing_for_certain(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, text: str, told: type[Exception]
) -> None:
    """An authentication that fails is no outcome that is not known, which would have to be looked up."""
    plugin = with_profiles(OneProfile(), logs=str(tmp_path))
    error = diagnose("HTCondorException", text, [], Target("ap", "pool"))

    def refuse(*args: Any, **kwargs: Any) -> None:
        raise error

    monkeypatch.setattr(condorbase, "client", lambda target: SimpleNamespace(submit=refuse))
    with pytest.raises(told) as caught:
        plugin.submit(1, "t", 5)
    assert text.strip(": ") in str(caught.value)
