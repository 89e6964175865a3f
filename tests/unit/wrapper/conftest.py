"""A release directory with programs that behave as HTCondor's do, as far as the wrapper's own logic goes."""

import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

import pilotkit
from autopyfactory.wrapper.compose import Built
from pilotkit import Pilot
from wrapperkit import Wrapper

SHELLS = {"dash": ["dash"], "bash": ["bash", "--posix"], "busybox": ["busybox", "sh"], "mksh": ["mksh"]}
PAYLOAD = '{"exp":%s,"iat":1,"iss":"pool.test","sub":"glidein@pool.test"}'

# The master writes what it saw to $FAKE_DIR and then lives on or ends as $FAKE_MASTER says.
PROGRAMS = {
    "bin/condor_version": "echo '$CondorVersion: 0.0 fake $'",
    "bin/condor_token_list": 'echo "Header: {} Payload: $FAKE_PAYLOAD File: x"',
    "bin/condor_ping": 'echo "$FAKE_PING"; [ -z "$FAKE_PING" ]',
    "bin/condor_status": 'printf %s "$FAKE_LISTED"',
    "sbin/condor_startd": "exit 1",
    "sbin/condor_starter": "exit 1",
    "sbin/condor_master": """
        log=${CONDOR_CONFIG%/*}/log
        env >"$FAKE_DIR/env"
        cp "$CONDOR_CONFIG" "$FAKE_DIR/config"
        cp "$FAKE_DIR"/logs/* "$log" 2>/dev/null
        case $FAKE_MASTER in
            crash) exit 4 ;;
            idle) echo "No resources have been claimed for 5 seconds" >>"$log/StartLog"; exit 0 ;;
        esac
        trap 'echo TERM >>"$FAKE_DIR/signals"; [ $FAKE_MASTER != gentle ] || exit 0' TERM
        trap 'echo QUIT >>"$FAKE_DIR/signals"; [ $FAKE_MASTER != hard ] || exit 0' QUIT
        echo >"$FAKE_DIR/up"
        while true; do sleep 0.1; done
    """,
}

Run = Callable[..., Wrapper]


@pytest.fixture(params=list(SHELLS))
def shell(request: pytest.FixtureRequest) -> list[str]:
    """Each kind of shell that a worker node may have; bin/test installs what this machine lacks."""
    return SHELLS[request.param]


@pytest.fixture
def release(tmp_path: Path) -> Path:
    directory = tmp_path / "release"
    for name, script in PROGRAMS.items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(f"#!/bin/sh\n{script}\n")
        path.chmod(0o755)
    return directory


@pytest.fixture
def fake(tmp_path: Path) -> Path:
    """Where the fake master puts what it saw, and finds the logs to show."""
    (tmp_path / "fake/logs").mkdir(parents=True)
    return tmp_path / "fake"


@pytest.fixture
def run(release: Path, fake: Path, tmp_path: Path) -> Iterator[Run]:
    """``run(*arguments, shell=, master=, bare=, **environment)``: start the wrapper on the fake HTCondor."""
    token = tmp_path / "token"
    token.write_text("secret")
    running = []

    def run(
        *arguments: str | Path,
        shell: list[str] = ["/bin/sh"],  # noqa: B006
        master: str = "idle",
        bare: bool = False,
        **environment: str,
    ) -> Wrapper:
        ours = ["--pool", "pool.test:9618", "--label", "mc", "--token", token, "--condor", release]
        env = {"FAKE_DIR": str(fake), "FAKE_MASTER": master, "FAKE_PING": "", "FAKE_LISTED": "slot1@node"}
        env["FAKE_PAYLOAD"] = PAYLOAD % sys.maxsize
        wrapper = Wrapper(
            tmp_path / f"pilot{len(running)}", [*([] if bare else ours), *arguments], env | environment, shell
        )
        running.append(wrapper)
        return wrapper

    yield run
    for wrapper in running:
        wrapper.stop()


Fly = Callable[..., Pilot]


@pytest.fixture(params=list(pilotkit.SHELLS))
def sh(request: pytest.FixtureRequest) -> str:
    """Each kind of shell that nodes have as `sh`; bin/test installs what this machine lacks."""
    return str(request.param)


@pytest.fixture
def fly(tmp_path: Path) -> Iterator[Fly]:
    """``fly(wrapper, *arguments, shell=, files=, before=, path=, **environment)``: start a pilot."""
    flying = []

    def fly(wrapper: Built, *arguments: str, **more: object) -> Pilot:
        place = tmp_path / f"node{len(flying)}"
        place.mkdir()
        pilot = Pilot(place, wrapper, *arguments, **more)  # type: ignore[arg-type]  # passed on as given
        flying.append(pilot)
        return pilot

    yield fly
    for pilot in flying:
        pilot.stop()
