"""The page in a real browser: log in, see a call come and go, see who is online."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pytest
from playwright.sync_api import Browser, ConsoleMessage, Page, expect, sync_playwright

from tests.system.payloads import FORMS
from tests.system.stack import PASSWORD, Stack

#: A browser of this machine, offline but for loopback: without these it looks up its maker's hosts.
_ARGUMENTS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if program is None:
        pytest.skip("Chromium is not installed")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=_ARGUMENTS)
        yield browser
        browser.close()


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    page = context.new_page()
    problems: list[str] = []

    def note(message: ConsoleMessage) -> None:
        if message.type == "error" and "Content Security Policy" in message.text:
            problems.append(message.text)

    page.on("console", note)
    page.on("pageerror", lambda error: problems.append(str(error)))
    yield page
    context.close()
    assert problems == []


def log_in(stack: Stack, page: Page, email: str) -> None:
    page.goto(stack.web_url)
    form = page.get_by_test_id("login-form")
    form.get_by_label("Email").fill(email)
    form.get_by_label("Password", exact=True).fill(PASSWORD)
    form.get_by_role("button", name="Sign in").click()
    expect(page.get_by_test_id("connection-state")).to_have_attribute("data-state", "connected", timeout=20_000)


def test_a_call_rings_is_answered_and_ends(stack: Stack, page: Page, tmp_path: Path) -> None:
    log_in(stack, page, "owner@demo.opbx.test")
    call_id = uuid4().hex
    row = page.locator(f'[data-testid="call-row"][data-call-id="{call_id}"]')
    for (endpoint, body), status in zip(
        FORMS["own form"](call_id, "demo.opbx.test"), ("initiated", "answered", "completed"), strict=True
    ):
        assert stack.webhook(endpoint, body).status_code == 200
        expect(row).to_have_attribute("data-status", status, timeout=10_000)
        page.screenshot(path=tmp_path / f"{status}.png")
    expect(row).to_have_count(0, timeout=20_000)


def test_members_and_a_stranger(stack: Stack, page: Page, browser: Browser) -> None:
    log_in(stack, page, "owner@demo.opbx.test")
    agent = stack.login("agent@demo.opbx.test")["user"]["id"]
    member = page.locator(f'[data-testid="member"][data-user-id="{agent}"]')
    expect(member).to_have_count(0)
    second = browser.new_context()
    log_in(stack, second.new_page(), "agent@demo.opbx.test")
    expect(member).to_have_count(1, timeout=10_000)
    second.close()
    expect(member).to_have_count(0, timeout=10_000)


def test_a_relay_that_restarts_is_followed(stack: Stack, page: Page) -> None:
    log_in(stack, page, "owner@demo.opbx.test")
    state = page.get_by_test_id("connection-state")
    stack.relays[0].kill()
    expect(state).not_to_have_attribute("data-state", "connected", timeout=20_000)
    call_id = uuid4().hex
    stack.webhook(*FORMS["own form"](call_id, "demo.opbx.test")[0])
    stack.relays[0].start()
    stack.wait_ready()
    expect(state).to_have_attribute("data-state", "connected", timeout=30_000)
    row = page.locator(f'[data-testid="call-row"][data-call-id="{call_id}"]')
    expect(row).to_have_attribute("data-status", "initiated", timeout=20_000)


def test_a_wrong_password_is_told(stack: Stack, page: Page) -> None:
    page.goto(stack.web_url)
    form = page.get_by_test_id("login-form")
    form.get_by_label("Email").fill("owner@demo.opbx.test")
    form.get_by_label("Password", exact=True).fill("wrong")
    form.get_by_role("button", name="Sign in").click()
    expect(page.get_by_role("alert")).to_be_visible()
