"""Label values stay few, whatever callers send."""

from opbx.metrics.labels import OTHER, Bounded


def test_the_first_values_are_labels_and_all_later_ones_share_one() -> None:
    bounded = Bounded(2)
    assert [bounded(value) for value in ("a", "b", "c", "a", "d", "b")] == ["a", "b", OTHER, "a", OTHER, "b"]
