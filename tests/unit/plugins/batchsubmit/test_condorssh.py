"""The login and how to get there, as `grid_resource` says it."""

import pytest

from autopyfactory.credentials.credential import Presented
from autopyfactory.plugins.batchsubmit.condorssh import CondorSSH
from submitkit import described, made, refusal

HOST = {"batchsubmit__condorssh__host": "login.site.org", "batchsubmit__condorssh__batch": "slurm"}


def test_the_least() -> None:
    assert described(CondorSSH, **HOST)["grid_resource"] == "batch slurm login.site.org --rgahp-nopass"


def test_everything() -> None:
    more = {"user": "pilot", "port": "2222", "privkeyfile": "/k/id", "privkeypassfile": "/k/pass"}
    keys = {f"batchsubmit__condorssh__{k}": v for k, v in more.items()}
    where = {"batchsubmit__condorssh__remotefolder": "/opt/glite"}
    assert described(CondorSSH, **HOST, **keys, **where)["grid_resource"] == (
        "batch slurm pilot@login.site.org:2222 --rgahp-key /k/id --rgahp-pass /k/pass"
        " --rgahp-glite /opt/glite"
    )
    assert made(CondorSSH, **HOST, **keys).ce == "slurm of pilot@login.site.org:2222"


@pytest.mark.parametrize(
    ("key", "value"), [("host", "-oProxyCommand=x"), ("host", "a b"), ("user", "-l"), ("privkeyfile", "/a b")]
)
def test_nothing_becomes_an_option_of_ssh(key: str, value: str) -> None:
    assert key in refusal(CondorSSH, **{**HOST, f"batchsubmit__condorssh__{key}": value})


def test_a_key_of_a_profile() -> None:
    queue = made(CondorSSH, **HOST, batchsubmit__condorssh__authprofile="site")
    assert queue.options.auth == ("site",)
    given = queue.presenting(Presented(key_file="/k/id", passphrase_file="/k/pass"))
    assert given == {"grid_resource": "batch slurm login.site.org --rgahp-key /k/id --rgahp-pass /k/pass"}
    with pytest.raises(ValueError, match="blanks"):
        queue.presenting(Presented(key_file="/k/id -oProxyCommand=x"))
