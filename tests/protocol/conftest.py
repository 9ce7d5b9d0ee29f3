"""Two relays, shared by the tests of a module; each test's clients are gone before the next begins."""

from collections.abc import Iterator

import pytest

from tests.protocol.relays import Relays


@pytest.fixture(scope="module")
def relays(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Relays]:
    relays = Relays(tmp_path_factory.mktemp("relays"), 2, SOKETI_DEFAULT_APP_ENABLE_CLIENT_MESSAGES="1")
    try:
        relays.start()
        yield relays
    finally:
        relays.stop()


@pytest.fixture(autouse=True)
def close_clients(request: pytest.FixtureRequest) -> Iterator[None]:
    yield
    if "relays" in request.fixturenames:
        request.getfixturevalue("relays").close_clients()
