"""Counts, queries, history and locating against a real schedd; condor_q is the independent witness."""

from collections import Counter
from pathlib import Path

import pytest

from autopyfactory.condor.client import CondorClient
from autopyfactory.condor.errors import Unreachable
from autopyfactory.condor.quoting import attr, constraint_string
from autopyfactory.condor.target import Target
from patience import PATIENCE, until
from testbed.pool import Pool

DEADLINE = PATIENCE
QUEUES = ["plain", "with space", 'quo"te', "back\\slash", "dollar$(X)", "ünïcode ✓", None]


@pytest.fixture(scope="module")
def client(ap: Pool):
    client = CondorClient(Target(ap.schedd, ap.collector))
    yield client
    client.close()


@pytest.fixture(scope="module", autouse=True)
def jobs(client: CondorClient):
    """A few hundred jobs of two factories in several queues and states."""
    for factory in ("f1", "f2"):
        for number, queue in enumerate(QUEUES):
            for held in (False, True):
                description = {
                    "executable": "/bin/true",
                    "initialdir": "/",
                    "hold": str(held).lower(),
                    "My.ApfFactory": attr(factory),
                }
                if queue is not None:
                    description["My.MATCH_APF_QUEUE"] = attr(queue)
                client.submit(description, number + 1 + held, deadline=DEADLINE)


def tally(ap: Pool, *attributes: str, constraint: str = "true") -> Counter:
    """Every job listed by condor_q and counted here."""
    out = ap.run_client("condor_q", "-all", "-constraint", constraint, "-af:j", *(f"{a}" for a in attributes))
    return Counter(line.split(" ", 1)[1] for line in out.stdout.splitlines())


def as_text(value):
    return "undefined" if value is None else str(value)


def counted(rows, *attributes: str) -> Counter:
    texts = [" ".join(as_text(row[a]) for a in attributes) for row in rows]
    assert len(set(texts)) == len(texts), "each combination once"
    return Counter({text: row["JobCount"] for text, row in zip(texts, rows, strict=True)})


def test_counts_equal_a_full_tally(ap, client):
    rows = client.counts(["MATCH_APF_QUEUE", "JobStatus"], "true", deadline=DEADLINE)
    assert counted(rows, "MATCH_APF_QUEUE", "JobStatus") == tally(ap, "MATCH_APF_QUEUE", "JobStatus")
    assert {row["MATCH_APF_QUEUE"] for row in rows} == set(QUEUES)


def test_an_attribute_may_be_counted_by_twice(client):
    """As with `wmsstatus.condor.queueskey = JobStatus`."""
    twice = client.counts(["JobStatus", "JobStatus"], "true", deadline=DEADLINE)
    assert twice == client.counts(["JobStatus"], "true", deadline=DEADLINE)
    assert twice


@pytest.mark.parametrize(
    "constraint",
    [
        'ApfFactory == "f1"',
        'ApfFactory == "f1" && JobStatus == 5',
        "MY.ApfFactory =!= undefined && ProcId < 2",
        'JobUniverse == 5 && (ApfFactory == "f2" || HoldReasonCode =?= 15)',
        "MATCH_APF_QUEUE =?= undefined",
        'ApfFactory == "nobody"',
        'split(ApfFactory, ",")[0] == "f1"',  # errors, where the attribute is missing
        'member("f2", split(ApfFactory))',
        "floor(ProcId) > 1",
        "quantize(ProcId, 2) > 1",
        'eval("ProcId > 1")',
    ],
)
def test_counts_with_a_constraint_on_other_attributes(ap, client, constraint):
    expected = tally(ap, "MATCH_APF_QUEUE", "JobStatus", constraint=constraint)
    rows = client.counts(["MATCH_APF_QUEUE", "JobStatus"], constraint, deadline=DEADLINE)
    assert counted(rows, "MATCH_APF_QUEUE", "JobStatus") == expected
    assert bool(expected) == ("nobody" not in constraint)


@pytest.mark.parametrize("number", [0, 1, 2, 4, 5])
def test_a_queues_name_is_found_by_its_quoted_text(client, number):
    constraint = f"MATCH_APF_QUEUE == {constraint_string(QUEUES[number])}"
    (row,) = client.counts(["MATCH_APF_QUEUE"], constraint, deadline=DEADLINE)
    assert row == {"MATCH_APF_QUEUE": QUEUES[number], "JobCount": 2 * (2 * number + 3)}


def test_names_come_back_as_asked_and_missing_is_none(client):
    (row, *_) = client.counts(["jobSTATUS", "NoSuchThing"], "true", deadline=DEADLINE)
    assert set(row) == {"jobSTATUS", "NoSuchThing", "JobCount"}
    assert row["NoSuchThing"] is None


def test_query(ap, client):
    names = ["ClusterId", "ProcId", "MATCH_APF_QUEUE", "Requirements", "Nothing"]
    rows = client.query('ApfFactory == "f1"', names, deadline=DEADLINE)
    assert len(rows) == sum(tally(ap, "ClusterId", constraint='ApfFactory == "f1"').values())
    assert all(list(row) == names and row["Nothing"] is None for row in rows)
    assert all("TARGET.Arch" in row["Requirements"] for row in rows)
    assert len(client.query("true", ["ClusterId"], limit=3, deadline=DEADLINE)) == 3
    assert len(client.query("true", [], limit=1, deadline=DEADLINE)[0]) > 50


