"""The API in one process, served by uvicorn."""

import asyncio
import gc
from collections.abc import AsyncIterator, Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import uvicorn

from raymill.app.keys import stored_keys
from raymill.config.serve import ServeSettings
from raymill.errors import ConfigError
from raymill.services.access import check_start
from raymill.services.api import create_api
from raymill.services.guard import App
from raymill.services.hosts.listen import listen
from raymill.services.hosts.orchestrator import supervise
from raymill.services.hosts.punctual import punctual
from raymill.services.service import InProcess, Service, kinds, opened

THREADS = 32  # some of which may wait for a store that is away, while others answer


def local_api(
    settings: ServeSettings, found: Mapping[str, type[Service]] | None = None
) -> tuple[App, InProcess]:
    """The API with all services in this process, and what calls them."""
    installed = kinds() if found is None else found
    services = InProcess({name: opened(kind) for name, kind in installed.items()})

    @asynccontextmanager
    async def lifespan(_: Any) -> AsyncIterator[None]:
        loop = asyncio.get_running_loop()
        loop.set_default_executor(ThreadPoolExecutor(THREADS, "raymill-service"))
        watching = asyncio.ensure_future(supervise())
        yield
        watching.cancel()
        await services.close()

    return create_api(installed, services, settings, lifespan=lifespan), services


def serve(settings: ServeSettings, tell: Callable[[str], None]) -> None:
    """Serve until interrupted. Raises ConfigError where the address cannot be had."""
    check_start(settings, lambda: bool(stored_keys().in_force()))
    app, _ = local_api(settings)
    door = listen(settings.host, settings.port)
    host, port = door.getsockname()[:2]
    server = server_of(app, settings)
    scheme = "https" if settings.tls_cert else "http"
    tell(f"{scheme}://{f'[{host}]' if ':' in host else host}:{port}")
    gc.freeze()  # what stays until the end is not searched for garbage: 0.1 s, with all waiting
    gc.enable()
    server.run(sockets=[door])


def server_of(app: App, settings: ServeSettings) -> uvicorn.Server:
    """The server of an API. Raises ConfigError where files of TLS are missing."""
    config = uvicorn.Config(
        app,
        loop="asyncio",
        http=punctual(settings),
        ws="websockets-sansio",
        lifespan="on",
        access_log=False,
        server_header=False,
        log_level="warning",
        timeout_keep_alive=75,
        timeout_graceful_shutdown=10,
        **_tls(settings),
    )
    return uvicorn.Server(config)


def _tls(settings: ServeSettings) -> dict[str, Any]:
    if not settings.tls_cert:
        return {}
    password = settings.tls_password
    for name in (settings.tls_cert, settings.tls_key):
        if name and not Path(name).is_file():
            raise ConfigError(f"There is no file `{name}` for TLS")
    return {
        "ssl_certfile": settings.tls_cert,
        "ssl_keyfile": settings.tls_key or None,
        "ssl_keyfile_password": password.get_secret_value() if password else None,
    }
