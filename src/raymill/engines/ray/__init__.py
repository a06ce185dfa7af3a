"""The Ray engine, and the classes that users of RIoTBench on Ray know. Loading this does not load Ray."""

from raymill.engines.ray.engine import RayEngine

__all__ = ["RayEngine"]
