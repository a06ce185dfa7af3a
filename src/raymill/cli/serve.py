"""`raymill serve`: the HTTP API on this machine."""

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter

from raymill.errors import ConfigError, InputError

if TYPE_CHECKING:
    from raymill.config.serve import ServeSettings


def serve(
    *,
    host: str | None = None,
    port: int | None = None,
    on: Literal["local", "ray"] = "local",
    workers: int | None = None,
    write: Path | None = None,
    check: Path | None = None,
    demo: bool = False,
    verbose: Annotated[bool, Parameter(name=["-v", "--verbose"])] = False,
) -> None:
    """Serve everything as one HTTP API, until it is interrupted.

    Parameters
    ----------
    host
        The address to listen on; 127.0.0.1 by default, which other machines do not reach.
    port
        The port to listen on; 8000 by default, 0 takes a free one.
    on
        Where it runs: in this process, or on Ray Serve with replicas that follow the load. Without
        a setting `ray.address` a cluster is started, which ends with the command.
    workers
        Replicas on Ray Serve, always as many; by default they follow the load.
    write
        Write the configuration of Ray Serve into this file, for `serve deploy` and KubeRay, and
        serve nothing.
    check
        Say what is wrong with a configuration of Ray Serve, and serve nothing.
    demo
        Ask vendors on this machine in place of the real ones: they speak the same protocols, and
        what they tell is simulated. It is kept apart, in `RAYMILL_HOME`/demo, and answers say so.
    verbose
        Show where an error was raised.
    """
    from raymill.config import settings

    given = {name: value for name, value in (("host", host), ("port", port)) if value is not None}
    if check is not None:
        _check(check)
    elif write is not None:
        _write(write, settings().serve.model_copy(update=given), workers)
    else:
        with _vendors(demo):  # which changes settings
            _serve(settings().serve.model_copy(update=given), on, workers)


def _serve(chosen: "ServeSettings", on: str, workers: int | None) -> None:
    if on == "ray":
        from raymill.services.hosts.serve import serve as serve_on_ray

        serve_on_ray(chosen, _tell, workers)
        return
    if workers is not None:
        raise ConfigError("`--workers` counts replicas on Ray", hint="raymill serve --on ray")
    gc.disable()  # nothing is garbage until all is loaded; the host lets it go on
    try:
        from raymill.services.hosts.local import serve as serve_here

        serve_here(chosen, _tell)
    finally:
        gc.enable()


def _write(path: Path, chosen: "ServeSettings", workers: int | None) -> None:
    from raymill.cli.market.options import write_text
    from raymill.services.hosts.graph import graph, text_of
    from raymill.services.service import kinds

    write_text(path, text_of(graph(kinds(), chosen, workers)))
    sys.stderr.write(f"wrote {path}\n")


def _check(path: Path) -> None:
    import yaml

    from raymill.services.hosts.serve import check_graph

    try:
        document = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InputError(f"File `{path}` cannot be read: {error.strerror}") from error
    except yaml.YAMLError as error:
        raise ConfigError(f"File `{path}` is no YAML: {' '.join(str(error).split())}") from error
    check_graph(document)
    sys.stderr.write(f"{path} fits\n")


@contextmanager
def _vendors(is_demo: bool) -> Iterator[None]:
    if not is_demo:
        yield
        return
    from raymill.services.demo.vendors import demo

    sys.stderr.write("storing simulated prices of two years\n")
    with demo():
        yield


def _tell(address: str) -> None:
    sys.stderr.write(f"raymill serves {address}, {address}/docs shows its routes\n")
    sys.stderr.flush()
