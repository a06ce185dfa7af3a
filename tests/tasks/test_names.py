"""Tasks by their other names, and what RIoTBench's property files say to them."""

from pathlib import Path

import pytest

import raymill.tasks
from raymill.flow import as_declared
from raymill.flow.parameters import read_config

# Lines of the original's tasks.properties (SYS), values as shipped.
PROPERTIES = """
AGGREGATE.BLOCK_COUNT.WINDOW_SIZE=10
AGGREGATE.BLOCK_COUNT.USE_MSG_FIELD=6
AGGREGATE.DISTINCT_APPROX_COUNT.BUCKETS=5
AGGREGATE.DISTINCT_APPROX_COUNT.USE_MSG_FIELD=source
AGGREGATE.ACCUMLATOR.TUPLE_WINDOW_SIZE=20
AGGREGATE.ACCUMLATOR.MULTIVALUE_OBSTYPE=SLR
AGGREGATE.BLOCK_AVERAGE.USE_MSG_FIELD=temperature,humidity
FILTER.BLOOM_FILTER_TRAIN.EXPECTED_INSERTIONS=20000000
FILTER.BLOOM_FILTER_TRAIN.FALSEPOSITIVE_RATIO=0.01
FILTER.BLOOM_FILTER.MODEL_PATH=bloomfilter_meterids
FILTER.BLOOM_FILTER_CHECK.USE_MSG_FIELD=0
FILTER.MULTI_BLOOM_FILTER.MODEL_PATH_LIST=bloomfilter_sensor_id
FILTER.MULTI_BLOOM_FILTER.USE_MSG_FIELD_LIST=source
FILTER.RANGE_FILTER.VALID_RANGE=temperature:0.7:35.1,humidity:20.3:69.1,
FILTER.RANGE_FILTER.USE_MSG_FIELD = 0
MATH.PI_VIETE.ITERS=1600
PREDICT.SIMPLE_LINEAR_REGRESSION.USE_MSG_FIELD=-1
PREDICT.SIMPLE_LINEAR_REGRESSION.WINDOW_SIZE_TRAIN=10
PREDICT.SIMPLE_LINEAR_REGRESSION.WINDOW_SIZE_PREDICT=2
STATISTICS.KALMAN_FILTER.PROCESS_NOISE=0.125
STATISTICS.KALMAN_FILTER.SENSOR_NOISE=0.32
STATISTICS.KALMAN_FILTER.ESTIMATED_ERROR=30
STATISTICS.KALMAN_FILTER.USE_MSG_FIELD=1
STATISTICS.KALMAN_FILTER.USE_MSG_FIELDLIST=temperature,humidity
STATISTICS.MOMENT.MAX_HASHMAPSIZE=10
STATISTICS.MOMENT.USE_MSG_FIELD=-1
STATISTICS.INTERPOLATION.USE_MSG_FIELD=temperature,humidity
STATISTICS.INTERPOLATION.WINDOW_SIZE=5
ANNOTATE.ANNOTATE_FILE_PATH=city-metadata.txt
ANNOTATE.ANNOTATE_MSG_USE_FIELD=1
"""
BOTH = ["temperature", "humidity"]


@pytest.mark.parametrize(
    ("task", "values"),
    [
        ("block_window_average", {"window": "10", "field": BOTH}),
        ("distinct_approx_count", {"k": "5", "field": ["source"]}),
        ("accumulator", {"window": "20", "multivalue": "SLR"}),
        ("bloom_filter_train", {"expected_insertions": "20000000", "false_positive_ratio": "0.01"}),
        (
            "bloom_filter_check",
            {
                "model": "bloomfilter_meterids",
                "models": "bloomfilter_sensor_id",
                "fields": "source",
            },
        ),
        ("range_filter", {"valid_range": "temperature:0.7:35.1,humidity:20.3:69.1,"}),
        ("pi_by_viete", {"iters": "1600"}),
        ("sliding_linear_regression", {"window": "10", "horizon": "2"}),
        ("kalman_filter", {"q": "0.125", "r": "0.32", "p0": "30", "field": BOTH}),
        ("second_order_moment", {"tracked": "10"}),
        ("interpolation", {"window": "5", "field": BOTH}),
        ("annotate", {"file": "city-metadata.txt"}),
    ],
)
def test_a_property_file_configures_a_task(
    tmp_path: Path, task: str, values: dict[str, object]
) -> None:
    path = tmp_path / "tasks.properties"
    path.write_text(PROPERTIES)
    declared = as_declared(task).declared
    found = read_config(path, declared.options.properties)
    assert found == values
    if task != "annotate":  # whose file is not there
        assert declared.lift(**{n: v for n, v in found.items() if n != "field"}).spec() is not None


def test_tasks_have_class_like_names() -> None:
    task = raymill.tasks.KalmanFilterTask(q=0.5)
    assert (task.name, dict(task.given)) == ("kalman_filter", {"q": 0.5})
    assert raymill.tasks.NoOpTask().name == raymill.tasks.NoopTask().name == "noop"
    assert "SlidingLinearRegressionTask" in dir(raymill.tasks)


@pytest.mark.parametrize("name", ["KalmannFilterTask", "Kalman", "__path_"])
def test_other_names_are_attribute_errors(name: str) -> None:
    with pytest.raises(AttributeError, match=name):
        getattr(raymill.tasks, name)
