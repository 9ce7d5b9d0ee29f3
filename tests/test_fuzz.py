"""What is fuzzed by `make fuzz` holds for the seeds at least; and the targets can fail."""

from pathlib import Path

import pytest

from fuzz.__main__ import CORPUS
from fuzz.targets import TARGETS

SEEDS = sorted(CORPUS.glob("*/*"))


@pytest.mark.parametrize("seed", SEEDS, ids=lambda seed: f"{seed.parent.name}-{seed.name}")
def test_the_seeds(seed: Path) -> None:
    TARGETS[seed.parent.name](seed.read_bytes())


def test_every_target_has_seeds() -> None:
    assert {seed.parent.name for seed in SEEDS} == set(TARGETS)
