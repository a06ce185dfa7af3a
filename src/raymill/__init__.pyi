from raymill.app.streams import check as check
from raymill.app.streams import run as run
from raymill.errors import RaymillError as RaymillError
from raymill.flow import Answer as Answer
from raymill.flow import Fail as Fail
from raymill.flow import Hash as Hash
from raymill.flow import Kind as Kind
from raymill.flow import Out as Out
from raymill.flow import Port as Port
from raymill.flow import Rows as Rows
from raymill.flow import Skip as Skip
from raymill.flow import Spec as Spec
from raymill.flow import State as State
from raymill.flow import Task as Task
from raymill.flow import Time as Time
from raymill.flow import task as task
from raymill.flow.aggregates import Aggregate as Aggregate
from raymill.flow.pipeline import Pipeline as Pipeline
from raymill.flow.pipeline import Stream as Stream
from raymill.flow.pipeline import read as read

__version__: str
