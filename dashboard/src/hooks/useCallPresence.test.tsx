import type { ActiveCalls, SubscriptionRequest } from '@/api/types';
import { session } from '@/auth/session';
import { liveBoard } from '@/calls/liveBoard';
import { POLL_MS } from '@/calls/liveFeed';
import { QUIET_MS, UNDER_WAY_MS } from '@/connection/heartbeat';
import { useCallPresence, type CallPresence } from '@/hooks/useCallPresence';
import type { Authorize } from '@/services/echo-client';
import { callRecord } from '@/testing/calls';
import { FakeEcho } from '@/testing/fakeEcho';
import { loggedIn, me, refusal, server, url } from '@/testing/server';
import { act, cleanup, render } from '@testing-library/react';
import { http, HttpResponse } from 'msw';
import { StrictMode, useEffect } from 'react';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';

const echoes = vi.hoisted((): FakeEcho[] => []);
vi.mock('@/services/echo-client', () => ({
  createEcho: (_config: unknown, authorize: Authorize) => {
    const echo = new FakeEcho(authorize);
    echoes.push(echo);
    return echo;
  },
}));

const NOW = Date.parse('2026-01-01T12:00:10Z');
/** Of a token, in seconds: longer than all tests but one take. */
const LIFETIME = 600;
const ada = { id: 'u1', name: 'Ada', email: 'ada@demo.test', role: 'owner' };
// The server's clock is a minute ahead of this page's.
const call = callRecord('c1', { initiated_at: '2026-01-01T12:01:03Z' });

let snapshots: number;
let active: ActiveCalls;
let refused: boolean;
/** Of the last event that the server knows of, where that is beyond the snapshot's. */
let reached: number | null;
let seen: CallPresence;

function Probe() {
  const presence = useCallPresence();
  useEffect(() => {
    seen = presence;
  });
  return null;
}

/** Lets time pass on the faked clock, and answers come over the network. */
const wait = (ms: number) =>
  act(async () => {
    await vi.advanceTimersByTimeAsync(ms);
    for (let turn = 0; turn < 20; turn += 1) await new Promise(setImmediate);
    await vi.advanceTimersByTimeAsync(50);
  });
const echo = () => echoes.at(-1) ?? expect.fail('no connection was made');
const channel = () => echo().channels.get('presence.org.o1') ?? expect.fail('the channel was not joined');
let connections = 0;
async function goLive() {
  connections += 1;
  echo().become('connected');
  await echo().subscribe('presence.org.o1', `1.${connections}`, [ada]);
  await wait(50);
}

beforeEach(async () => {
  vi.useFakeTimers({
    now: NOW,
    toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'Date', 'requestAnimationFrame'],
  });
  echoes.length = 0;
  snapshots = 0;
  refused = false;
  reached = null;
  active = { data: [call], sequence: 5, server_time: '2026-01-01T12:01:10Z' };
  server.use(
    http.get(url('/api/v1/auth/me'), () => (refused ? refusal(401) : HttpResponse.json(me(LIFETIME)))),
    http.post(url('/api/v1/broadcasting/auth'), async ({ request }) => {
      const { resume } = (await request.json()) as SubscriptionRequest;
      return HttpResponse.json({ auth: 'k:s', channel_data: JSON.stringify({ resume: resume ?? undefined }) });
    }),
    http.get(url('/api/v1/calls/active'), () => {
      snapshots += 1;
      return refused ? refusal(401) : HttpResponse.json(active);
    }),
    http.get(url('/api/v1/calls/sequence'), () =>
      HttpResponse.json({ sequence: reached ?? active.sequence, server_time: active.server_time }),
    ),
  );
  await session.signIn('ada@demo.test', 'secret');
  render(
    <StrictMode>
      <Probe />
      <Probe />
    </StrictMode>,
  );
  await wait(50);
});

afterEach(async () => {
  await session.signOut();
  cleanup();
  liveBoard.stop();
  await wait(50); // a frame asked for under one test's clock would never come under the next one's
  vi.useRealTimers();
});

it('shares one connection and one subscription among components, in StrictMode', async () => {
  await goLive();
  expect(echoes).toHaveLength(1);
  expect(echo().joined).toEqual(['presence.org.o1']);
  expect(snapshots).toBe(2); // at once, and after the subscription
  expect(seen).toMatchObject({ isConnected: true, isLoading: false, totalActiveCalls: 1, onlineMembers: [ada] });
});

