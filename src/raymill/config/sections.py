"""All sections together, each read when it is first asked for."""

from functools import cached_property
from importlib.metadata import entry_points

from raymill.config.database import DatabaseSettings
from raymill.config.filings import FilingSettings
from raymill.config.find import FILE_VARIABLE, file_values, settings_file, variables
from raymill.config.folders import PathSettings
from raymill.config.log import LogSettings
from raymill.config.market import MarketSettings
from raymill.config.market_live import MarketLiveSettings
from raymill.config.ray import RaySettings
from raymill.config.redis import RedisSettings
from raymill.config.section import Section, load
from raymill.config.serve import ApiSettings, ServeSettings
from raymill.config.services import (
    AlgorunnerSettings,
    FilingsServiceSettings,
    RouterSettings,
    ScreenerSettings,
    TasksServiceSettings,
    TickscrawlerSettings,
    WorkflowsServiceSettings,
)
from raymill.config.streams import StreamSettings
from raymill.config.workflows import WorkflowSettings
from raymill.errors import unknown

SECTIONS: tuple[type[Section], ...] = (
    PathSettings,
    DatabaseSettings,
    RedisSettings,
    StreamSettings,
    WorkflowSettings,
    FilingSettings,
    MarketSettings,
    MarketLiveSettings,
    ServeSettings,
    ApiSettings,
    RouterSettings,
    AlgorunnerSettings,
    ScreenerSettings,
    TickscrawlerSettings,
    FilingsServiceSettings,
    WorkflowsServiceSettings,
    TasksServiceSettings,
    RaySettings,
    LogSettings,
)


class Settings:
    """Every setting, by section: `settings().streams.key_groups`."""

    def __init__(self) -> None:
        _check_file()

    @cached_property
    def paths(self) -> PathSettings:
        """Where things lie."""
        return load(PathSettings)

    @cached_property
    def database(self) -> DatabaseSettings:
        """Which server keeps what several machines share."""
        return load(DatabaseSettings)

    @cached_property
    def redis(self) -> RedisSettings:
        """Which server keeps permits and answers, if any."""
        return load(RedisSettings)

    @cached_property
    def streams(self) -> StreamSettings:
        """How streams run."""
        return load(StreamSettings)

    @cached_property
    def workflows(self) -> WorkflowSettings:
        """How workflows run."""
        return load(WorkflowSettings)

    @cached_property
    def filings(self) -> FilingSettings:
        """How filings are fetched."""
        return load(FilingSettings)

    @cached_property
    def market(self) -> MarketSettings:
        """Which vendors of market data are asked."""
        return load(MarketSettings)

    @cached_property
    def market_live(self) -> MarketLiveSettings:
        """How live prices are listened to."""
        return load(MarketLiveSettings)

    @cached_property
    def algorunner(self) -> AlgorunnerSettings:
        """How strategies run in the background."""
        return load(AlgorunnerSettings)

    @cached_property
    def serve(self) -> ServeSettings:
        """How the HTTP API is served."""
        return load(ServeSettings)

    @cached_property
    def api(self) -> ApiSettings:
        """How clients ask the HTTP API."""
        return load(ApiSettings)

    @cached_property
    def ray(self) -> RaySettings:
        """Which Ray cluster is used."""
        return load(RaySettings)

    @cached_property
    def log(self) -> LogSettings:
        """What is logged, and how."""
        return load(LogSettings)


def unread_variables() -> list[str]:
    """`RAYMILL_` variables that are set but belong to no setting: most likely misspelt."""
    known = {section.variable(name) for section in SECTIONS for name in section.model_fields}
    return sorted(variables() - known - {FILE_VARIABLE, "RAYMILL_CI"})


def _check_file() -> None:
    path = settings_file()
    sections = {section.section: section for section in SECTIONS}
    for name, values in (file_values(path) if path else {}).items():
        section = sections.get(name) or _of_service(name)
        if section is None:
            raise unknown(f"section in `{path}`:", name, sections)
        for key in values:
            if key not in section.model_fields:
                where = f"setting in section `{name}` of `{path}`:"
                raise unknown(where, key, section.model_fields)


def _of_service(name: str) -> type[Section] | None:
    """The settings of a service of another package."""
    for point in entry_points(group="raymill.services", name=name):
        found = getattr(point.load(), "Settings", None)
        if isinstance(found, type) and issubclass(found, Section) and found.section == name:
            return found
    return None
