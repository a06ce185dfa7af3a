"""The services: plain async classes behind one HTTP API, in one process or on Ray Serve."""

from raymill.services.route import Event, Made, Reply, route
from raymill.services.service import Model, Service, Status

__all__ = ["Event", "Made", "Model", "Reply", "Service", "Status", "route"]