it('counts the duration each second by the server’s clock', async () => {
  await goLive();
  const before = seen.activeCalls[0]?.duration ?? expect.fail('no duration');
  expect(before).toBe(7);
  await wait(2_000);
  expect(seen.activeCalls[0]?.duration).toBe(before + 2);
});

it('shows an ended call with its outcome for a while', async () => {
  await goLive();
  channel().emit('.call.ended', { call_id: 'c1', sequence: 6, status: 'busy', duration: 0 });
  await wait(50);
  expect(seen).toMatchObject({ totalActiveCalls: 0, endedCalls: [{ call_id: 'c1', status: 'busy' }] });
  await wait(7_000);
  expect(seen.endedCalls).toEqual([]);
});

it('goes on after a loss with the events that it missed, without a snapshot', async () => {
  await goLive();
  const before = snapshots;
  echo().become('connecting');
  await goLive();
  channel().emit('.call.answered', { call_id: 'c1', sequence: 6, status: 'answered' });
  channel().emit('.call.initiated', { call_id: 'c2', sequence: 7, status: 'initiated' });
  await wait(50);
  expect(snapshots).toBe(before);
  expect(seen.activeCalls.map(({ call_id, status }) => [call_id, status])).toEqual([
    ['c1', 'answered'],
    ['c2', 'initiated'],
  ]);
});

it('fetches after a loss when the relay cannot go on, and when what it sends leaves a gap', async () => {
  await goLive();
  const before = snapshots;
  echo().become('connecting');
  await goLive();
  channel().emit('.opbx:resync', {});
  await wait(50);
  expect(snapshots).toBe(before + 1);
  active = { ...active, data: [], sequence: 8 };
  echo().become('connecting');
  await goLive();
  channel().emit('.call.answered', { call_id: 'c1', sequence: 8, status: 'answered' });
  await wait(50);
  expect(snapshots).toBe(before + 2);
  expect(seen.totalActiveCalls).toBe(0);
});

it('is not taken back by a snapshot from before the loss that comes after it', async () => {
  await goLive();
  let answer = () => {};
  const held = new Promise<void>((resolve) => (answer = resolve));
  server.use(
    http.get(url('/api/v1/calls/active'), () => held.then(() => HttpResponse.json(active)), { once: true }),
  );
  seen.refetch();
  channel().emit('.call.initiated', { call_id: 'c2', sequence: 6, status: 'initiated' });
  echo().become('connecting');
  await goLive();
  channel().emit('.call.ended', { call_id: 'c1', sequence: 7, status: 'completed', duration: 1 });
  answer(); // true at 5
  await wait(50);
  expect(seen.activeCalls.map(({ call_id }) => call_id)).toEqual(['c2']);
});

it('fetches at once after a loss when the last snapshot had failed', async () => {
  await goLive();
  server.use(http.get(url('/api/v1/calls/active'), () => refusal(503), { once: true }));
  seen.refetch();
  await wait(50);
  expect(seen.error?.status).toBe(503);
  const before = snapshots;
  echo().become('connecting');
  await goLive();
  expect(snapshots).toBe(before + 1);
  expect(seen.error).toBeNull();
});

it('fetches on a gap, on a resync, and on a resubscription that does not go on', async () => {
  await goLive();
  active = { ...active, data: [], sequence: 9 };
  channel().emit('.call.initiated', { call_id: 'c2', sequence: 9, status: 'initiated' });
  await wait(50);
  expect(snapshots).toBe(3);
  expect(seen.totalActiveCalls).toBe(0);
  channel().emit('.opbx:resync', {});
  await wait(50);
  expect(snapshots).toBe(4);
  echo().connector.pusher.connection.socket_id = 'another';
  channel().emit('here', [ada]);
  await wait(50);
  expect(snapshots).toBe(5);
});

it('asks for the board while the socket is down, and is not connected before the channel is', async () => {
  await goLive();
  echo().become('connecting');
  await wait(50);
  expect(seen).toMatchObject({ isConnected: false, connection: 'reconnecting' });
  active = { ...active, data: [] };
  await wait(5_000);
  expect(seen.totalActiveCalls).toBe(0);
  echo().become('connected');
  await wait(50);
  expect(seen.connection).toBe('reconnecting');
  channel().emit('here', [ada]);
  await wait(50);
  expect(seen.connection).toBe('connected');
});