def test_a_constraint_that_is_none_is_the_callers_mistake(client):
    for call in (client.query, client.counts):
        with pytest.raises(ValueError, match="not a ClassAd expression"):
            call("a &&", ["ClusterId"], deadline=DEADLINE) if call == client.query else call(
                ["ClusterId"], "a &&", deadline=DEADLINE
            )


def test_history(ap, client):
    done = client.submit({"executable": "/bin/true", "initialdir": "/", "+Past": "1"}, 5, deadline=DEADLINE)
    client.act("remove", f"ClusterId == {done.cluster}", reason="tested", deadline=DEADLINE)
    until(lambda: len(past(client)) == 5, "five jobs in the history")
    rows = past(client)
    assert {row["ProcId"] for row in rows} == set(range(5))
    assert all(row["JobStatus"] == 3 and row["RemoveReason"].startswith("tested") for row in rows)
    assert len(past(client, limit=2)) == 2
    last = rows[0]
    assert past(client, since=f"{last['ClusterId']}.{last['ProcId']}") == []
    assert len(past(client, since="ProcId == 0")) < 5
    assert len(past(client, since="EnteredCurrentStatus < 1")) == 5
    assert past(client, since=f"EnteredCurrentStatus < {2**31}") == []


def past(client, limit=100, since=None):
    names = ["ClusterId", "ProcId", "JobStatus", "RemoveReason"]
    return client.history("Past == 1", names, limit=limit, since=since, deadline=DEADLINE)


class TestLocating:
    def test_by_name(self, ap, client):
        found = client.locate(deadline=DEADLINE)
        assert found["Name"] == ap.schedd
        assert found["MyAddress"].startswith("<127.0.0.1:")
        assert found["version"].count(".") == 2
        assert found["version"] in found["CondorVersion"]

    def test_an_unknown_name_is_never_the_local_schedd(self, ap):
        client = CondorClient(Target("nobody@", ap.collector, local(ap)))
        for call in (client.locate, client.ping):
            with pytest.raises(Unreachable, match="knows no schedd named 'nobody@'"):
                call(deadline=DEADLINE)
        with pytest.raises(Unreachable, match="nobody@"):
            client.submit({"executable": "/bin/true"}, 1, deadline=DEADLINE)
        client.close()

    def test_the_collectors_only_schedd_needs_no_name(self, ap):
        client = CondorClient(Target(None, ap.collector))
        assert client.locate(deadline=DEADLINE)["Name"] == ap.schedd
        client.close()

    def test_the_configured_collectors_only_schedd_needs_nothing(self, ap):
        client = CondorClient(Target(settings=(("COLLECTOR_HOST", ap.collector),)))
        assert client.locate(deadline=DEADLINE)["Name"] == ap.schedd
        assert client.counts(["JobStatus"], "true", deadline=DEADLINE)
        client.close()

    def test_the_local_schedd_by_its_address_file(self, ap):
        client = CondorClient(Target(settings=(*local(ap), ("COLLECTOR_HOST", "127.0.0.1:1"))))
        assert client.counts(["JobStatus"], "true", deadline=DEADLINE)
        assert client.ping(deadline=DEADLINE).method == "FS"
        client.close()

    def test_among_several_none_is_chosen(self, ap, place):
        ad = Path(place) / "other_schedd"
        ad.write_text('MyType = "Scheduler"\nName = "ap2@"\nMyAddress = "<127.0.0.1:1>"\nMachine = "m"\n')
        ad.chmod(0o644)
        ap.run("condor_advertise", "UPDATE_SCHEDD_AD", ad)
        until(lambda: "ap2@" in ap.run("condor_status", "-schedd", "-af", "Name").stdout, "the other schedd")
        try:
            client = CondorClient(Target(None, ap.collector))
            several = rf"several schedds, name one of them: ap2@, {ap.schedd}"
            with pytest.raises(Unreachable, match=several):
                client.locate(deadline=DEADLINE)
            client.close()
            named = CondorClient(Target(ap.schedd, ap.collector))
            assert named.locate(deadline=DEADLINE)["Name"] == ap.schedd
            named.close()
        finally:
            ad.write_text('MyType = "Query"\nTargetType = "Scheduler"\nRequirements = Name == "ap2@"\n')
            ap.run("condor_advertise", "INVALIDATE_SCHEDD_ADS", ad)

    def test_nobody_listens(self):
        client = CondorClient(Target("x", "127.0.0.1:1"))
        with pytest.raises(Unreachable, match="Connection refused"):
            client.locate(deadline=DEADLINE)
        client.close()

    def test_a_collector_that_cannot_be_resolved(self):
        client = CondorClient(Target("x", "no-such-host.invalid"))
        with pytest.raises(Unreachable, match=r"no-such-host\.invalid"):
            client.locate(deadline=DEADLINE)
        client.close()


def local(pool: Pool) -> tuple[tuple[str, str], ...]:
    file = Path(pool.directory) / "spool/.schedd_address"
    assert file.exists()
    return (("SCHEDD_ADDRESS_FILE", str(file)), ("SCHEDD_SUPER_ADDRESS_FILE", str(file)))
