"""Dead letters of two organizations, on SQLite and on PostgreSQL."""

from dataclasses import replace

import pytest

from opbx.settings import Settings


@pytest.fixture
def settings(settings: Settings, database_url: str) -> Settings:
    return replace(settings, database_url=database_url)
