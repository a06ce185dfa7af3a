"""Pi as a product of nested square roots: a measured amount of arithmetic for each record."""

import math
from typing import Annotated

from annotated_types import Ge, Le

from raymill.flow import task


@task(compiled=True, properties={"MATH.PI_VIETE.ITERS": "iters"})
def pi_by_viete(*, iters: Annotated[int, Ge(1), Le(1_000_000)] = 1600) -> float:
    """Add pi, worked out anew for each record by Viete's formula.

    `2 / (sqrt(2)/2 * product over i = iters..2 of f(i)/2)`, where f(i) is i nested square roots of
    2 (F. Viete, 1593; RIoTBench's PiByViete). The roots are taken anew for each factor, so a record
    costs `iters * (iters + 1) / 2` square roots: it is a load to measure engines with, no way to
    get pi. Reads no field; adds `value`, without unit.

    >>> round(pi_by_viete(iters=1), 6), round(pi_by_viete(iters=5), 6), round(pi_by_viete(), 6)
    (2.828427, 3.140331, 3.141593)
    """
    product = math.sqrt(2.0) / 2.0
    for i in range(iters, 1, -1):
        root = 0.0
        for _ in range(i):
            root = math.sqrt(2.0 + root)
        product *= root / 2.0
    return 2.0 / product
