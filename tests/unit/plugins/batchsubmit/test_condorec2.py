"""A machine, as HTCondor's EC2 client is told."""

import pytest

from autopyfactory.plugins.batchsubmit.condorec2 import CondorEC2
from submitkit import described, made, refusal

KEYS = {
    "gridresource": "https://ec2.eu-west-1.example.org:8773/",
    "access_key_id": "/keys/id",
    "secret_access_key": "/keys/secret",
    "ami_id": "ami-1",
    "instance_type": "m5.large",
}
LEAST = {f"batchsubmit__condorec2__{k}": v for k, v in KEYS.items()}


def test_the_least() -> None:
    d = described(CondorEC2, **LEAST)
    assert d["grid_resource"] == "ec2 https://ec2.eu-west-1.example.org:8773/"
    assert (d["ec2_ami_id"], d["ec2_instance_type"]) == ("ami-1", "m5.large")
    assert (d["ec2_access_key_id"], d["ec2_secret_access_key"]) == ("/keys/id", "/keys/secret")
    assert d["transfer_executable"] == "False"
    assert not d.keys() & {"ec2_spot_price", "ec2_user_data", "ec2_security_groups"}
    assert made(CondorEC2, **LEAST).ce == "ec2.eu-west-1.example.org:8773"


def test_everything() -> None:
    more = {"spot_price": "0.25", "user_data": "queue=$(x)", "security_groups": "a, b", "tag__cost": "grid"}
    d = described(CondorEC2, **LEAST, **{f"batchsubmit__condorec2__{k}": v for k, v in more.items()})
    assert d["ec2_spot_price"] == "0.250000"
    assert d["ec2_user_data"] == "queue=$(DOLLAR)(x)"  # the text itself, nothing that HTCondor expands
    assert d["ec2_security_groups"] == "a,b"
    assert d["ec2_tag_names"] == "Name,ApfFactory,cost"
    assert (d["ec2_tag_Name"], d["ec2_tag_ApfFactory"], d["ec2_tag_cost"]) == ("q", "f", "grid")


@pytest.mark.parametrize("url", ["ec2.eu-west-1.example.org", "https://127.0.0.1:8773/", "ftp://ec2.a.b/"])
def test_what_is_no_service_is_refused_where_it_is_written(url: str) -> None:
    assert "gridresource" in refusal(CondorEC2, **{**LEAST, "batchsubmit__condorec2__gridresource": url})


def test_machines_on_demand_have_their_tags_from_the_start() -> None:
    d = described(CondorEC2, **LEAST, batchsubmit__condorec2__tag__cost="grid $(x)")
    start = "TagSpecification.1"
    assert d["ec2_parameter_names"].split(",") == [
        f"{start}.ResourceType",
        *(f"{start}.Tag.{n}.{what}" for n in (1, 2, 3) for what in ("Key", "Value")),
    ]
    assert d["ec2_parameter_TagSpecification_1_ResourceType"] == "instance"
    assert d["ec2_parameter_TagSpecification_1_Tag_3_Key"] == "cost"
    assert d["ec2_parameter_TagSpecification_1_Tag_3_Value"] == "grid $(x)"  # taken as it stands
    assert "ec2_tag_names" not in d
