"""The live board in real browsers, against the real system: what it shows is what happens."""

import signal
import statistics
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from uuid import uuid4

import pytest
from playwright.sync_api import Browser, Page, expect

from tests.system.browser import (
    call_row,
    chromium,
    expect_state,
    fill_in_login,
    log_in,
    painted,
    session_token,
    visit,
    watch_paints,
)
from tests.system.payloads import FORMS
from tests.system.stack import Stack

OWNER, AGENT, STRANGER = "owner@demo.opbx.test", "agent@demo.opbx.test", "owner@other.opbx.test"

#: Browsers see no difference between the databases.
pytestmark = pytest.mark.parametrize("stack", ["sqlite"], indirect=True)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    with visit(browser) as page:
        yield page


def test_a_call_rings_is_answered_and_ends(stack: Stack, page: Page) -> None:
    fill_in_login(stack, page, OWNER)
    expect_state(page, "connected")
    call_id = uuid4().hex
    row = call_row(page, call_id)
    words = ("Ringing", "In call", "Completed")
    for (endpoint, body), status, word in zip(
        FORMS["own form"](call_id, "demo.opbx.test"), ("initiated", "answered", "completed"), words, strict=True
    ):
        assert stack.webhook(endpoint, body).status_code == 200
        expect(row).to_have_attribute("data-status", status, timeout=10_000)
        expect(row).to_contain_text(word)
        expect(row).to_contain_text("+1 415 555 1234")
    expect(row).to_have_count(0, timeout=20_000)


def test_a_wrong_password_is_told(stack: Stack, page: Page) -> None:
    fill_in_login(stack, page, OWNER, "wrong")
    expect(page.get_by_role("alert")).to_have_text("Email or password is wrong.")


def test_two_browsers_see_each_other_come_and_go(stack: Stack, page: Page, browser: Browser) -> None:
    log_in(stack, page, OWNER)
    agent = stack.login(AGENT)["user"]["id"]
    member = page.locator(f'[data-testid="member"][data-user-id="{agent}"]')
    expect(member).to_have_count(0, timeout=10_000)
    with visit(browser) as second:
        log_in(stack, second, AGENT)
        expect(member).to_have_count(1, timeout=10_000)
        expect(page.get_by_role("status").filter(has_text="Demo Agent joined")).to_be_attached()
        expect(second.get_by_test_id("member")).to_have_count(2)
    expect(member).to_have_count(0, timeout=10_000)
    expect(page.get_by_role("status").filter(has_text="Demo Agent left")).to_be_attached()


def test_another_organization_sees_nothing(stack: Stack, page: Page) -> None:
    log_in(stack, page, STRANGER)
    theirs, own = uuid4().hex, uuid4().hex
    stack.webhook(*FORMS["own form"](theirs, "demo.opbx.test")[0])
    stack.webhook(*FORMS["own form"](own, "other.opbx.test")[0])
    expect(call_row(page, own)).to_have_count(1, timeout=10_000)
    assert call_row(page, theirs).count() == 0
    page.reload()
    expect(call_row(page, own)).to_have_count(1, timeout=10_000)
    assert call_row(page, theirs).count() == 0
    for call_id, domain in ((theirs, "demo.opbx.test"), (own, "other.opbx.test")):
        stack.webhook(*FORMS["own form"](call_id, domain)[2])


def test_a_relay_that_restarts_is_followed(stack: Stack, page: Page) -> None:
    log_in(stack, page, OWNER)
    stack.relays[0].kill()
    expect(page.get_by_test_id("connection-state")).not_to_have_attribute("data-state", "connected", timeout=20_000)
    expect(page.get_by_test_id("stale-notice")).to_contain_text("every 5 seconds")
    missed = uuid4().hex
    stack.webhook(*FORMS["own form"](missed, "demo.opbx.test")[0])
    expect(call_row(page, missed)).to_have_attribute("data-status", "initiated", timeout=20_000)  # by polling
    stack.relays[0].start()
    stack.wait_ready()
    expect_state(page, "connected")
    expect(page.get_by_test_id("stale-notice")).to_have_count(0)
    stack.webhook(*FORMS["own form"](missed, "demo.opbx.test")[1])
    expect(call_row(page, missed)).to_have_attribute("data-status", "answered", timeout=10_000)


