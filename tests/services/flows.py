"""Workflows that tests register and start over HTTP."""

from raymill.flow.workflow import Question, Step, Workflow
from raymill.log import get_logger

log = get_logger()


def words(text: str) -> list[str]:
    log.info("words.cut", text=text)
    return text.split()


def length(word: str) -> int:
    if word == "bad":
        raise ValueError("a bad word")
    return len(word)


LENGTHS = Workflow("lengths", words, Step(length, each="words"), sum)
ASKS = Workflow("asks", Step(Question("go on?", choices=("yes", "no")), name="confirm"))
