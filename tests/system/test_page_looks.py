"""Every page of the dashboard as it looks: screenshots to be seen, nothing that axe finds, nothing that sticks out."""

from collections.abc import Iterator
from typing import Literal
from uuid import uuid4

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.system.browser import SCREENSHOTS, call_row, chromium, log_in, violations, visit
from tests.system.payloads import FORMS
from tests.system.stack import Stack

OWNER = "owner@demo.opbx.test"

#: Widths and colour schemes of which screenshots are kept, and the narrowest window that a page fits.
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
LOOKS = [(width, scheme) for scheme in SCHEMES for width in (1440, 390)]
NARROWEST = 360

#: Pages by name: the address, and a text that is there once the page has loaded.
PAGES = {
    "live": ("/", "Search calls"),
    "history": ("/history", "Caller and callee"),
    "statistics": ("/statistics", "Calls per hour"),
    "statistics-30d": ("/statistics?period=30d", "Calls by hour of the day"),
    "users": ("/users", "agent@demo.opbx.test"),
    "tokens": ("/tokens", "this one"),
    "senders": ("/senders", "Point a sender here"),
    "delivery": ("/delivery", "Events are delivered"),
    "audit": ("/audit", "Logged in"),
    "settings": ("/settings", "Appearance"),
}

#: What is wider than the place it has.
_CUT_OFF = """() => [document.documentElement, ...document.querySelectorAll('.panel, .dialog, .page-head')]
  .filter(({scrollWidth, clientWidth}) => scrollWidth > clientWidth).map(({className}) => className || 'page')"""

pytestmark = pytest.mark.parametrize("stack", ["sqlite"], indirect=True)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


def look(page: Page, name: str) -> None:
    """Keep what the page looks like, and check it, in every width and scheme."""
    SCREENSHOTS.mkdir(parents=True, exist_ok=True)
    found = []
    for width, scheme in LOOKS:
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        page.set_viewport_size({"width": width, "height": 900 if width > 800 else 844})
        page.wait_for_timeout(100)
        page.screenshot(path=SCREENSHOTS / f"{name}-{width}-{scheme}.png")
        found += [f"{width} {scheme}: {violation}" for violation in violations(page)]
    page.set_viewport_size({"width": NARROWEST, "height": 640})
    page.wait_for_timeout(100)
    assert page.evaluate(_CUT_OFF) == [], f"{name} is wider than a small phone"
    assert found == []


def test_every_page(stack: Stack, browser: Browser) -> None:
    calls = [uuid4().hex for _ in range(6)]
    for count, call_id in enumerate(calls):
        for endpoint, body in FORMS["own form"](call_id, "demo.opbx.test")[: count % 3 + 1]:
            stack.webhook(endpoint, body)
    with visit(browser) as page:
        page.goto(stack.web_url)
        expect(page.get_by_test_id("login-form")).to_be_visible()
        look(page, "login")
        log_in(stack, page, OWNER)
        expect(call_row(page, calls[0])).to_be_visible(timeout=10_000)
        for name, (path, text) in PAGES.items():
            page.set_viewport_size({"width": 1440, "height": 900})
            page.goto(f"{stack.web_url}{path}")
            expect(page.get_by_text(text).or_(page.get_by_placeholder(text)).first).to_be_visible(timeout=15_000)
            look(page, name)


def test_a_call_in_detail(stack: Stack, browser: Browser) -> None:
    call_id = uuid4().hex
    for endpoint, body in FORMS["session updates"](call_id, "demo.opbx.test"):
        stack.webhook(endpoint, body)
    with visit(browser) as page:
        log_in(stack, page, OWNER, "/history?range=today")
        page.get_by_role("row").nth(1).get_by_role("link").focus()
        page.keyboard.press("Enter")
        drawer = page.get_by_role("dialog", name="Call")
        expect(drawer.get_by_text("Timeline")).to_be_visible()
        look(page, "call")
        page.keyboard.press("Escape")
        expect(drawer).to_have_count(0)
        page.set_viewport_size({"width": 1440, "height": 900})
        with page.expect_download() as download:
            page.get_by_role("link", name="Export CSV").click()
        assert call_id in download.value.path().read_text()


def test_nothing_failed_and_still_coming(stack: Stack, browser: Browser) -> None:
    with visit(browser) as page:
        log_in(stack, page, OWNER, "/history?number=%2B19999999999")
        expect(page.get_by_text("None that began in this time")).to_be_visible()
        look(page, "history-empty")
        page.route("**/api/v1/calls/statistics*", lambda route: route.abort())
        page.goto(f"{stack.web_url}/statistics")
        expect(page.get_by_role("status").filter(has_text="Loading the statistics")).to_be_attached()
        failure = page.get_by_role("alert").filter(has_text="cannot be loaded")
        expect(failure).to_be_visible(timeout=20_000)
        look(page, "statistics-failed")
        page.unroute("**/api/v1/calls/statistics*")
        failure.get_by_role("button", name="Try again").click()
        expect(page.get_by_text("Answer rate")).to_be_visible(timeout=10_000)
