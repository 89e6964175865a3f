"""No secret is shown: by `check`, `config dump`, the log or a program's last words."""

import sys

import pytest
from click.testing import CliRunner

from autopyfactory.cli.main import cli
from autopyfactory.external import program

SECRET = "s3cr3tValue"
KEYS = [
    f"wmsstatus.rest.header.X-Custom = %{SECRET}",
    f"wmsstatus.rest.header.Authorization = Bearer %{SECRET}",
    f"wmsstatus.rest.header.X-Custom = {SECRET}",
    f"wmsstatus.rest.param.key = {SECRET}",
    f"wmsstatus.rest.body = {SECRET}",
    f"wmsstatus.rest.url = https://127.0.0.1/x?apikey={SECRET}",
    f"executable.arguments = --token {SECRET}",
    f"batchsubmit.condorlocal.environ = API_KEY={SECRET}",
    f"batchsubmit.condorlocal.condor_attributes = +MyPassword={SECRET}",
]


@pytest.mark.parametrize("line", KEYS)
@pytest.mark.parametrize("command", [["check"], ["config", "dump"], ["config", "dump", "--json"]])
def test_no_command_shows_a_secret(tmp_path, line, command):
    url = "" if ".url" in line else "wmsstatus.rest.url = https://127.0.0.1/x\n"
    (tmp_path / "queues.conf").write_text(
        "[Q]\nenabled = True\nwmsqueue = W\nwmsstatusplugin = REST\nbatchstatusplugin = Condor\n"
        f"batchsubmitplugin = CondorLocal\nschedplugin = Ready, MaxPending\n{url}{line}\n"
    )
    conf = tmp_path / "autopyfactory.conf"
    conf.write_text(
        f"[Factory]\nfactoryId = f\nbaseLogDir = {tmp_path}\nstatedir = {tmp_path}/s\n"
        f"queueConf = {tmp_path}/queues.conf\n"
    )
    done = CliRunner().invoke(cli, [*command, "--conf", str(conf)])
    assert "Q" in done.output or "queue" in done.output
    assert SECRET not in done.output


def test_a_programs_last_words_are_told_without_secrets():
    code = f"import sys; sys.exit('refused: password={SECRET} \\x1b[2J')"
    with pytest.raises(program.ProgramError) as caught:
        program.run([sys.executable, "-c", code], 20)
    assert SECRET not in str(caught.value) and "\x1b" not in str(caught.value)
    assert "refused" in str(caught.value)


NAMES_OF_FILES = [
    "wrapper.option.glidein.token = pool.token",
    "wrapper.option.glidein.token = idtoken-of-pool",
    "wrapper.option.mine.token = /etc/autopyfactory/mine.token",
    "batchsubmit.condorec2.secret_access_key = /etc/autopyfactory/ec2-secret",
    "batchsubmit.condorec2.tokenfile = /tokens/ce",
    "executable.arguments = --pool p --token pool.token",
    "batchsubmit.condorec2.environ = PANDA_AUTH_TOKEN=panda.token",
]


@pytest.mark.parametrize("line", NAMES_OF_FILES)
@pytest.mark.parametrize("more", [[], ["--json"]])
def test_the_names_of_files_are_shown(tmp_path, line, more):
    """Also where the same name stands in another key: what a key names is no secret elsewhere either."""
    name = line.rsplit("=", 1)[1].split()[-1]
    secret = "" if "secret_access" in line else "batchsubmit.condorec2.secret_access_key = /k\n"
    (tmp_path / "queues.conf").write_text(
        "[Q]\nenabled = True\nwmsqueue = W\nwmsstatusplugin = Condor\nbatchstatusplugin = Condor\n"
        "batchsubmitplugin = CondorEC2\nschedplugin = Ready, MaxPending\n"
        "batchsubmit.condorec2.gridresource = https://ec2.example.org\n"
        "batchsubmit.condorec2.access_key_id = /i\nbatchsubmit.condorec2.ami_id = ami-1\n"
        "batchsubmit.condorec2.instance_type = m1\n"
        f"{secret}{line}\nbatchsubmit.condorec2.condor_attributes.transfer_input_files = {name}\n"
        f"mypassword = {SECRET}\nwrapper.option.mine.password = {SECRET}\n"
    )
    conf = tmp_path / "autopyfactory.conf"
    conf.write_text(f"[Factory]\nfactoryId = f\nbaseLogDir = {tmp_path}\nqueueConf = queues.conf\n")
    done = CliRunner().invoke(cli, ["config", "dump", "Q", *more, "--conf", str(conf)])
    assert done.exit_code == 0 and "cannot run" not in done.output, done.output
    assert done.output.count(name) == 2, done.output
    assert SECRET not in done.output
