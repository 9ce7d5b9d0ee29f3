"""Chromium for tests of the dashboard: a browser of this machine, people who are logged in, what axe finds."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Page, expect, sync_playwright

from opbx.settings import ROOT, VAR
from tests.system.stack import PASSWORD, Stack

#: Where screenshots are kept, to be looked at after the tests.
SCREENSHOTS = VAR / "screenshots"

#: Offline but for loopback: without these it looks up its maker's hosts.
_ARGUMENTS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip

_AXE = ROOT / "dashboard" / "node_modules" / "axe-core" / "axe.min.js"


@contextmanager
def chromium() -> Iterator[Browser]:
    program = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if program is None:
        pytest.skip("Chromium is not installed")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=program, args=_ARGUMENTS)
        yield browser
        browser.close()


@contextmanager
def visit(browser: Browser, **options: Any) -> Iterator[Page]:
    """A page of its own; errors of its scripts, and what the Content-Security-Policy refuses, fail the test."""
    defaults: dict[str, Any] = {"viewport": {"width": 1440, "height": 900}, "locale": "en-GB"}
    context = browser.new_context(**defaults | options)
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


def fill_in_login(stack: Stack, page: Page, email: str, password: str = PASSWORD) -> None:
    """Log in as people do."""
    page.goto(stack.web_url)
    form = page.get_by_test_id("login-form")
    form.get_by_label("Email").fill(email)
    form.get_by_label("Password", exact=True).fill(password)
    form.get_by_role("button", name="Sign in").click()


def log_in(stack: Stack, page: Page, email: str, path: str = "/") -> None:
    """Come as somebody who has logged in before, to a page that is live."""
    come_back(page, stack.web_url, email, PASSWORD, path)


def come_back(page: Page, url: str, email: str, password: str, path: str = "/") -> None:
    answer = page.context.request.post(
        f"{url}/api/v1/auth/login",
        data={"email": email, "password": password},
        headers={"Sec-Fetch-Site": "same-origin"},
    )
    assert answer.ok, answer.text()
    user = answer.json()["user"]["id"]
    page.context.add_init_script(f"localStorage.getItem('opbx.user') ?? localStorage.setItem('opbx.user', '{user}')")
    page.goto(f"{url}{path}")
    expect_state(page, "connected")


def session_token(context: BrowserContext) -> str:
    """What the browser keeps where scripts cannot read it."""
    (cookie,) = context.cookies()
    assert cookie["httpOnly"]
    return cookie["value"]


def expect_state(page: Page, state: str, *, timeout: float = 30.0) -> None:
    """Wait for what the page says of its connection."""
    expect(page.get_by_test_id("connection-state")).to_have_attribute("data-state", state, timeout=timeout * 1000)


def call_row(page: Page, call_id: str) -> Any:
    return page.locator(f'[data-testid="call-row"][data-call-id="{call_id}"]')


def violations(page: Page) -> list[str]:
    """What axe finds on the page as it is: rule and elements."""
    page.evaluate(_AXE.read_text())
    found: list[str] = page.evaluate(
        """async () => (await axe.run(document, {resultTypes: ['violations']})).violations.map(
             ({id, nodes}) => `${id}: ${nodes.map(({target}) => target.join(' ')).join(', ')}`)"""
    )
    return found


#: Notes when each call's row, new on the board, is on the screen. Whether a row appears within a frame or between two
#: decides which frame shows it; a message that is posted in a frame comes after it was drawn.
_WATCH = """() => {
  if (window.painted) return;
  window.painted = {};
  let drawing = false;
  const request = window.requestAnimationFrame.bind(window);
  const afterFrame = (callback) => {
    const {port1, port2} = new MessageChannel();
    port1.onmessage = callback;
    port2.postMessage(null);
  };
  window.requestAnimationFrame = (callback) => request((time) => {
    drawing = true;
    afterFrame(() => { drawing = false; });
    callback(time);
  });
  new MutationObserver(() => {
    const rows = [...document.querySelectorAll('[data-call-id]')].filter(({dataset}) => !(dataset.callId in painted));
    for (const {dataset: {callId}} of rows) {
      painted[callId] = null;
      const note = () => { painted[callId] = (performance.timeOrigin + performance.now()) / 1000; };
      if (drawing) afterFrame(note);
      else request(() => afterFrame(note));
    }
  }).observe(document.body, {subtree: true, childList: true});
}"""


def watch_paints(page: Page) -> None:
    """From now on, note when calls appear."""
    page.evaluate(_WATCH)


def painted(page: Page, call_id: str) -> float:
    """When the call was first on the screen, in seconds since the epoch."""
    moment: float = page.wait_for_function("id => window.painted[id]", arg=call_id).json_value()
    return moment
