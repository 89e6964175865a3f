"""Machines through HTCondor's EC2 client and the API of a service that starts none for real."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from autopyfactory.factory.factory import Factory
from autopyfactory.plugins.batchsubmit import condorec2
from autopyfactory.why.holds import kind_of
from factorybox import Box, InProcess, last
from patience import PATIENCE, until
from testbed.moto import EC2
from testbed.pool import Pool


@pytest.fixture(scope="module")
def service(place: Path) -> Iterator[EC2]:
    with EC2(place / "ec2") as one:
        yield one


def box(folder: Path, ap: Pool, service: EC2, name: str, n: int = 1, **options: str) -> Box:
    """Return a factory with one queue that starts `n` machines."""
    made = Box(folder / "f", ap, name)
    for path in (made.folder, *made.folder.parents[:2]):
        path.chmod(0o755)
    keys = {"access_key_id": "id", "secret_access_key": "secret"}
    for file in keys.values():
        ap.write_secret(made.folder / "keys" / file, "AKIATEST\n")
    more = {
        "gridresource": service.url,
        "ami_id": "ami-12c6146b",
        "instance_type": "t2.micro",
        **{key: str(made.folder / "keys" / file) for key, file in keys.items()},
        **options,
    }
    made.queue(
        "q1",
        batchsubmitplugin="CondorEC2",
        schedplugin="Ready, MaxToSubmit",
        **{"sched.maxtosubmit.maximum": str(n)},
        **{f"batchsubmit.condorec2.{key}": value for key, value in more.items()},
    )
    made.work({"q1": n})
    return made


def running(factory: Factory) -> int:
    """Return how many running pilots the queue's last cycle saw."""
    queue = factory.queues.get("q1")  # none for a moment while it restarts
    record = queue.last if queue else None
    return record.inputs.batch.running if record and record.inputs and record.inputs.batch else 0


def ids(made: Box) -> list[str]:
    """Return the ids of the machines that run, as their jobs say."""
    return [row[1].split()[-1] for row in made.ads("JobStatus", "GridJobId") if row[0] == "2"]


def machine(service: EC2, name: str) -> dict[str, Any]:
    return next(m for m in service.machines() if m["InstanceId"] == name)


def state(service: EC2, name: str) -> str:
    return str(machine(service, name)["State"]["Name"])


def tags(service: EC2, name: str) -> dict[str, str]:
    return {tag["Key"]: tag["Value"] for tag in machine(service, name).get("Tags", ())}


def test_a_machine_runs_as_asked_for_and_ends_with_its_job(tmp_path: Path, service: EC2, ap: Pool) -> None:
    asked = {"user_data": "queue=q1 $(nothing)", "tag.project": "atlas, and $(more)"}
    made = box(tmp_path, ap, service, "to-ec2", **asked)
    with InProcess(made) as factory:
        (name,) = until(lambda: ids(made), "the machine to run")
        until(lambda: running(factory) == 1, "the factory to count it")
    assert (state(service, name), machine(service, name)["InstanceType"]) == ("running", "t2.micro")
    assert tags(service, name) == {"Name": "q1", "ApfFactory": "to-ec2", "project": "atlas, and $(more)"}
    assert service.user_data(name) == "queue=q1 $(nothing)"
    ap.run("condor_rm", "-constraint", 'ApfFactory == "to-ec2"')
    until(lambda: state(service, name) == "terminated", "the machine's end")


def spot_requests(service: EC2) -> list[dict[str, Any]]:
    found = service.client.describe_spot_instance_requests()["SpotInstanceRequests"]
    return [request for request in found if request["State"] == "active"]


