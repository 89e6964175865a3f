"""The application: routes, and what every request passes."""

from __future__ import annotations

import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import anyio.to_thread
from fastapi import FastAPI, Request, Response
from starlette.exceptions import HTTPException

from autopyfactory import __version__
from autopyfactory.web import jsonapi
from autopyfactory.web.guard import Guard
from autopyfactory.web.pages import Pages
from autopyfactory.web.site import Site

THREADS = 8  # requests that are worked on at a time
WORDS = """What a factory answers at its control socket, over HTTP. Reading is open (unless `web.identified`
is set); orders take a bearer token of scope `operate`."""


def create(site: Site) -> FastAPI:
    """Return the application for one factory."""
    app = FastAPI(
        title="AutoPyFactory",
        version=__version__,
        description=WORDS,
        docs_url=None,  # its page loads scripts from elsewhere
        redoc_url=None,
        openapi_url="/api/openapi.json",
        lifespan=_few_threads,
    )
    app.state.life = secrets.token_hex(4)  # tags of views of an earlier process are not ours
    app.include_router(jsonapi.router(site))
    app.include_router(Pages(site).router)
    app.add_middleware(Guard, options=site.options, doorman=site.doorman)
    app.add_exception_handler(HTTPException, _told)
    return app


@asynccontextmanager
async def _few_threads(app: FastAPI) -> AsyncIterator[None]:
    anyio.to_thread.current_default_thread_limiter().total_tokens = THREADS
    yield


async def _told(_request: Request, err: Exception) -> Response:
    assert isinstance(err, HTTPException)
    return jsonapi.error(err.status_code, str(err.detail))
