"""What the tests of the older names share."""

import pytest

from raymill import config
from raymill.config.ray import RaySettings
from raymill.config.section import extra


@pytest.fixture(autouse=True)
def no_variables_of_ray(clean_ground: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """None of the developer's `RAY_*` variables."""
    for name, field in RaySettings.model_fields.items():
        for alias in extra(field, "aliases") if name != "auth_mode" else ():
            monkeypatch.delenv(alias, raising=False)
    config.reset()
