"""For all tests: nothing of the developer's own HTCondor set-up reaches them."""

import os

import pytest


def pytest_configure(config: pytest.Config) -> None:
    for name in list(os.environ):
        if name.upper().startswith(("CONDOR_", "_CONDOR_", "BEARER_TOKEN", "X509_USER_PROXY")):
            del os.environ[name]
