"""What condor_submit makes of the descriptions for clouds that cannot be had: ads, not machines."""

from __future__ import annotations

from pathlib import Path

import pytest

from autopyfactory.plugins.batchsubmit.condorazure import CondorAzure
from autopyfactory.plugins.batchsubmit.condorgce import CondorGCE
from submitkit import described
from testbed.pool import Pool

GCE = {"project": "atlas-1", "zone": "europe-west1-b", "image": "pilot", "machine_type": "n2-standard-8"}
AZURE = {
    "gridresource": "1234-5678",
    "image": "linux-ubuntu-latest",
    "location": "westeurope",
    "size": "Standard_D8s_v5",
    "admin_username": "pilot",
}
CLOUDS = {
    "gce": (
        CondorGCE,
        GCE,
        {"auth_file": "GceAuthFile"},
        {"GceImage": "pilot", "GceMachineType": "n2-standard-8"},
    ),
    "azure": (
        CondorAzure,
        AZURE,
        {"auth_file": "AzureAuthFile", "admin_key": "AzureAdminKey"},
        {"AzureImage": "linux-ubuntu-latest", "AzureSize": "Standard_D8s_v5", "AzureLocation": "westeurope"},
    ),
}


@pytest.mark.parametrize("kind", list(CLOUDS))
def test_what_condor_submit_makes_of_it(tmp_path: Path, ap: Pool, kind: str) -> None:
    plugin, keys, files, expected = CLOUDS[kind]
    folder = ap.directory / f"dry-{kind}"
    named = {}
    for key, attribute in files.items():
        ap.write_secret(folder / key, "not a key\n")
        keys, named = keys | {key: str(folder / key)}, named | {attribute: str(folder / key)}
    description = described(plugin, **{f"batchsubmit__condor{kind}__{k}": v for k, v in keys.items()})
    text = "".join(f"{key} = {value}\n" for key, value in description.items()) + "queue 1\n"
    ad = ap.run_client("condor_submit", "-dry-run", "-", "-", input=text).stdout
    for attribute, value in {**expected, **named}.items():
        assert f'{attribute}="{value}"' in ad, ad
    assert f'GridResource="{description["grid_resource"]}"' in ad
