import { EchoService, type ConnectionState } from '@/services/echo.service';
import type { WebSocketConfig } from '@/services/websocket-config';
import { FakeEcho, type FakeChannel } from '@/testing/fakeEcho';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

const config: WebSocketConfig = { key: 'k', host: 'relay.test', port: 6001, tls: false };
const ada = { id: 'u1', name: 'Ada', email: 'ada@demo.test', role: 'owner' };
const bob = { id: 'u2', name: 'Bob', email: 'bob@demo.test', role: 'pbx_user' };
const ROOM = 'presence.org.7';

let echoes: FakeEcho[];
let loadConfig: ReturnType<typeof vi.fn<() => Promise<WebSocketConfig>>>;
type Sign = ConstructorParameters<typeof EchoService>[2];
let sign: ReturnType<typeof vi.fn<Sign>>;
let service: EchoService;
let states: ConnectionState[];

const echo = () => echoes.at(-1) ?? expect.fail('no connection was made');
const channel = (): FakeChannel => echo().channels.get(ROOM) ?? expect.fail('the channel was not joined');
const nextTryIn = () => (service.nextTryAt ?? expect.fail('no try is waited for')) - Date.now();
const settled = () => vi.advanceTimersByTimeAsync(0);

beforeEach(() => {
  vi.useFakeTimers();
  echoes = [];
  states = [];
  loadConfig = vi.fn(() => Promise.resolve(config));
  sign = vi.fn<Sign>(({ resume }) => Promise.resolve({ auth: 'k:s', channel_data: JSON.stringify({ resume }) }));
  service = new EchoService(
    (_config, authorize) => {
      const made = new FakeEcho(authorize);
      echoes.push(made);
      return made;
    },
    loadConfig,
    sign,
  );
  service.onConnectionChange((state) => states.push(state));
});
afterEach(() => {
  service.disconnect();
  vi.useRealTimers();
});

describe('connect', () => {
  it('opens one connection for a token, however often it is called', async () => {
    service.connect('t1');
    service.connect('t1');
    await settled();
    service.connect('t1');
    await settled();
    expect(echoes).toHaveLength(1);
  });

  it('with another token replaces the connection and keeps the subscriptions', async () => {
    service.subscribeToOrganization('7', {});
    service.connect('t1');
    await settled();
    service.connect('t2');
    await settled();
    expect(echoes[0]?.disconnected).toBe(true);
    expect(echo().joined).toEqual([ROOM]);
    await echo().authorize('1.1', `presence-${ROOM}`);
    expect(sign).toHaveBeenLastCalledWith(expect.anything(), 't2');
  });

  it('needs no token where a cookie says who asks', async () => {
    service.subscribeToOrganization('7', {});
    service.connect();
    service.connect();
    await settled();
    await echo().authorize('1.1', `presence-${ROOM}`);
    expect(echoes).toHaveLength(1);
    expect(sign).toHaveBeenLastCalledWith(expect.anything(), null);
  });

  it('makes nothing for somebody who left meanwhile', async () => {
    service.connect('t1');
    service.disconnect();
    await settled();
    expect(echoes).toEqual([]);
  });

  it('tries again when the server cannot say where the relay is', async () => {
    loadConfig.mockRejectedValueOnce(new Error('away'));
    service.connect('t1');
    await settled();
    expect(service.state).toBe('offline');
    await vi.advanceTimersByTimeAsync(1_000);
    expect(echoes).toHaveLength(1);
  });
});

