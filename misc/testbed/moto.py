"""An EC2 service that starts no machines but says all that a real one says: moto's server, on 127.0.0.1."""

import base64
import socket
import sys
from pathlib import Path
from typing import Any

from testbed.errors import TestbedError
from testbed.ports import free_port
from testbed.service import Service
from testbed.waiting import until

REGION = "us-east-1"


class EC2:
    """One service; with `strict` it lets in only keys that it has made itself."""

    def __init__(self, directory: Path, *, strict: bool = False) -> None:
        self.directory, self.strict = directory, strict
        self.port = free_port()
        self._service: Service | None = None

    def __enter__(self) -> "EC2":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    @property
    def url(self) -> str:
        """The service's URL: the client takes service and region from its name; .localhost is loopback."""
        return f"http://ec2.{REGION}.localhost:{self.port}/"

    def start(self) -> None:
        """Start the server and wait until it listens."""
        self.directory.mkdir(mode=0o755)
        strict = {"INITIAL_NO_AUTH_ACTION_COUNT": "0"} if self.strict else {}
        self._service = Service.start(
            [sys.executable, "-m", "moto.server", "-H", "127.0.0.1", "-p", str(self.port)],
            env={"PATH": "/usr/bin:/bin", "HOME": str(self.directory), **strict},
            output=self.directory / "log",
        )
        until(self._listens, 60, f"moto on port {self.port}", every=0.1)

    def stop(self) -> None:
        """End the server; its machines are gone."""
        if self._service is not None:
            self._service.stop()
            self._service = None

    @property
    def client(self) -> Any:
        """A client of the service, boto3's."""
        import boto3  # with the tests' packages; the test bed's other parts do without

        return boto3.client(
            "ec2",
            region_name=REGION,
            endpoint_url=f"http://127.0.0.1:{self.port}",
            aws_access_key_id="test",
            aws_secret_access_key="test",
        )

    def machines(self) -> list[dict[str, Any]]:
        """What the service says of its machines."""
        found = self.client.describe_instances()["Reservations"]
        return [machine for reservation in found for machine in reservation["Instances"]]

    def user_data(self, machine: str) -> str:
        """What the machine was given as user data."""
        told = self.client.describe_instance_attribute(InstanceId=machine, Attribute="userData")
        return base64.b64decode(told["UserData"]["Value"]).decode()

    def _listens(self) -> bool:
        if self._service is None or not self._service.alive():
            raise TestbedError("moto ended: " + (self.directory / "log").read_text()[-2000:])
        with socket.socket() as trial:
            return trial.connect_ex(("127.0.0.1", self.port)) == 0