it('leads to the login when the token is refused, and drops the connection', async () => {
  await goLive();
  refused = true;
  echo().become('disconnected');
  await wait(50);
  expect(session.get().status).toBe('signed-out');
  expect(echo().disconnected).toBe(true);
  expect(seen.totalActiveCalls).toBe(0);
});

it('keeps the connection over a fast remount, and closes it when nobody uses it any more', async () => {
  await goLive();
  cleanup();
  await wait(500);
  render(<Probe />);
  await wait(2_000);
  expect(echoes).toHaveLength(1);
  expect(echo().disconnected).toBe(false);
  cleanup();
  await wait(2_000);
  expect(echo().disconnected).toBe(true);
});

it('keeps the connection when the token is renewed', async () => {
  const renewed = vi.fn(() => HttpResponse.json(loggedIn(LIFETIME)));
  server.use(http.post(url('/api/v1/auth/refresh'), renewed));
  await goLive();
  await wait(LIFETIME * 800);
  expect(renewed).toHaveBeenCalled();
  expect(session.get().status).toBe('signed-in');
  expect(echoes).toHaveLength(1);
  expect(echo().disconnected).toBe(false);
});

it('begins anew for somebody else, and keeps nothing of the one before', async () => {
  await goLive();
  const before = echo();
  server.use(http.get(url('/api/v1/auth/me'), () => HttpResponse.json({ ...me(), id: 'u2' })));
  active = { ...active, data: [] };
  localStorage.setItem('opbx.user', 'u2');
  window.dispatchEvent(new StorageEvent('storage', { key: 'opbx.user', newValue: 'u2' }));
  await wait(50);
  expect(before.disconnected).toBe(true);
  expect(echoes).toHaveLength(2);
  expect(seen.totalActiveCalls).toBe(0);
});

it('draws once a frame, however many events come', async () => {
  await goLive();
  let draws = 0;
  const stop = liveBoard.subscribe(() => (draws += 1));
  for (let sequence = 6; sequence < 1_006; sequence += 1) {
    channel().emit('.call.initiated', { call_id: `c${sequence}`, sequence, status: 'initiated' });
  }
  expect(draws).toBe(0);
  await wait(20);
  stop();
  expect(draws).toBe(1);
  expect(seen.totalActiveCalls).toBe(1_001);
});

it('notices a connection that brings nothing, says so, and asks until events come again', async () => {
  await goLive();
  await wait(QUIET_MS * 1.3);
  expect(seen.connection).toBe('connected'); // nothing happened, and nothing is missing
  reached = 6;
  active = { ...active, data: [], sequence: 6 };
  await wait(QUIET_MS * 1.3);
  await wait(UNDER_WAY_MS);
  expect(seen).toMatchObject({ connection: 'delayed', isConnected: false, totalActiveCalls: 0 });
  const before = snapshots;
  await wait(POLL_MS);
  await wait(POLL_MS);
  expect(snapshots).toBeGreaterThanOrEqual(before + 2);
  channel().emit('.call.ended', { call_id: 'c1', sequence: 6, status: 'completed' });
  await wait(20);
  expect(seen.connection).toBe('connected');
});

it('waits for an event that is under way before it takes it for missing', async () => {
  await goLive();
  reached = 6;
  await wait(QUIET_MS * 1.3);
  channel().emit('.call.ended', { call_id: 'c1', sequence: 6, status: 'completed' });
  await wait(UNDER_WAY_MS * 2);
  expect(seen.connection).toBe('connected');
});

it('loads anew, and misses nothing, where a resync comes in the place of an event that cannot be sent', async () => {
  await goLive();
  active = { ...active, data: [], sequence: 6 };
  channel().emit('.opbx:resync', {});
  await wait(50);
  expect(seen.totalActiveCalls).toBe(0);
  await wait(QUIET_MS * 1.3);
  await wait(UNDER_WAY_MS);
  expect(seen.connection).toBe('connected');
});

it('shows that the server cannot tell whether something is missing', async () => {
  await goLive();
  for (const path of ['/api/v1/calls/active', '/api/v1/calls/sequence'] as const) {
    server.use(http.get(url(path), () => HttpResponse.error()));
  }
  await wait(QUIET_MS * 1.3);
  expect(seen.error?.message).toBe('The server cannot be reached.');
});