def test_a_revoked_token_leads_to_the_login(stack: Stack, page: Page) -> None:
    log_in(stack, page, AGENT)
    assert stack.post("/api/v1/auth/logout", session_token(page.context)).status_code == 204
    expect(page.get_by_test_id("login-form")).to_be_visible(timeout=20_000)
    expect(page.get_by_role("alert")).to_contain_text("Your session has ended")


def test_the_page_notices_that_events_do_not_come_through(stack: Stack, page: Page) -> None:
    log_in(stack, page, OWNER)
    stack.redis.signal(signal.SIGSTOP)
    try:
        call_id = uuid4().hex
        assert stack.webhook(*FORMS["own form"](call_id, "demo.opbx.test")[0]).status_code == 200
        # It asks after a silence, and when it is looked at again.
        page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")
        expect_state(page, "delayed")
        expect(call_row(page, call_id)).to_have_attribute("data-status", "initiated", timeout=20_000)
    finally:
        stack.redis.signal(signal.SIGCONT)
    stack.wait_ready()
    stack.webhook(*FORMS["own form"](call_id, "demo.opbx.test")[2])
    expect_state(page, "connected", timeout=60)


def test_a_thousand_calls(stack: Stack, page: Page, capsys: pytest.CaptureFixture[str]) -> None:
    log_in(stack, page, STRANGER)
    calls = [uuid4().hex for _ in range(1_000)]
    with ThreadPoolExecutor(16) as pool:
        answers = list(pool.map(lambda call: stack.webhook(*FORMS["own form"](call, "other.opbx.test")[0]), calls))
    assert {answer.status_code for answer in answers} == {200}
    expect(page.get_by_role("radio", name="All 1000", exact=False)).to_be_attached(timeout=30_000)
    assert page.get_by_test_id("call-row").count() < 100  # what is out of sight is not drawn
    frames = page.evaluate(
        """() => new Promise((done) => {
             const times = [];
             const step = (time) => {
               times.push(time);
               window.scrollBy(0, 60);
               if (times.length < 90) requestAnimationFrame(step);
               else done(times.slice(1).map((time, index) => time - times[index]));
             };
             requestAnimationFrame(step);
           })"""
    )
    with capsys.disabled():
        median = statistics.median(frames)
        print(f"\nscrolling 1,000 calls: median frame {median:.1f} ms, longest {max(frames):.1f} ms")
    page.evaluate("window.scrollTo(0, document.documentElement.scrollHeight)")
    expect(page.locator('[role="row"][aria-rowindex="1001"]')).to_be_visible()
    page.get_by_role("searchbox").fill("nobody")
    expect(page.get_by_text("No call matches")).to_be_visible()


def test_the_time_from_webhook_to_pixel(stack: Stack, page: Page, capsys: pytest.CaptureFixture[str]) -> None:
    log_in(stack, page, OWNER)
    watch_paints(page)
    delays = []
    for _ in range(25):
        call_id = uuid4().hex
        endpoint, body = FORMS["own form"](call_id, "demo.opbx.test")[0]
        sent = time.time()
        assert stack.webhook(endpoint, body).status_code == 200
        delays.append(1000 * (painted(page, call_id) - sent))
        stack.webhook(*FORMS["own form"](call_id, "demo.opbx.test")[2])
    with capsys.disabled():
        print(f"\nwebhook to pixel: p50 {statistics.median(delays):.0f} ms, longest {max(delays):.0f} ms")
    assert min(delays) > 0
