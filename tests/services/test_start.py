"""What a server loads before it answers; each of these would be a part of a second."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

LATER = ("duckdb", "numba", "pandas", "polars", "pyarrow.dataset", "ray", "scipy")
ASKS = """
import sys
from starlette.testclient import TestClient
from raymill.config import settings
from raymill.services.hosts.local import local_api

chosen = settings().serve.model_copy(update={"allowed_hosts": "testserver"})
with TestClient(local_api(chosen)[0]) as client:
    answers = [client.get(path).status_code for path in ("/", "/health", "/api/algorunner/")]
"""


@pytest.mark.system
def test_a_server_answers_before_it_loads_numba_or_pandas(tmp_path: Path) -> None:
    code = f"{ASKS}\nprint(answers, [name for name in {LATER} if name in sys.modules])"
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "RAYMILL_HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.splitlines()[-1] == "[200, 200, 200] []"
