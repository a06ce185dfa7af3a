import io

from raymill.cli.report import plain_lines, show_metrics, show_table
from raymill.metrics import Metrics


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_numbers_stand_right_and_names_left() -> None:
    assert plain_lines(["task", "n"], [["noop", "12"], ["a", "3"]]) == [
        "task   n",
        "noop  12",
        "a      3",
    ]


def test_a_terminal_gets_a_drawn_table_and_a_file_a_plain_one() -> None:
    file, terminal = io.StringIO(), Terminal()
    for stream in (file, terminal):
        show_table(["task", "n"], [["[b]noop", "12"]], stream=stream)
    assert file.getvalue() == "task      n\n[b]noop  12\n"
    assert "─" in terminal.getvalue()
    assert "[b]noop" in terminal.getvalue()


def test_reasons_are_shown_the_most_frequent_first() -> None:
    metrics = Metrics(elapsed_s=1.0)
    worker = metrics.worker(0)
    worker.records_in = 10
    worker.skip("late", 2)
    worker.skip("out of range", 1_500)
    worker.fail("not a number", 1)
    stream = io.StringIO()
    show_metrics(metrics, stream=stream)
    assert stream.getvalue().splitlines()[2:] == [
        "skipped: 1,500 out of range",
        "skipped: 2 late",
        "failed: 1 not a number",
    ]
