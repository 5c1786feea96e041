from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from na64.datasets.reading.chunks import TARGET_BYTES, Segment, canonical_segments, segment_ranges


@given(sizes=st.lists(st.integers(1, 50), max_size=20), target=st.integers(1, 60))
@example(sizes=[50], target=7)
@example(sizes=[], target=1)
def test_segments_are_whole_clusters_and_cover_every_event_once(sizes: list[int], target: int) -> None:
    boundaries = [0]
    for size in sizes:
        boundaries.append(boundaries[-1] + size)
    ranges = segment_ranges(boundaries, target)
    assert [event for start, stop in ranges for event in range(start, stop)] == list(range(boundaries[-1]))
    assert all(stop - start <= target for start, stop in ranges)
    if all(size <= target for size in sizes):
        assert {cut for cuts in ranges for cut in cuts} <= set(boundaries)


def test_clusters_are_merged_up_to_the_target() -> None:
    assert segment_ranges((0, 40, 80, 120, 160), 100) == ((0, 80), (80, 160))
    assert segment_ranges((0, 50, 100, 150), 100) == ((0, 100), (100, 150))


def test_a_large_cluster_is_cut_into_equal_parts() -> None:
    assert segment_ranges((0, 250), 100) == ((0, 83), (83, 166), (166, 250))


def test_a_cluster_up_to_the_largest_size_stays_whole() -> None:
    assert segment_ranges((0, 30, 60, 360, 390), 100, largest=300) == ((0, 60), (60, 360), (360, 390))
    assert segment_ranges((0, 302), 100, largest=300) == ((0, 151), (151, 302))


def test_segments_are_of_so_many_bytes_too() -> None:
    boundaries = range(0, 600_001, 50_000)
    dense = canonical_segments(boundaries, 600_000 * 3640)
    assert [stop - start for start, stop in dense] == [150_000] * 4
    sparse = canonical_segments(range(0, 3_000_001, 50_000), 3_000_000 * 560)
    assert [stop - start for start, stop in sparse] == [1_000_000] * 3
    assert canonical_segments((0, 600_000), 600_000 * 3640) == (
        (0, 600_000),
    )  # a cluster is not cut by bytes
    assert canonical_segments((0, 2_000_000), 1) == ((0, 1_000_000), (1_000_000, 2_000_000))
    assert canonical_segments((0,), 0) == ()


@pytest.mark.parametrize(("n_events", "cluster"), [(600_000, 8_910), (600_001, 14_523), (200_000, 8_910)])
def test_segments_of_many_clusters_are_equal_to_a_cluster(n_events: int, cluster: int) -> None:
    segments = canonical_segments((*range(0, n_events, cluster), n_events), n_events * 3640)
    sizes = [stop - start for start, stop in segments]
    assert len(sizes) == -(-n_events * 3640 // TARGET_BYTES)
    assert sum(sizes) == n_events
    assert max(sizes) - n_events / len(sizes) < cluster
    assert n_events / len(sizes) - min(sizes) < len(sizes) * cluster


def test_an_empty_file_has_no_segments() -> None:
    assert segment_ranges((0,)) == ()


@pytest.mark.parametrize(("start", "stop"), [(-1, 3), (3, 3), (4, 3)])
def test_a_segment_without_events_is_refused(start: int, stop: int) -> None:
    with pytest.raises(ValueError, match=rf"run\.root: no events from {start} to {stop}"):
        Segment("sha", "run.root", start, stop)


def test_sizes_below_one_are_refused() -> None:
    with pytest.raises(ValueError, match="segments of 0 events"):
        segment_ranges((0, 5), 0)
