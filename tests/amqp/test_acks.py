from hypothesis import given
from hypothesis import strategies as st

from farpool.amqp.acks import AckWindow


def test_an_unbroken_run_is_one_frame() -> None:
    window = AckWindow()
    for tag in (1, 2, 3):
        window.ack(tag)

    assert window.flush() == [(3, True)]
    assert window.flush() == []


def test_a_gap_holds_nobody_hostage() -> None:
    window = AckWindow()
    for tag in (1, 3, 4):
        window.ack(tag)

    assert window.flush() == [(1, True), (3, False), (4, False)]

    window.ack(2)
    assert window.flush() == [(2, True)]

    window.ack(5)
    assert window.flush() == [(5, True)]


def test_a_nacked_tag_is_not_acknowledged_by_itself() -> None:
    window = AckWindow()
    window.settle(1)
    window.ack(2)

    assert window.flush() == [(2, True)]


@given(
    st.permutations(range(1, 30)), st.lists(st.integers(1, 5), min_size=29, max_size=29), st.sets(st.integers(1, 29))
)
def test_every_tag_is_acknowledged_exactly_once_in_any_order(
    order: list[int], steps: list[int], nacked: set[int]
) -> None:
    window = AckWindow()
    outstanding = set(range(1, 30))
    position = 0
    for step in steps:
        for tag in order[position : position + step]:
            if tag in nacked:
                window.settle(tag)
                outstanding.discard(tag)
            else:
                window.ack(tag)
        position += step
        for tag, multiple in window.flush():
            assert tag in outstanding
            told = {one for one in outstanding if one <= tag} if multiple else {tag}
            assert told <= set(order[:position]) - nacked
            outstanding -= told

    assert outstanding == set()
