"""Options of every batch submit plugin that sends pilots through a schedd."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator

from autopyfactory.condor.quoting import check
from autopyfactory.options.declare import NameList, option
from autopyfactory.plugins.batchsubmit.attributes import split_attributes
from autopyfactory.plugins.schedd import PilotScheddOptions


def _parses(text: str | None) -> str | None:
    if text is not None:
        check(text)
        split_attributes(text)
    return text


def _one_line(text: str | None) -> str | None:
    return None if text is None else check(text)


AttributeList = Annotated[str | None, AfterValidator(_parses)]
OneLine = Annotated[str | None, AfterValidator(_one_line)]


class CondorBaseOptions(PilotScheddOptions):
    """Options of every batch submit plugin that uses a schedd; any prefix of the plugin's family works."""

    prefixes: ClassVar[tuple[str, ...]] = ("batchsubmit.condorbase",)

    environ: OneLine = option(
        None,
        key="{prefix}.environ",
        description="Added to the pilot's environment as it stands: NAME=value pairs separated by blanks",
    )
    condor_attributes: AttributeList = option(
        None,
        key="{prefix}.condor_attributes",
        description=r"Submit commands KEY = VALUE, separated by commas (\, in a value); they win over ours",
    )
    extra: dict[str, str] = option(
        key="{prefix}.condor_attributes.*",
        description="One submit command; no comma needs escaping",
        default_factory=dict,
    )
    spool: bool = option(
        False,
        key="{prefix}.spool",
        description="Whether the schedd shares no files with the factory: pilots' files are sent there with"
        " them, and what they write is brought back when they have ended",
    )
    peaceful: bool = option(
        True,
        key="{prefix}.peaceful",
        legacy=("{prefix}.overlay.peaceful",),
        description="When there are too many pilots (a negative number from the chain): true lets them end "
        "by themselves, false removes them, those that do not run first. Glideins that drain (option drain of"
        " their payload) are removed either way: what runs in them ends first",
    )
    killorder: Literal["newest", "oldest"] = option(
        "newest",
        key="{prefix}.killorder",
        legacy=("{prefix}.overlay.killorder",),
        description="Which pilots are removed first when they are removed",
    )
    proxyfile: OneLine = option(
        None,
        key="{prefix}.proxyfile",
        path=True,
        description="File with the X.509 proxy that pilots are sent with",
    )
    tokenfile: OneLine = option(
        None,
        key="{prefix}.tokenfile",
        path=True,
        description="File with the SciToken or WLCG token for the CE",
    )
    auth: NameList = option(
        (),
        key="{prefix}.auth",
        legacy=("{prefix}.proxy", "{prefix}.authprofile"),
        description="Credential profiles (sections of authConf); the first valid for long enough is used",
    )
    auth_life: int | None = option(
        None,
        key="{prefix}.auth.minlife",
        unit="s",
        ge=0,
        description="So long a credential must still hold when pilots are sent; default: for proxies the"
        " pilots' wall time, or 3600 where they say none; for tokens, which only the CE looks at, 300",
    )
    auth_anyway: bool = option(
        False,
        key="{prefix}.auth.sendanyway",
        description="Whether pilots are sent with the first profile though no credential is valid",
    )
