import type { ActiveCalls } from '@/api/types';
import { session } from '@/auth/session';
import { liveBoard } from '@/calls/liveBoard';
import { useCallPresence, type CallPresence } from '@/hooks/useCallPresence';
import type { Authorize } from '@/services/echo-client';
import { FakeEcho } from '@/testing/fakeEcho';
import { act, cleanup, render } from '@testing-library/react';
import { StrictMode, useEffect } from 'react';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';

const echoes = vi.hoisted((): FakeEcho[] => []);
vi.mock('@/services/echo-client', () => ({
  createEcho: (token: string, _config: unknown, authorize: Authorize) => {
    const echo = new FakeEcho(token, authorize);
    echoes.push(echo);
    return echo;
  },
}));

const NOW = Date.parse('2026-01-01T12:00:10Z');
const ada = { id: 'u1', name: 'Ada', email: 'ada@demo.test', role: 'owner' };
const call = {
  id: 'id',
  call_id: 'c1',
  status: 'ringing' as const,
  direction: 'inbound',
  from_number: '+12127773456',
  to_number: '+18005556789',
  did_id: null,
  extension_id: null,
  extension: null,
  // The server's clock is a minute ahead of this page's.
  initiated_at: '2026-01-01T12:01:03Z',
  answered_at: null,
};
const body: Record<string, unknown> = {
  '/api/v1/auth/login': { access_token: 't1' },
  '/api/v1/auth/me': { ...ada, organization_id: '7', organization: { id: '7', name: 'Demo' } },
  '/api/v1/websocket/config': { key: 'k', host: '', port: 6001, scheme: 'http' },
};

let snapshots: number;
let active: ActiveCalls;
let refused: boolean;
let seen: CallPresence;

function Probe() {
  const presence = useCallPresence();
  useEffect(() => {
    seen = presence;
  });
  return null;
}

const wait = (ms: number) => act(() => vi.advanceTimersByTimeAsync(ms));
const echo = () => echoes.at(-1) ?? expect.fail('no connection was made');
const channel = () => echo().channels.get('presence.org.7') ?? expect.fail('the channel was not joined');
let connections = 0;
async function goLive() {
  connections += 1;
  echo().become('connected');
  await echo().subscribe('presence.org.7', `1.${connections}`, [ada]);
  await wait(50);
}

beforeEach(async () => {
  vi.useFakeTimers({ now: NOW });
  echoes.length = 0;
  snapshots = 0;
  refused = false;
  active = { data: [call], sequence: 5, server_time: '2026-01-01T12:01:10Z' };
  vi.stubGlobal('fetch', (url: string, init?: RequestInit) => {
    if (url === '/api/v1/broadcasting/auth') {
      const { resume } = JSON.parse(init?.body as string) as { resume?: number };
      return Promise.resolve(Response.json({ auth: 'k:s', channel_data: JSON.stringify({ resume }) }));
    }
    if (url === '/api/v1/calls/active') {
      snapshots += 1;
      return Promise.resolve(refused ? Response.json({}, { status: 401 }) : Response.json(active));
    }
    return Promise.resolve(Response.json(body[url] ?? {}));
  });
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
  expect(echo().joined).toEqual(['presence.org.7']);
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
  let answer: (response: Response) => void = () => undefined;
  const real = fetch;
  vi.stubGlobal('fetch', (url: string, init?: RequestInit) =>
    url === '/api/v1/calls/active' ? new Promise((resolve) => (answer = resolve)) : real(url, init),
  );
  seen.refetch();
  channel().emit('.call.initiated', { call_id: 'c2', sequence: 6, status: 'initiated' });
  echo().become('connecting');
  await goLive();
  channel().emit('.call.ended', { call_id: 'c1', sequence: 7, status: 'completed', duration: 1 });
  answer(Response.json(active)); // true at 5
  await wait(50);
  expect(seen.activeCalls.map(({ call_id }) => call_id)).toEqual(['c2']);
});

it('fetches at once after a loss when the last snapshot had failed', async () => {
  await goLive();
  const real = fetch;
  vi.stubGlobal('fetch', () => Promise.resolve(Response.json({}, { status: 503 })));
  seen.refetch();
  await wait(50);
  vi.stubGlobal('fetch', real);
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