def test_a_spot_machine_is_asked_for_at_its_price_and_taken_back(
    tmp_path: Path, service: EC2, ap: Pool
) -> None:
    """It runs already when HTCondor first looks, which then shows it as idle; it is none that waits."""
    made = box(tmp_path, ap, service, "spot", spot_price="0.05")
    made.queues["q1"] |= {"schedplugin": "KeepNRunning", "sched.keepnrunning.keep_running": "1"}

    def there() -> str | None:
        rows = made.ads("GridJobStatus", "GridJobId")
        return next((row[1].split()[-1] for row in rows if row[0] == "running"), None)

    with InProcess(made) as factory:
        name = until(there, "the machine to run")
        assert (state(service, name), machine(service, name)["InstanceLifecycle"]) == ("running", "spot")
        (request,) = spot_requests(service)
        assert (request["InstanceId"], float(request["SpotPrice"])) == (name, 0.05)
        until(lambda: running(factory) == 1, "the factory to count it as what its service says")
        (route,) = factory.queues["q1"].parts.routes
        assert route.submit.withdraw(1, PATIENCE) == 0, "it runs"
        made.queues["q1"]["sched.keepnrunning.keep_running"] = "0"
        assert factory.reload().applied
        until(lambda: "they end by themselves" in last(factory, "q1"), "the queue to say that it is too many")
        assert state(service, name) == "running", "peacefully: nobody is killed"
        made.queues["q1"]["batchsubmit.condorec2.peaceful"] = "False"
        assert factory.reload().applied
        until(lambda: state(service, name) == "terminated", "the machine to be killed")
        until(lambda: factory.book.open("q1") == 0, "the book to know")
    assert not [r for r in spot_requests(service) if r["InstanceId"] != name]


def test_too_many_end_by_themselves_or_are_killed(tmp_path: Path, service: EC2, ap: Pool) -> None:
    made = box(tmp_path, ap, service, "retire", n=2)
    made.queues["q1"] |= {"schedplugin": "KeepNRunning", "sched.keepnrunning.keep_running": "2"}
    with InProcess(made) as factory:
        first, second = until(lambda: (found := sorted(ids(made)))[1:] and found, "two machines")
        until(lambda: running(factory) == 2, "the factory to count them")
        made.queues["q1"]["sched.keepnrunning.keep_running"] = "1"
        assert factory.reload().applied
        until(
            lambda: "they end by themselves" in last(factory, "q1"),
            "the queue to say that one is too many",
        )
        assert sorted(ids(made)) == [first, second], "peacefully: nobody is killed"
        service.client.terminate_instances(InstanceIds=[first])  # as its image does when it has no work
        until(lambda: ids(made) == [second], "the job to end with its machine")
        until(lambda: factory.book.open("q1") == 1, "the book to know")
        made.queues["q1"] |= {
            "sched.keepnrunning.keep_running": "0",
            "batchsubmit.condorec2.peaceful": "False",
        }
        assert factory.reload().applied
        until(lambda: state(service, second) == "terminated", "the other one to be killed")
        until(lambda: factory.book.open("q1") == 0, "the book to know")


def test_a_machine_that_never_joins_its_pool_is_ended(
    tmp_path: Path, service: EC2, ap: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(condorec2, "LOOK_EACH", 2.0)
    monkeypatch.setattr(condorec2, "SURE", 4.0)
    made = box(tmp_path, ap, service, "joins", n=2, **{"join.pool": ap.collector, "join.within": "60"})
    with InProcess(made):
        first, second = until(lambda: (found := sorted(ids(made)))[1:] and found, "two machines")
        ad = made.folder / "ad"
        ad.write_text(
            f'MyType = "Machine"\nTargetType = "Job"\nName = "vm@{first}"\nMachine = "{first}"\n'
            f'MyAddress = "<127.0.0.1:9>"\nStartdIpAddr = "<127.0.0.1:9>"\nState = "Unclaimed"\n'
            f'Activity = "Idle"\nEC2InstanceID = "{first}"\n'
        )
        ap.run("condor_advertise", "UPDATE_STARTD_AD", str(ad))
        until(lambda: "1" in [row[0] for row in made.ads("ApfJoined")], "it is seen in the pool")
        ap.run(
            "condor_advertise",
            "INVALIDATE_STARTD_ADS",
            "-",
            input=f'MyType = "Query"\nTargetType = "Machine"\nRequirements = EC2InstanceID == "{first}"\n',
        )
        until(lambda: state(service, second) == "terminated", "the end of the other one")
        assert state(service, first) == "running", (
            "it had joined once: what it does now is its pool's business"
        )
        assert ids(made) == [first]
    ap.run("condor_rm", "-constraint", 'ApfFactory == "joins"')


def test_keys_that_are_refused_are_told(tmp_path: Path, place: Path, ap: Pool) -> None:
    with EC2(place / "strict", strict=True) as service:
        made = box(tmp_path, ap, service, "wrong-keys")

        def held() -> list[str] | None:
            rows = made.ads("JobStatus", "HoldReason", "HoldReasonCode")
            return next((row for row in rows if row[0] == "5"), None)

        with InProcess(made):
            _, reason, code = until(held, "the machine's job to be held")
    assert "AuthFailure" in reason
    assert kind_of(reason, int(code)).code == "credential-refused"
