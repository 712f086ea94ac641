from __future__ import annotations

import pytest

from processor.callbacks import MAX_PAUSE_SECONDS, call_back


class Receiver:
    """Answers with what is next in the list: a status, or no answer at all."""

    def __init__(self, *answers: int | None) -> None:
        self.answers = list(answers)
        self.got: list[tuple[str, bytes, dict[str, str]]] = []
        self.pauses: list[float] = []

    async def post(self, url: str, body: bytes, headers: dict[str, str], seconds: float) -> int:
        assert seconds > 0
        self.got.append((url, body, headers))
        answer = self.answers.pop(0)
        if answer is None:
            raise ConnectionError("nobody there")
        return answer

    async def pause(self, seconds: float) -> None:
        self.pauses.append(seconds)

    async def told(self, attempts: int = 5) -> bool:
        return await call_back(
            "http://edge/", b"{}", secret="s", request_id="r", attempts=attempts, post=self.post, pause=self.pause
        )


async def test_the_secret_and_the_request_id_are_sent() -> None:
    receiver = Receiver(200)
    assert await receiver.told()
    assert receiver.got == [("http://edge/", b"{}", {"Authorization": "Internal-Secret s", "X-Request-Id": "r"})]
    assert receiver.pauses == []


async def test_passing_failures_are_tried_again_with_growing_pauses() -> None:
    receiver = Receiver(None, 503, 429, 204)
    assert await receiver.told()
    assert receiver.pauses == [0.5, 1.0, 2.0]


async def test_it_gives_up_in_the_end() -> None:
    receiver = Receiver(*[503] * 9)
    assert not await receiver.told(attempts=9)
    assert len(receiver.got) == 9
    assert max(receiver.pauses) == MAX_PAUSE_SECONDS


@pytest.mark.parametrize("status", [400, 401, 404])
async def test_a_refusal_is_final(status: int) -> None:
    receiver = Receiver(status, 200)
    assert not await receiver.told()
    assert len(receiver.got) == 1
