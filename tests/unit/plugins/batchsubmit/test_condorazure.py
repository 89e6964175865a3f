"""A machine, as HTCondor's client for Azure is told; see also tests/grid/test_target_dryrun.py."""

import pytest

from autopyfactory.plugins.batchsubmit.condorazure import CondorAzure
from submitkit import described, made, refusal

KEYS = {
    "gridresource": "1234-5678",
    "image": "linux-ubuntu-latest",
    "location": "westeurope",
    "size": "Standard_D8s_v5",
    "auth_file": "/keys/azure.json",
    "admin_username": "pilot",
    "admin_key": "/keys/azure.pub",
}
LEAST = {f"batchsubmit__condorazure__{k}": v for k, v in KEYS.items()}


def test_the_machine() -> None:
    d = described(CondorAzure, **LEAST)
    assert d["grid_resource"] == "azure 1234-5678"
    assert (d["azure_image"], d["azure_location"], d["azure_size"]) == tuple(
        KEYS[k] for k in ("image", "location", "size")
    )
    assert (d["azure_auth_file"], d["azure_admin_key"]) == (KEYS["auth_file"], KEYS["admin_key"])
    assert d["transfer_executable"] == "False"
    assert made(CondorAzure, **LEAST).ce == "azure 1234-5678 westeurope"


@pytest.mark.parametrize("key", ["gridresource", "image", "location", "size", "admin_username"])
def test_a_name_is_one_word(key: str) -> None:
    assert key in refusal(CondorAzure, **{**LEAST, f"batchsubmit__condorazure__{key}": "a b"})
