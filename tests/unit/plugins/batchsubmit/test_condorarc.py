"""The CE's address, and what a pilot asks for in ARC's words."""

import pytest

from autopyfactory.plugins.batchsubmit.condorarc import CondorARC
from submitkit import described, made, refusal

CE = {"batchsubmit__condorarc__gridresource": "arc.example.org"}


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("arc.example.org", "https://arc.example.org:443/arex/rest/1.0"),
        ("arc.example.org:8443", "https://arc.example.org:8443/arex/rest/1.0"),
        ("https://arc.example.org/arex", "https://arc.example.org:443/arex/rest/1.0"),
        ("https://arc.example.org:443/other/rest/1.0/", "https://arc.example.org:443/other/rest/1.0"),
        ("[2001:db8::1]:444", "https://[2001:db8::1]:444/arex/rest/1.0"),
    ],
)
def test_the_ce_as_htcondor_wants_it(text: str, url: str) -> None:
    plugin = made(CondorARC, batchsubmit__condorarc__gridresource=text)
    assert plugin.commands()["grid_resource"] == f"arc {url}"
    assert plugin.ce == url.split("/")[2]


@pytest.mark.parametrize("text", ["http://ce/", "gsiftp://ce:2811/jobs", "ce:99999", "a b", "https://ce/a?b"])
def test_what_is_no_ce_is_refused_where_it_is_written(text: str) -> None:
    assert "gridresource" in refusal(CondorARC, batchsubmit__condorarc__gridresource=text)


def test_what_a_pilot_asks_for() -> None:
    asked = {"cores": "8", "memory": "16000", "walltime": "90", "queue": "grid"}
    d = described(CondorARC, **CE, **{f"batchsubmit__{k}": v for k, v in asked.items()})
    assert d["arc_resources"] == (
        "<SlotRequirement><NumberOfSlots>8</NumberOfSlots><SlotsPerHost>8</SlotsPerHost></SlotRequirement>"
        "<IndividualPhysicalMemory>2000000000</IndividualPhysicalMemory>"  # bytes, per slot
        "<TotalCPUTime>43200</TotalCPUTime><WallTime>5400</WallTime>"  # seconds
    )
    assert d["batch_queue"] == "grid"
    # HTCondor adds these to the resources by itself: twice, or with an overflow above 2 GB
    assert not d.keys() & {"request_cpus", "request_memory"}


@pytest.mark.parametrize(("key", "value"), [("gpus", "1"), ("project", "atlas")])
def test_what_arc_cannot_be_asked_is_said(key: str, value: str) -> None:
    with pytest.raises(ValueError, match="ARC has no word for"):
        described(CondorARC, **CE, **{f"batchsubmit__{key}": value})


def test_runtime_environments() -> None:
    d = described(CondorARC, **CE, batchsubmit__condorarc__rte="ENV/PROXY, APPS/HEP/X-1.0")
    assert d["arc_rte"] == "ENV/PROXY,APPS/HEP/X-1.0"


def test_a_queue_of_2_4() -> None:
    old = {
        "batchsubmit__condornordugrid__gridresource": "arc.example.org",
        "nordugridrsl__queue": "grid",
        "nordugridrsl__jobname": "pilot",
        "nordugridrsl__count": "8",
        "nordugridrsl__addenv.RUCIO_ACCOUNT": "pilot",
        "nordugridrsl__nordugridrsladd": '(runtimeenvironment = "ENV/PROXY")(memory=2000)(walltime="3 days")',
    }
    d = described(CondorARC, **old)
    assert d["batch_queue"] == "grid"
    assert "<NumberOfSlots>8</NumberOfSlots>" in d["arc_resources"]
    assert "<IndividualPhysicalMemory>2000000000</IndividualPhysicalMemory>" in d["arc_resources"]
    assert "<WallTime>259200</WallTime>" in d["arc_resources"]
    assert d["arc_rte"] == "ENV/PROXY"
    assert "RUCIO_ACCOUNT=pilot" in d["environment"]


def test_the_new_options_win_over_the_old_description() -> None:
    d = described(CondorARC, **CE, nordugridrsl__queue="old", batchsubmit__queue="new")
    assert d["batch_queue"] == "new"
