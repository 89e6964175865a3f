"""Machines through HTCondor's EC2 client and the API of a service that starts none for real."""

from __future__ import annotations

from pathlib import Path

import pytest

from autopyfactory.factory.factory import Factory
from autopyfactory.why.holds import kind_of
from factorybox import Box, InProcess
from patience import until
from sitekit import looked_at, step
from testbed.moto import EC2
from testbed.pool import Pool


def box(folder: Path, ap: Pool, service: EC2, name: str, **options: str) -> Box:
    """Return a factory with one queue that starts one machine."""
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
        **{"sched.maxtosubmit.maximum": "1"},
        **{f"batchsubmit.condorec2.{key}": value for key, value in more.items()},
    )
    made.work({"q1": 1})
    return made


def running(factory: Factory) -> int:
    """Return how many running pilots the queue's last cycle saw."""
    record = factory.queues["q1"].last
    return record.inputs.batch.running if record and record.inputs.batch else 0


def test_a_machine_runs_and_ends_with_its_job(tmp_path: Path, place: Path, ap: Pool) -> None:
    with EC2(place / "ec2") as service:
        made = box(tmp_path, ap, service, "to-ec2", user_data="queue=q1 $(nothing)")
        with InProcess(made) as factory:
            until(lambda: [row[0] for row in made.ads("JobStatus")] == ["2"], "the machine to run")
            until(lambda: running(factory) == 1, "the factory to count it")
        (machine,) = service.machines()
        assert (machine["State"]["Name"], machine["InstanceType"]) == ("running", "t2.micro")
        assert machine["InstanceId"] in str(made.ads("GridJobId"))
        ap.run("condor_rm", "-constraint", 'ApfFactory == "to-ec2"')
        until(lambda: service.machines()[0]["State"]["Name"] == "terminated", "the machine's end")


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


def test_a_look_at_the_service(
    tmp_path: Path, place: Path, ap: Pool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether the keys are good no look can tell; it says so."""
    for name, value in ap.exports.items():
        monkeypatch.setenv(name, value)
    with EC2(place / "ec2-look") as service:
        made = box(tmp_path, ap, service, "look")
        look = looked_at(made)
        assert look["outcome"] == "doubtful", look
        assert "whether the service takes them" in step(look, "keys")["words"]
        (made.folder / "keys/secret").write_text("")
        look = looked_at(made)
        assert (look["first_wrong"], look["who"]) == ("keys", "credentials"), look
