from hypothesis import given
from hypothesis import strategies as st

from farpool.executor.pipeline.pacer import Pacer


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now

    def wait(self, seconds: float) -> None:
        self.now += seconds


def test_eight_requests_in_a_row_do_not_wait() -> None:
    clock = Clock()
    pacer = Pacer(wait=clock.wait, clock=clock)

    for _ in range(8):
        pacer.wait()

    assert clock.now == 0.0


def test_a_steady_stream_goes_on_at_more_than_one_a_second() -> None:
    clock = Clock()
    pacer = Pacer(wait=clock.wait, clock=clock)

    for _ in range(128):
        pacer.wait()

    assert 99 < clock.now < 101


@given(st.lists(st.floats(0, 5), min_size=1, max_size=200))
def test_no_window_of_ten_seconds_holds_more_than_twenty_requests(pauses: list[float]) -> None:
    clock = Clock()
    pacer = Pacer(wait=clock.wait, clock=clock)
    sent: list[float] = []

    for pause in pauses:
        clock.wait(pause)
        pacer.wait()
        sent.append(clock.now)

    for start in sent:
        assert sum(1 for moment in sent if start <= moment < start + 9.999) <= 20
