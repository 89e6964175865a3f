"""`MyProxy`: proxies taken from a MyProxy server; in 2.4 X509 with x509.flavor = myproxy (still known)."""

from __future__ import annotations

from typing import Literal

from autopyfactory.options.declare import option
from autopyfactory.plugins.auth.proxyoptions import X509Options
from autopyfactory.plugins.auth.x509 import X509


class MyProxyOptions(X509Options):
    """Options of a profile with `plugin = MyProxy`."""

    flavor: Literal["myproxy"] = option(
        "myproxy", key="x509.flavor", scope="auth", legacy=("flavor",), description="Always myproxy"
    )


class MyProxy(X509):
    """A proxy that a MyProxy server delegates."""

    name = "MyProxy"
    Options = MyProxyOptions
