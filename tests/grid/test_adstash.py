"""Records of pilots in OpenSearch: what HTCondor's condor_adstash makes of them has what we search for."""

from __future__ import annotations

import importlib.util
import json
import re
import subprocess
import sys
from pathlib import Path
from types import ModuleType

from testbed.condor import Condor

TOP = Path(__file__).parents[2]
FILE = TOP / "misc/opensearch/pilots.ndjson"
# the ad of a pilot behind a CE that failed, with what our submit descriptions add
AD = {
    "ClusterId": 12, "ProcId": 0, "GlobalJobId": "ap.example.org#12.0#1795299000", "JobStatus": 4,
    "JobUniverse": 9, "Owner": "apf", "CompletionDate": 1795300000, "QDate": 1795299000,
    "JobStartDate": 1795299500, "EnteredCurrentStatus": 1795300000, "RemoteWallClockTime": 500.0,
    "ExitCode": 3, "GridResource": "condor ce1 ce1:9619", "LastRemoteHost": "slot1@node7",
    "LastHoldReason": "x", "LastHoldReasonCode": 3, "RemoveReason": "y",
    "ApfFactory": "f1", "MATCH_APF_QUEUE": "east", "ApfSubmission": "tag",
}  # fmt: skip
# HTCondor's converter uses the bindings under their first names
CONVERT = """
import json, sys, classad2, htcondor2
sys.modules["classad"], sys.modules["htcondor"] = classad2, htcondor2
sys.path.insert(0, sys.argv[1])
from adstash.convert import to_json
print(json.dumps(to_json(classad2.ClassAd(json.loads(sys.argv[2])), return_dict=True)))
"""


def made() -> ModuleType:
    spec = importlib.util.spec_from_file_location("generate", TOP / "misc/opensearch/generate.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_every_field_that_is_searched_is_there(condor_folder: Condor) -> None:
    libexec = condor_folder.release / "libexec/condor"
    command = [sys.executable, "-c", CONVERT, str(libexec), json.dumps(AD)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    document = json.loads(done.stdout)
    pattern, *searches = [json.loads(line) for line in FILE.read_text().splitlines()]
    assert document[pattern["attributes"]["timeFieldName"]] == 1795300000
    assert document["apffactory"] == "f1"
    for search in searches:
        source = json.loads(search["attributes"]["kibanaSavedObjectMeta"]["searchSourceJSON"])
        fields = set(re.findall(r"(\w+)\s*[:<>]", source["query"]["query"]))
        assert {*fields, *search["attributes"]["columns"]} <= document.keys(), search["id"]
        (reference,) = search["references"]
        assert reference["id"] == pattern["id"]
        assert source["indexRefName"] == reference["name"]


def test_the_file_is_what_is_generated() -> None:
    assert FILE.read_text() == made().text(), "run misc/opensearch/generate.py"
