"""PanDA's own pilot, as its project publishes it, fetched once by pip; what it needs to know of a queue."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

VERSION = "3.7.0.36"  # the newest that is published as a package
NAME = f"panda-pilot-{VERSION}.tar.gz"


def archive() -> Path:
    """Return the pilot's archive; the first call on a machine fetches it."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "autopyfactory-tests"
    path = cache / NAME
    if not path.exists():
        cache.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=cache) as folder:
            words = [
                sys.executable,
                "-m",
                "pip",
                "download",
                "-q",
                "--no-deps",
                "--no-binary",
                ":all:",
                "-d",
                folder,
            ]
            subprocess.run([*words, f"panda-pilot=={VERSION}"], check=True, timeout=300)
            (Path(folder) / NAME).rename(path)
    return path


def digest(path: Path) -> str:
    """Return the SHA-256 of a file."""
    return hashlib.sha256(path.read_bytes()).hexdigest()


def queue_data(name: str) -> dict[str, Any]:
    """Return a queue as CRIC tells pilots of it: no CVMFS, no container, files moved to a local folder."""
    tools = {activity: ["mv"] for activity in ("pr", "pw", "pl", "default")}
    return {
        "name": name,
        "nickname": name,
        "siteid": name,
        "panda_resource": name,
        "site": name,
        "rc_site": name,
        "atlas_site": name,
        "status": "online",
        "state": "ACTIVE",
        "resource_type": "GRID",
        "type": "production",
        "copytools": {"mv": {"setup": ""}},
        "acopytools": tools,
        "astorages": {activity: ["LOCAL"] for activity in tools},
        "catchall": "",
        "appdir": "",
        "maxwdir": 1000,
        "maxtime": 3600,
        "maxrss": 2000,
        "corecount": 1,
        "timefloor": 0,
        "container_type": "",
        "container_options": "",
        "direct_access_lan": False,
        "direct_access_wan": False,
        "allow_lan": False,
        "allow_wan": False,
        "use_pcache": False,
        "is_cvmfs": False,
        "environ": "",
        "params": {},
    }


def storage_data(folder: Path) -> dict[str, Any]:
    """Return the one storage, which is `folder`."""
    protocol = {"endpoint": "file://", "path": f"{folder}/", "id": 1}
    return {
        "LOCAL": {
            "name": "LOCAL",
            "pk": 1,
            "type": "TEST",
            "state": "ACTIVE",
            "site": "LOCAL",
            "is_deterministic": True,
            "resource": {"endpoint": "", "id": 1},
            "arprotocols": {"write_lan": [protocol], "pw": [protocol]},
            "rprotocols": {"1": {**protocol, "flavour": "x"}},
        }
    }


def files(queue: str, storage: Path, payload: bytes) -> dict[str, bytes]:
    """Return what a server must have for the pilot, by path; `payload` is the job's program.

    The pilot takes programs from a list of hosts that is part of it; `TRANSFORM` is on one, and a proxy that
    answers in its place brings ours.
    """
    data = queue_data(queue)
    return {
        "/cache/pilot.tar.gz": archive().read_bytes(),
        f"/cache/{queue}.all.json": json.dumps(data, indent=1).encode(),
        "/cache/queues.json": json.dumps({queue: data}).encode(),
        "/cache/ddm.json": json.dumps(storage_data(storage)).encode(),
        "/trf/user/run.sh": payload,
    }


def options(queue: str, url: str, port: int) -> dict[str, str]:
    """Return the options of the payload `panda` for pilots of a server that has `files`."""
    given = {
        "url": f"{url}/nothing-here {url}/cache/pilot.tar.gz",
        "sha256": f"0.0:{'0' * 64} {VERSION}:{digest(archive())}",
        "version": VERSION,
        "server": url,
        "port": str(port),
        "queuedata_url": f"{url}/cache/{queue}.all.json",
        "queues_url": f"{url}/cache/queues.json",
        "storagedata_url": f"{url}/cache/ddm.json",
        "proxycheck": "no",
        "jobs": "1",
        "arguments": "--allow-same-user False",
    }
    return {f"wrapper.option.panda.{key}": value for key, value in given.items()}


TRANSFORM = "http://pandaserver-doma.cern.ch:25080/trf/user/run.sh"
