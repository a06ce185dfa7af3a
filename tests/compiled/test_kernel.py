"""Kernels are compiled at their first call; until then numba is not there."""

import pickle
import subprocess
import sys

import numpy as np

from raymill.compiled import plain
from raymill.compiled.memory import address
from raymill.engines.hashing import hash_bytes


def test_kernels_load_numba_at_their_first_call_and_not_before() -> None:
    code = (
        "import sys, numpy as np\n"
        "from raymill.compiled.memory import address\n"
        "import raymill.engines.hashing, raymill.connectors.lines, raymill.market.backtest\n"
        "print('numba' in sys.modules)\n"
        "values = np.zeros(1)\n"
        "print(address(values) == values.ctypes.data, 'numba' in sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False", "True", "True"]


def test_a_kernel_travels_by_its_name() -> None:
    assert pickle.loads(pickle.dumps(hash_bytes)) is hash_bytes


def test_the_function_behind_a_kernel_is_plain_python() -> None:
    values = np.zeros(3)
    assert plain(address)(values) == values.ctypes.data
    assert address.__name__ == "address"
    assert address.__doc__ == "Where the bytes of an array lie."
