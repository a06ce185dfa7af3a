"""A service of somebody else."""

from typing import ClassVar

from raymill.config.section import setting
from raymill.config.service import ServiceSettings
from raymill.errors import NotFound
from raymill.services import Model, Service, route

HIGH = {"Dover": "06:12", "Calais": "06:41"}


class AlmanacSettings(ServiceSettings):
    """Settings of `/api/almanac`."""

    section: ClassVar[str] = "almanac"

    zone: str = setting("UTC", "The zone of its times")


class Water(Model):
    """When the water is high."""

    station: str
    at: str
    zone: str


class Almanac(Service):
    """When the water is high."""

    name: ClassVar[str] = "almanac"
    Settings: ClassVar[type[ServiceSettings]] = AlmanacSettings

    @route("GET", "/high/{station}", key="water")
    async def high(self, station: str) -> Water:
        """Say when the water is high at a station."""
        if station not in HIGH:
            raise NotFound(f"There is no station `{station}`")
        assert isinstance(self.settings, AlmanacSettings)
        return Water(station=station, at=HIGH[station], zone=self.settings.zone)