describe('connection state', () => {
  it('tells connecting from reconnecting', async () => {
    service.connect('t1');
    await settled();
    for (const state of ['connecting', 'connected', 'connecting', 'unavailable', 'connected']) echo().become(state);
    expect(states).toEqual(['connecting', 'connected', 'reconnecting', 'offline', 'connected']);
  });

  it('is reconnecting as soon as the loss is known, not when the first retry begins', async () => {
    service.connect('t1');
    await settled();
    echo().become('connected');
    echo().announceRetry();
    expect(service.state).toBe('reconnecting');
    expect(service.nextTryAt).toBe(Date.now() + 1_000);
    echo().become('connecting');
    expect(service.nextTryAt).toBeNull();
  });

  it('says when it tries again, however long the relay is away, and waits half a minute at most', async () => {
    service.connect('t1');
    await settled();
    echo().become('connected');
    echo().announceRetry();
    for (let tries = 0; tries < 8; tries += 1) {
      echo().become('connecting');
      echo().become('unavailable');
      expect(service.state).toBe('offline');
      const wait = nextTryIn();
      expect(wait).toBeGreaterThan(0);
      expect(wait).toBeLessThanOrEqual(30_000);
      await vi.advanceTimersByTimeAsync(wait);
      expect(echo().connects).toBe(tries + 1);
    }
  });

  it('tries at once when the browser has a network again', async () => {
    service.connect('t1');
    await settled();
    echo().become('unavailable');
    window.dispatchEvent(new Event('online'));
    expect(echo().connects).toBe(1);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(echo().connects).toBe(1);
    service.disconnect();
    window.dispatchEvent(new Event('online'));
    expect(echo().connects).toBe(1);
  });

  it('connects again where pusher-js gives up', async () => {
    service.connect('t1');
    await settled();
    echo().become('connected');
    echo().become('disconnected');
    expect(service.state).toBe('offline');
    const wait = nextTryIn();
    expect(wait).toBeGreaterThan(0);
    await vi.advanceTimersByTimeAsync(wait);
    expect(echo().connects).toBe(1);
  });

  it('follows no connection that was replaced', async () => {
    service.connect('t1');
    await settled();
    const old = echo();
    service.disconnect();
    old.become('connected');
    expect(service.state).toBe('offline');
  });
});

describe('subscribeToOrganization', () => {
  it('hands every event to its handler', async () => {
    const handlers = {
      onCallInitiated: vi.fn(),
      onCallAnswered: vi.fn(),
      onCallEnded: vi.fn(),
      onMemberJoined: vi.fn(),
      onMemberLeft: vi.fn(),
      onSubscribed: vi.fn(),
      onResync: vi.fn(),
    };
    service.subscribeToOrganization('7', handlers);
    service.connect('t1');
    await settled();
    const data = { call_id: 'c', sequence: 4, status: 'initiated' };
    channel().emit('here', [ada]);
    channel().emit('.call.initiated', data);
    channel().emit('.call.answered', data);
    channel().emit('.call.ended', data);
    channel().emit('.opbx:resync', {});
    channel().emit('joining', bob);
    channel().emit('leaving', bob);
    expect(handlers.onSubscribed).toHaveBeenCalledExactlyOnceWith([ada], false);
    expect(handlers.onCallInitiated).toHaveBeenCalledExactlyOnceWith(data);
    expect(handlers.onCallAnswered).toHaveBeenCalledExactlyOnceWith(data);
    expect(handlers.onCallEnded).toHaveBeenCalledExactlyOnceWith(data);
    expect(handlers.onResync).toHaveBeenCalledOnce();
    expect(handlers.onMemberJoined).toHaveBeenCalledExactlyOnceWith(bob);
    expect(handlers.onMemberLeft).toHaveBeenCalledExactlyOnceWith(bob);
  });

  it('takes an event that cannot be placed for a lost one', async () => {
    const handlers = { onCallInitiated: vi.fn(), onResync: vi.fn() };
    service.subscribeToOrganization('7', handlers);
    service.connect('t1');
    await settled();
    channel().emit('.call.initiated', { call_id: 'c', status: 'initiated' });
    channel().emit('.call.initiated', 'nonsense');
    expect(handlers.onCallInitiated).not.toHaveBeenCalled();
    expect(handlers.onResync).toHaveBeenCalledTimes(2);
  });

  it('joins once for several subscribers and leaves with the last', async () => {
    service.connect('t1');
    await settled();
    const stopFirst = service.subscribeToOrganization('7', {});
    channel().emit('here', [ada]);
    channel().emit('joining', bob);
    const late = vi.fn();
    const stopLate = service.subscribeToOrganization('7', { onSubscribed: late });
    expect(late).toHaveBeenCalledExactlyOnceWith([ada, bob], false);
    expect(echo().joined).toEqual([ROOM]);
    stopFirst();
    stopFirst();
    expect(echo().left).toEqual([]);
    stopLate();
    expect(echo().left).toEqual([ROOM]);
  });

  it('subscribes again, on the same channel, after a refusal', async () => {
    const onSubscriptionError = vi.fn();
    service.subscribeToOrganization('7', { onSubscriptionError });
    service.connect('t1');
    await settled();
    channel().emit('error');
    expect(onSubscriptionError).toHaveBeenCalledOnce();
    await vi.advanceTimersByTimeAsync(1_000);
    expect(channel().subscriptions).toBe(2);
    expect(echo().joined).toEqual([ROOM]);
  });

  it('leaves no timer behind after disconnect', async () => {
    service.subscribeToOrganization('7', {});
    service.connect('t1');
    await settled();
    channel().emit('error');
    echo().become('disconnected');
    service.disconnect();
    expect(vi.getTimerCount()).toBe(0);
    expect(echo().disconnected).toBe(true);
  });
});

