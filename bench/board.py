"""`board`: what the dashboard costs the browser's main thread with 1,000 calls, and how soon it shows a webhook."""

import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass

from playwright.sync_api import CDPSession, Page, expect

from bench.report import Spread, Table
from bench.senders import Post, Senders, plan
from bench.stack import PASSWORD, SENDER_KEY, Stack, whole_stack
from tests.system.browser import chromium, come_back, painted, visit, watch_paints

CALLS, SECONDS = 1_000, 8.0
EVENTS = 50.0  # a second
TRIPS = 40
GOAL_PIXEL = 50.0  # milliseconds
GOAL_FRAMES = 60  # a second

#: Counts frames, and tasks that hold the page for more than 50 ms; scrolls if asked to.
_RUN = """async ({seconds, scrolled}) => {
  const long = [];
  const observer = new PerformanceObserver((list) => long.push(...list.getEntries().map(({duration}) => duration)));
  observer.observe({type: 'longtask'});
  const end = performance.now() + seconds * 1000;
  const lowest = document.documentElement.scrollHeight - window.innerHeight;
  let frames = 0;
  let at = window.scrollY;
  let by = scrolled;
  await new Promise((done) => {
    const step = () => {
      frames += 1;
      if (by) {
        at = Math.min(lowest, Math.max(0, at + by));
        if (at === 0 || at === lowest) by = -by;
        window.scrollTo(0, at);
      }
      if (performance.now() < end) requestAnimationFrame(step);
      else done();
    };
    requestAnimationFrame(step);
  });
  observer.disconnect();
  return {frames, long: long.length};
}"""


@dataclass(frozen=True)
class Cost:
    """Milliseconds of the page's main thread for each frame drawn."""

    frames: float  # a second
    script: float
    style_and_layout: float
    everything: float  # with what the browser itself does there, such as recording what is to be painted
    long: int  # tasks of more than 50 ms

    def __str__(self) -> str:
        return (
            f"{self.everything:.1f} ms a frame (script {self.script:.1f}, style and layout "
            f"{self.style_and_layout:.1f}), {self.frames:.0f} frames/s, {self.long} tasks over 50 ms"
        )


def run() -> None:
    table = Table("board: the dashboard in Chromium, headless, drawn by the processor")
    with whole_stack(1) as stack, chromium() as browser, visit(browser) as page:
        come_back(page, f"http://127.0.0.1:{stack.web_port}", f"owner@{stack.organizations[0].domain}", PASSWORD)
        trips = Spread.of([_trip(stack, page) for _ in range(TRIPS)])
        table.goal(
            "webhook to changed pixel, p50 / p99 / longest", str(trips), f"{GOAL_PIXEL:.0f} ms", trips.p50 <= GOAL_PIXEL
        )
        _fill(stack, page)
        session = page.context.new_cdp_session(page)
        session.send("Performance.enable", {"timeDomain": "threadTicks"})
        for name, scrolled, events in (
            (f"{CALLS} calls, durations ticking", 0, False),
            (f"{CALLS} calls, scrolling 60 pixels a frame", 60, False),
            (f"{CALLS} calls, {EVENTS:.0f} events/s", 0, True),
            (f"{CALLS} calls, {EVENTS:.0f} events/s, scrolling", 60, True),
        ):
            with _flow(stack) if events else _quiet():
                cost = _measure(session, page, scrolled)
            table.goal(name, str(cost), f"{GOAL_FRAMES} frames/s", cost.frames >= 0.99 * GOAL_FRAMES)
    table.show()


def _measure(session: CDPSession, page: Page, scrolled: int) -> Cost:
    before, began = _metrics(session), time.monotonic()
    counted = page.evaluate(_RUN, {"seconds": SECONDS, "scrolled": scrolled})
    took, after = time.monotonic() - began, _metrics(session)
    frames = int(counted["frames"])

    def each(*names: str) -> float:
        spent = sum(after[name] - before[name] for name in names)
        return 1000 * spent / float(frames)

    return Cost(
        frames=frames / took,
        script=each("ScriptDuration"),
        style_and_layout=each("RecalcStyleDuration", "LayoutDuration"),
        everything=each("TaskDuration"),
        long=counted["long"],
    )


def _metrics(session: CDPSession) -> dict[str, float]:
    return {metric["name"]: metric["value"] for metric in session.send("Performance.getMetrics")["metrics"]}


def _fill(stack: Stack, page: Page) -> None:
    """Calls that ring, and stay."""
    posts = [post for post in _plan(stack, calls_per_second=100.0, seconds=CALLS / 100.0) if post.stage == 0]
    _post(stack, posts)
    expect(page.get_by_role("radio", name=f"All {CALLS}")).to_be_attached(timeout=60_000)


@contextmanager
def _flow(stack: Stack) -> Iterator[None]:
    """Calls that begin, are answered and end, meanwhile."""
    posts = _plan(stack, calls_per_second=EVENTS / 3, seconds=SECONDS)
    with ThreadPoolExecutor(1) as pool:
        sent = pool.submit(_post, stack, posts)
        time.sleep(2.0)  # until the first calls end
        yield
        sent.result()


@contextmanager
def _quiet() -> Iterator[None]:
    yield


def _trip(stack: Stack, page: Page) -> float:
    """Seconds from the sending of a webhook to the frame that shows its call."""
    watch_paints(page)
    began, _, ended = (post for post in _plan(stack, calls_per_second=1.0, seconds=1.0))
    _post(stack, [began])
    shown = painted(page, began.call_id) - time.time() + time.monotonic()
    ended.due = 0.0
    _post(stack, [ended])
    return shown - began.sent


def _plan(stack: Stack, *, calls_per_second: float, seconds: float) -> list[Post]:
    domains = [stack.organizations[0].domain]
    return plan(domains, SENDER_KEY, calls_per_second=calls_per_second, seconds=seconds)


def _post(stack: Stack, posts: list[Post]) -> None:
    Senders(stack.web_port).run(posts)
    refused = [post.status for post in posts if not post.accepted]
    if refused:
        raise RuntimeError(f"{len(refused)} webhooks were not taken: {refused[:3]}")
