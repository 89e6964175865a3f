"""A machine, as HTCondor's client for Google's cloud is told; see also tests/grid/test_target_dryrun.py."""

import pytest

from autopyfactory.plugins.batchsubmit.condorgce import CondorGCE
from submitkit import described, made, refusal

KEYS = {
    "project": "atlas-1",
    "zone": "europe-west1-b",
    "image": "projects/x/global/images/pilot",
    "machine_type": "zones/europe-west1-b/machineTypes/n2-standard-8",
    "auth_file": "/keys/gce.json",
}
LEAST = {f"batchsubmit__condorgce__{k}": v for k, v in KEYS.items()}


def test_the_machine() -> None:
    d = described(CondorGCE, **LEAST, batchsubmit__condorgce__preemptible="true")
    assert d["grid_resource"] == "gce https://www.googleapis.com/compute/v1 atlas-1 europe-west1-b"
    assert (d["gce_image"], d["gce_auth_file"]) == (KEYS["image"], KEYS["auth_file"])
    assert (d["gce_preemptible"], d["transfer_executable"]) == ("True", "False")
    assert made(CondorGCE, **LEAST).ce == "gce atlas-1 europe-west1-b"


@pytest.mark.parametrize("key", ["project", "zone", "image", "machine_type"])
def test_a_name_is_one_word(key: str) -> None:
    assert key in refusal(CondorGCE, **{**LEAST, f"batchsubmit__condorgce__{key}": "a b"})
