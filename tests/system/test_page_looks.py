"""Every page of the dashboard as it looks: screenshots to be seen, nothing that axe finds, nothing that sticks out."""

import re
from collections.abc import Iterator
from typing import Literal
from uuid import uuid4

import orjson
import pytest
from playwright.sync_api import Browser, Page, WebSocketRoute, expect
from sqlalchemy import func, select, update
from sqlalchemy.orm import Session

from opbx.broadcasting.models import BroadcastEvent
from opbx.database import open_engine, utcnow, write_transaction
from opbx.dead_letters import letters
from opbx.webhooks.batches import Batch
from tests.system.browser import SCREENSHOTS, call_row, chromium, expect_state, log_in, violations, visit
from tests.system.payloads import FORMS
from tests.system.stack import Stack

OWNER = "owner@demo.opbx.test"

#: Widths and colour schemes of which screenshots are kept; axe looks at each width and each scheme once.
WIDTHS = (1440, 390)
SCHEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
LOOKS = [(width, scheme) for scheme in SCHEMES for width in WIDTHS]
EXAMINED = {(1440, "light"), (390, "dark")}

#: The narrowest window that a page fits, and the widest, of the pages that hang on a wall.
NARROWEST, WIDEST = 360, 3840
ON_WALLS = {"live", "live-offline", "statistics"}
HEIGHTS = {1440: 900, 390: 844, 360: 640, 3840: 2160}

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
        resize(page, width)
        page.screenshot(path=SCREENSHOTS / f"{name}-{width}-{scheme}.png")
        if (width, scheme) in EXAMINED:
            found += [f"{width} {scheme}: {violation}" for violation in violations(page)]
    page.emulate_media(color_scheme="light", reduced_motion="reduce")
    for width in (NARROWEST, WIDEST) if name in ON_WALLS else (NARROWEST,):
        resize(page, width)
        page.screenshot(path=SCREENSHOTS / f"{name}-{width}.png")
        assert page.evaluate(_CUT_OFF) == [], f"{name} does not fit {width} pixels"
    resize(page, WIDTHS[0])
    assert found == []


def resize(page: Page, width: int) -> None:
    page.set_viewport_size({"width": width, "height": HEIGHTS[width]})
    page.evaluate("new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))")


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
            page.goto(f"{stack.web_url}{path}")
            expect(page.get_by_text(text).or_(page.get_by_placeholder(text)).first).to_be_visible(timeout=15_000)
            if name.startswith("statistics"):
                expect(page.locator("canvas").first).to_be_visible()  # the chart comes by itself
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


def test_what_is_shown_once_and_to_few(stack: Stack, browser: Browser) -> None:
    give_up_two(stack)
    person = {"name": "Barbara Liskov", "email": "barbara@demo.opbx.test", "role": "reporter"}
    link = stack.post("/api/v1/users", stack.login(OWNER)["access_token"], person).json()["invitation"]["url"]
    with visit(browser) as page:
        page.goto(link)
        expect(page.get_by_text("Welcome, Barbara Liskov")).to_be_visible()
        look(page, "invitation")
        page.goto(f"{stack.web_url}/invitation#used-long-ago")
        page.reload()  # another fragment alone loads nothing
        expect(page.get_by_text("This link cannot be used")).to_be_visible()
        look(page, "invitation-used")
        log_in(stack, page, OWNER, "/nowhere")
        expect(page.get_by_text("There is no such page")).to_be_visible()
        look(page, "not-found")
        page.goto(f"{stack.web_url}/delivery")
        expect(page.get_by_role("button", name="Try again: call.answered")).to_be_visible()
        look(page, "dead-letters")
        for path, opens, makes, title in (
            ("/tokens", "New token", "Make the token", "API token"),
            ("/senders", "New key", "Make the key", "Sender key"),
        ):
            page.goto(f"{stack.web_url}{path}")
            page.get_by_role("button", name=opens).click()
            page.get_by_label("Name").fill("Shown once")
            look(page, f"new-{title.lower().replace(' ', '-')}")
            page.get_by_role("button", name=makes).click()
            expect(page.get_by_role("dialog", name=title).get_by_text("not shown again")).to_be_visible()
            look(page, title.lower().replace(" ", "-"))
            page.get_by_role("button", name="Done").click()


def give_up_two(stack: Stack) -> None:
    """An event and a webhook out that were given up, as the workers leave them."""
    call_id = uuid4().hex
    for endpoint, body in FORMS["own form"](call_id, "demo.opbx.test")[:2]:
        stack.webhook(endpoint, body)
    organization = stack.login(OWNER)["user"]["organization_id"]
    failed = {"failure": "20480 bytes of data, more than the 10240 that a relay takes", "failed_at": utcnow()}
    told = {"name": "member_added", "channel": f"presence-presence.org.{organization}", "user_id": "7"}
    content = orjson.dumps({"time_ms": 1, "events": [told]}).decode()
    batch = Batch(uuid4().hex, "opbx", "https://crm.example.com/hooks/presence", 1, content, attempts=7)
    engine = open_engine(stack.database_url)
    newest = select(func.max(BroadcastEvent.id)).where(BroadcastEvent.name == "call.answered").scalar_subquery()
    with Session(engine) as session:
        letters.keep(session, batch, "503 Service Unavailable, for 300 s", "opbx")
        with write_transaction(session):
            session.execute(update(BroadcastEvent).where(BroadcastEvent.id == newest).values(**failed))
    engine.dispose()


def test_every_state_of_the_connection(stack: Stack, browser: Browser) -> None:
    """The page's own socket is cut and held, so that others of the stack need not be."""
    sockets: list[WebSocketRoute] = []
    cut = False

    def connect(socket: WebSocketRoute) -> None:
        if cut:
            socket.close()
            return
        socket.connect_to_server()
        sockets.append(socket)

    call_id = uuid4().hex
    stack.webhook(*FORMS["own form"](call_id, "demo.opbx.test")[0])
    with visit(browser) as page:
        page.route_web_socket(re.compile("/app/"), connect)
        log_in(stack, page, OWNER)
        page.route("**/api/v1/calls/sequence", lambda route: route.fulfill(json={"sequence": 10**9, "server_time": ""}))
        page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
        expect_state(page, "delayed")
        look(page, "live-delayed")
        cut = True
        sockets[-1].close()
        expect_state(page, "reconnecting")
        expect(page.get_by_test_id("stale-notice")).to_contain_text("every 5 seconds")
        look(page, "live-reconnecting")
        page.route("**/api/v1/calls/active", lambda route: route.abort())
        expect(page.get_by_test_id("stale-notice")).to_contain_text("as they were at", timeout=20_000)
        expect_state(page, "offline", timeout=60)
        expect(page.get_by_test_id("connection-state")).to_contain_text(re.compile(r"\d s|now"))
        look(page, "live-offline")
    stack.webhook(*FORMS["own form"](call_id, "demo.opbx.test")[2])