describe('resumption', () => {
  const listener = (at: number | null) => ({ at, lastSequence: () => at, onSubscribed: vi.fn() });
  const asked = () => sign.mock.calls.map(([{ resume }]) => resume);

  it('asks for what follows the last event known, and says that it will come', async () => {
    const board = { sequence: null as number | null, onSubscribed: vi.fn() };
    service.subscribeToOrganization('7', {
      lastSequence: () => board.sequence,
      onSubscribed: board.onSubscribed,
    });
    service.connect('t1');
    await settled();
    await echo().subscribe(ROOM, '1.1', [ada]);
    board.sequence = 12;
    await echo().subscribe(ROOM, '1.2', [ada]);
    board.sequence = 0;
    await echo().subscribe(ROOM, '1.3', [ada]);
    expect(sign.mock.calls.map(([request]) => request)).toEqual([
      { socket_id: '1.1', channel_name: 'presence-presence.org.7' },
      { socket_id: '1.2', channel_name: 'presence-presence.org.7', resume: 12 },
      { socket_id: '1.3', channel_name: 'presence-presence.org.7', resume: 0 },
    ]);
    expect(board.onSubscribed.mock.calls).toEqual([
      [[ada], false],
      [[ada], true],
      [[ada], true],
    ]);
  });

  it('of several listeners begins with what the last of them knows', async () => {
    const [ahead, behind, blank] = [listener(20), listener(11), listener(null)];
    const careless = { onSubscribed: vi.fn() };
    for (const handlers of [ahead, behind, blank, careless]) service.subscribeToOrganization('7', handlers);
    service.connect('t1');
    await settled();
    await echo().subscribe(ROOM, '1.1', [ada]);
    expect(asked()).toEqual([11]);
    for (const { onSubscribed } of [ahead, behind]) expect(onSubscribed).toHaveBeenCalledExactlyOnceWith([ada], true);
    for (const { onSubscribed } of [blank, careless]) {
      expect(onSubscribed).toHaveBeenCalledExactlyOnceWith([ada], false);
    }
  });

  it('is none for a listener that came while it was asked for, and knows less', async () => {
    let answer: (signed: Awaited<ReturnType<Sign>>) => void = () => undefined;
    sign.mockReturnValueOnce(new Promise((resolve) => (answer = resolve)));
    service.subscribeToOrganization('7', listener(20));
    service.connect('t1');
    await settled();
    const subscribed = echo().subscribe(ROOM, '1.1', [ada]);
    const late = listener(15);
    service.subscribeToOrganization('7', late);
    answer({ auth: 'k:s', channel_data: '{"resume":20}' });
    await subscribed;
    expect(late.onSubscribed).toHaveBeenCalledExactlyOnceWith([ada], false);
  });

  it('is none where the server did not sign it', async () => {
    const board = listener(12);
    service.subscribeToOrganization('7', board);
    service.connect('t1');
    await settled();
    sign.mockResolvedValueOnce({ auth: 'k:s', channel_data: '{"user_id":"u1"}' });
    await echo().subscribe(ROOM, '1.1', [ada]);
    expect(board.onSubscribed).toHaveBeenLastCalledWith([ada], false);
  });

  it('is none where the signature was for an earlier connection', async () => {
    const board = listener(12);
    service.subscribeToOrganization('7', board);
    service.connect('t1');
    await settled();
    await echo().authorize('1.1', `presence-${ROOM}`);
    echo().connector.pusher.connection.socket_id = '1.2';
    channel().emit('here', [ada]);
    expect(board.onSubscribed).toHaveBeenCalledExactlyOnceWith([ada], false);
  });

  it('lets a refusal of the server through', async () => {
    sign.mockRejectedValueOnce(new Error('403'));
    service.subscribeToOrganization('7', {});
    service.connect('t1');
    await settled();
    await expect(echo().authorize('1.1', `presence-${ROOM}`)).rejects.toThrow('403');
  });
});
