"""What owners do in the dashboard, in real browsers: people, tokens, senders; and what it weighs."""

import re
from collections.abc import Iterator

import pytest
import requests
from playwright.sync_api import Browser, Page, Response, expect

from tests.system.browser import chromium, expect_state, fill_in_login, log_in, visit
from tests.system.stack import Stack

OWNER, AGENT = "owner@demo.opbx.test", "agent@demo.opbx.test"

#: Bytes that come over the line until the live board is there, compressed.
FIRST_LOAD = 250_000

pytestmark = pytest.mark.parametrize("stack", ["sqlite"], indirect=True)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as browser:
        yield browser


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    with visit(browser) as page:
        yield page


def test_whoever_is_invited_gets_in_and_is_put_out(stack: Stack, page: Page, browser: Browser) -> None:
    log_in(stack, page, OWNER, "/users")
    page.get_by_role("button", name="Invite").click()
    dialog = page.get_by_role("dialog", name="Invite a user")
    dialog.get_by_label("Name").fill("Grace Hopper")
    dialog.get_by_label("Email").fill("agent@demo.opbx.test")
    dialog.get_by_role("button", name="Make the invitation").click()
    expect(dialog.get_by_role("alert")).to_be_visible()  # somebody has that address
    dialog.get_by_label("Email").fill("grace@demo.opbx.test")
    dialog.get_by_role("button", name="Make the invitation").click()
    link = page.get_by_role("dialog", name="Invitation").locator("code").inner_text()
    page.get_by_role("button", name="Done").click()
    user = page.get_by_role("row").filter(has_text="Grace Hopper")
    expect(user).to_contain_text("Invited")

    with visit(browser) as theirs:
        theirs.goto(link)
        theirs.get_by_label("Password").fill("a password of her own")
        theirs.get_by_role("button", name="Sign in").click()
        expect_state(theirs, "connected")
        expect(theirs.get_by_test_id("member").filter(has_text="Grace Hopper (you)")).to_be_visible()
        expect(theirs.get_by_role("link", name="Users")).to_have_count(0)
        page.reload()
        expect(user).to_contain_text("Active")
        user.get_by_role("button", name="Deactivate").click()
        page.get_by_role("dialog").get_by_role("button", name="Deactivate").click()
        expect(user).to_contain_text("Deactivated")
        expect(theirs.get_by_test_id("login-form")).to_be_visible(timeout=20_000)


def test_a_token_is_made_used_and_revoked(stack: Stack, page: Page) -> None:
    log_in(stack, page, OWNER, "/tokens")
    page.get_by_role("button", name="New token").click()
    page.get_by_label("Name").fill("Wallboard")
    page.get_by_role("button", name="Make the token").click()
    header = page.get_by_role("dialog", name="API token").locator("code").last.inner_text()
    name, _, value = header.partition(": ")

    def ask() -> int:
        return requests.get(f"{stack.web_url}/api/v1/calls/active", headers={name: value}, timeout=10).status_code

    assert ask() == 200
    page.get_by_role("button", name="Done").click()
    page.get_by_role("button", name="Revoke: Wallboard").click()
    page.get_by_role("dialog").get_by_role("button", name="Revoke").click()
    expect(page.get_by_role("button", name="Revoke: Wallboard")).to_have_count(0)
    assert ask() == 401


def test_a_sender_key_is_made_and_tried(stack: Stack, page: Page) -> None:
    log_in(stack, page, OWNER, "/senders")
    page.get_by_role("button", name="New key").click()
    page.get_by_label("Name").fill("Office PBX")
    page.get_by_role("button", name="Make the key").click()
    key = page.get_by_role("dialog", name="Sender key").locator("code").first.inner_text()
    page.get_by_role("button", name="Done").click()
    test = page.get_by_role("region", name="Test call")
    test.get_by_label("Key").fill("not the key at all")
    test.get_by_role("button", name="Send a test call").click()
    expect(test).to_contain_text(re.compile("key|signature|sender", re.I))
    expect(test.get_by_text("Ringing", exact=True)).to_have_count(0)
    test.get_by_label("Key").fill(key)
    test.get_by_role("button", name="Send a test call").click()
    expect(test.get_by_text("Ringing", exact=True)).to_be_visible(timeout=10_000)
    page.get_by_role("link", name="See it live").click()
    row = (
        page.get_by_test_id("call-row")
        .filter(has_text="+1 202-555-0123")
        .or_(page.get_by_test_id("call-row").filter(has_text="+1 202 555 0123"))
    )
    expect(row).to_have_attribute("data-status", "completed", timeout=20_000)


def test_a_password_is_changed_and_other_logins_end(stack: Stack, page: Page, browser: Browser) -> None:
    owner = stack.login(OWNER)["access_token"]
    person = {"name": "Edsger Dijkstra", "email": "edsger@demo.opbx.test", "role": "pbx_user"}
    link = stack.post("/api/v1/users", owner, person).json()["invitation"]["url"]
    page.goto(link)
    page.get_by_label("Password").fill("the first password")
    page.get_by_role("button", name="Sign in").click()
    expect_state(page, "connected")
    with visit(browser) as other:
        fill_in_login(stack, other, person["email"], "the first password")
        expect_state(other, "connected")
        page.get_by_role("link", name="Settings").click()
        form = page.get_by_role("region", name="Password")
        form.get_by_label("Current password").fill("not the first one")
        form.get_by_label("New password").fill("the second password")
        form.get_by_role("button", name="Change the password").click()
        expect(form).to_contain_text("The current password is wrong.")
        form.get_by_label("Current password").fill("the first password")
        form.get_by_role("button", name="Change the password").click()
        expect(form.get_by_role("status")).to_contain_text("Your password is changed")
        expect(other.get_by_test_id("login-form")).to_be_visible(timeout=20_000)
        fill_in_login(stack, other, person["email"], "the second password")
        expect_state(other, "connected")
    expect_state(page, "connected")


def test_others_do_not_manage(stack: Stack, page: Page) -> None:
    log_in(stack, page, AGENT, "/users")
    expect(page.get_by_text("There is no such page")).to_be_visible()
    page.goto(f"{stack.web_url}/audit")
    expect(page.get_by_text("There is no such page")).to_be_visible()


def test_owners_reach_their_pages_on_a_phone(stack: Stack, browser: Browser) -> None:
    with visit(browser, viewport={"width": 360, "height": 640}) as page:
        log_in(stack, page, OWNER)
        page.get_by_role("link", name="More").click()
        page.get_by_test_id("manage").get_by_role("link", name="Senders").click()
        expect(page.get_by_role("heading", name="Senders")).to_be_visible()


def test_the_first_load_is_light_and_charts_come_when_needed(stack: Stack, page: Page) -> None:
    sizes: dict[str, int] = {}

    def weigh(response: Response) -> None:
        if "/api/" not in response.url:
            sizes[response.url] = int(response.headers["content-length"])

    page.on("response", weigh)
    log_in(stack, page, OWNER)
    assert sum(sizes.values()) < FIRST_LOAD, sizes
    assert not any("Chart" in url for url in sizes)
    page.get_by_role("link", name="Statistics").click()
    expect(page.get_by_role("heading", name="Statistics")).to_be_visible()
