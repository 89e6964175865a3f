"""Writes pilots.ndjson, saved searches for OpenSearch Dashboards: `python misc/opensearch/generate.py`."""

import json
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
INDEX, TIME = "htcondor-pilots*", "RecordTime"
PATTERN = "autopyfactory-pilots"
# condor_adstash writes attributes that HTCondor does not know itself in small letters
COLUMNS = (
    "apffactory", "match_apf_queue", "GridResource", "LastRemoteHost", "Status", "ExitCode",
    "RemoteWallClockTime", "LastHoldReason", "RemoveReason", "GlobalJobId", "apfsubmission",
)  # fmt: skip
SEARCHES = {
    "pilots": ("Pilots that ended", ""),
    "failed": ("Pilots that failed", " and Status:Completed and not ExitCode:0 and not ExitCode:22"),
    "held": ("Pilots that were held", " and LastHoldReasonCode > 0"),
    "short": ("Pilots that ran for less than a minute", " and ExitCode:0 and RemoteWallClockTime < 60"),
}


def objects() -> list[dict[str, Any]]:
    """Return the saved objects: how the index looks, then the searches."""
    pattern = {"type": "index-pattern", "id": PATTERN, "references": [],
               "attributes": {"title": INDEX, "timeFieldName": TIME}}  # fmt: skip
    return [pattern, *(_search(name, *words) for name, words in SEARCHES.items())]


def _search(name: str, title: str, query: str) -> dict[str, Any]:
    reference = "kibanaSavedObjectMeta.searchSourceJSON.index"
    words = {"language": "kuery", "query": f"apffactory:*{query}"}
    source = {"query": words, "filter": [], "indexRefName": reference}
    return {
        "type": "search",
        "id": f"autopyfactory-{name}",
        "references": [{"type": "index-pattern", "id": PATTERN, "name": reference}],
        "attributes": {
            "title": f"AutoPyFactory: {title}",
            "columns": list(COLUMNS),
            "sort": [[TIME, "desc"]],
            "kibanaSavedObjectMeta": {"searchSourceJSON": json.dumps(source)},
        },
    }


def text() -> str:
    """Return the file's content."""
    return "".join(json.dumps(one) + "\n" for one in objects())


if __name__ == "__main__":
    (HERE / "pilots.ndjson").write_text(text())
