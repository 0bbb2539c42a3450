"""Work shared out among threads, and OpenCV's own threads meanwhile."""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import pytest

from cutis.data.threads import one_thread_each, ordered


@pytest.fixture
def three() -> Iterator[None]:
    before = cv2.getNumThreads()
    cv2.setNumThreads(3)
    yield
    cv2.setNumThreads(before)


def test_in_order_with_one_thread_of_opencvs_each(three: None):
    assert list(ordered(lambda item: (item, cv2.getNumThreads()), range(200))) == [(i, 1) for i in range(200)]
    assert cv2.getNumThreads() == 3


def test_the_last_to_let_go_gives_the_threads_back(three: None):
    first, second = ordered(str, range(3)), ordered(str, range(3))
    next(first), next(second)
    first.close()  # the one that came first goes first
    assert cv2.getNumThreads() == 1
    second.close()
    assert cv2.getNumThreads() == 3
    with one_thread_each(), one_thread_each():
        assert cv2.getNumThreads() == 1
    assert cv2.getNumThreads() == 3
