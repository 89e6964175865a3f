"""Factories that send one pilot to a real ARC CE, and what that pilot wrote."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from factorybox import Box
from patience import until
from testbed.arc import ARC
from testbed.condor import Condor
from testbed.pool import Pool


def access_point(arc: ARC, condor: Condor, folder: Path) -> Pool:
    """Return an access point that trusts the CE's authority."""
    return Pool(folder, "ap", condor=condor, variables={"X509_CERT_DIR": str(arc.anchors)})


def arc_box(
    folder: Path,
    ap: Pool,
    arc: ARC,
    name: str,
    pilot: str,
    kind: Literal["proxy", "token"],
    credential: str | bytes,
    *,
    plugin: str = "CondorARC",
    **options: str,
) -> Box:
    """Return a factory whose queue `q1` sends one pilot, a script, to the CE with this credential."""
    made = Box(folder / "f", ap, name)
    for path in (made.folder, *made.folder.parents[:2]):
        path.chmod(0o755)
    file = made.folder / "credentials" / kind
    ap.write_secret(file, credential)
    script = made.folder / "pilot.sh"
    script.write_text(pilot)
    script.chmod(0o755)
    prefix = f"batchsubmit.{plugin.lower()}"
    made.queue(
        "q1",
        batchsubmitplugin=plugin,
        schedplugin="Ready, MaxToSubmit",
        executable=str(script),
        **{
            "sched.maxtosubmit.maximum": "1",
            f"{prefix}.gridresource": arc.url,
            f"{prefix}.{kind}file": str(file),
            **options,
        },
    )
    made.work({"q1": 1})
    return made


def come_back(made: Box) -> Path:
    """Wait until the pilot's output is here and it has left the queue; return the file."""
    logs = made.folder / "pilots"
    until(lambda: any(f.stat().st_size for f in logs.glob("*/*/*.out")), "the pilot's output")
    until(lambda: made.pilots() == 0, "the pilot to leave the queue")
    (out,) = logs.glob("*/*/*.out")
    return out
