"""Messages sent one by one share calls, in order, and each has its own answer."""

import asyncio
from collections.abc import Sequence
from typing import Any

import pytest

from fixtures.pipeline import failed, quiet
from postroad.transports.base import Delivered, Message, Outcome
from postroad.transports.gathering import Gathered

OK = Delivered(status=200, elapsed_s=0.0)


def message(text: str, key: str | None = None) -> Message:
    return Message(body=text.encode(), content_type="text/plain", request_id=text, key=key)


class Service:
    """Takes calls, and answers each as it is told to."""

    def __init__(self) -> None:
        self.calls: list[list[str]] = []
        self.answers: dict[str, Outcome] = {}
        self.open = asyncio.Event()
        self.open.set()
        self.raises: Exception | None = None
        self.forgets = False

    async def call(self, messages: Sequence[Message]) -> Sequence[Outcome]:
        self.calls.append([m.request_id for m in messages])
        await self.open.wait()
        if self.raises is not None:
            raise self.raises
        outcomes = [self.answers.get(m.request_id, OK) for m in messages]
        return outcomes[:-1] if self.forgets else outcomes


@pytest.fixture
def service() -> Service:
    return Service()


def gathered(service: Service, **limits: Any) -> Gathered:
    return Gathered(service.call, **{"max_items": 10, "max_bytes": 1000} | limits)


async def send_all(gathered: Gathered, *texts: str) -> list[asyncio.Task[Outcome]]:
    """Each is ``text`` or ``text@key``."""
    tasks = []
    for text in texts:
        key = text.partition("@")[2] or None
        tasks.append(asyncio.create_task(gathered.send(message(text, key))))
    await quiet(5)
    return tasks


async def test_what_is_sent_together_shares_a_call(service: Service) -> None:
    tasks = await send_all(gathered(service), "a", "b", "c")
    assert await asyncio.gather(*tasks) == [OK] * 3
    assert service.calls == [["a", "b", "c"]]


async def test_a_message_alone_does_not_wait(service: Service) -> None:
    assert await gathered(service).send(message("a")) == OK


async def test_while_a_call_is_under_way_the_next_one_fills(service: Service) -> None:
    service.open.clear()
    calls = gathered(service)
    tasks = await send_all(calls, "a") + await send_all(calls, "b") + await send_all(calls, "c")
    assert service.calls == [["a"]]
    service.open.set()
    await asyncio.gather(*tasks)
    assert service.calls == [["a"], ["b", "c"]]


async def test_a_call_holds_no_more_than_the_service_takes(service: Service) -> None:
    await asyncio.gather(*await send_all(gathered(service, max_items=2), "a", "b", "c", "d", "e"))
    assert service.calls == [["a", "b"], ["c", "d"], ["e"]]


async def test_a_call_is_no_larger_than_the_service_takes_but_one_message_goes_alone(service: Service) -> None:
    texts = ["aaaa", "bbbb", "cc", "dddddddddddd", "e"]
    await asyncio.gather(*await send_all(gathered(service, max_bytes=10), *texts))
    assert service.calls == [["aaaa", "bbbb", "cc"], ["dddddddddddd"], ["e"]]


async def test_size_is_what_the_service_counts(service: Service) -> None:
    calls = gathered(service, max_bytes=10, size=lambda m: 2 * len(m.body))
    await asyncio.gather(*await send_all(calls, "aaa", "bbb"))
    assert service.calls == [["aaa"], ["bbb"]]


async def test_each_message_is_answered_by_its_own_result(service: Service) -> None:
    service.answers["b"] = failed("throttled", status=429)
    tasks = await send_all(gathered(service), "a", "b", "c")
    assert await asyncio.gather(*tasks) == [OK, service.answers["b"], OK]


async def test_several_calls_run_at_once_if_they_may(service: Service) -> None:
    service.open.clear()
    tasks = await send_all(gathered(service, max_items=1, calls=2), "a", "b", "c")
    assert service.calls == [["a"], ["b"]]
    service.open.set()
    await asyncio.gather(*tasks)
    assert service.calls == [["a"], ["b"], ["c"]]


async def test_no_call_overtakes_another_with_messages_of_one_key(service: Service) -> None:
    service.open.clear()
    calls = gathered(service, max_items=2, calls=3)
    tasks = await send_all(calls, "1@x", "2@y", "3@x", "4@y", "5@z", "6@x")
    assert service.calls == [["1@x", "2@y"], ["5@z"]]
    service.open.set()
    await asyncio.gather(*tasks)
    assert service.calls == [["1@x", "2@y"], ["5@z"], ["3@x", "4@y"], ["6@x"]]


async def test_one_that_stays_behind_keeps_its_key_behind(service: Service) -> None:
    calls = gathered(service, max_bytes=10)
    await asyncio.gather(*await send_all(calls, "1@x", "2222222222@y", "3@y", "4@x"))
    assert [name for call in service.calls for name in call if name.endswith("@y")] == ["2222222222@y", "3@y"]


async def test_a_message_that_is_cancelled_while_it_waits_is_not_sent(service: Service) -> None:
    service.open.clear()
    tasks = await send_all(gathered(service, max_items=1), "a", "b", "c")
    tasks[1].cancel()
    service.open.set()
    assert await tasks[2] == OK
    assert service.calls == [["a"], ["c"]]


async def test_a_message_that_is_cancelled_under_way_takes_no_other_with_it(service: Service) -> None:
    service.open.clear()
    tasks = await send_all(gathered(service), "a", "b")
    tasks[0].cancel()
    await quiet(5)
    service.open.set()
    assert await tasks[1] == OK
    assert service.calls == [["a", "b"]]


async def test_what_a_call_raises_is_raised_where_each_message_was_sent(service: Service) -> None:
    service.raises = RuntimeError("a defect")
    calls = gathered(service)
    tasks = await send_all(calls, "a", "b")
    for task in tasks:
        with pytest.raises(RuntimeError, match="a defect"):
            await task
    service.raises = None
    assert await calls.send(message("c")) == OK


async def test_a_call_that_does_not_answer_for_all_answers_for_none(service: Service) -> None:
    service.forgets = True
    for task in await send_all(gathered(service), "a", "b"):
        with pytest.raises(ValueError, match="shorter"):
            await task


async def test_closing_ends_what_is_under_way_and_what_waits(service: Service) -> None:
    service.open.clear()
    calls = gathered(service, max_items=1)
    tasks = await send_all(calls, "a", "b")
    await calls.close()
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert all(isinstance(result, asyncio.CancelledError) for result in results)
    assert service.calls == [["a"]]
