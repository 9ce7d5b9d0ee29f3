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
let service: EchoService;
let states: ConnectionState[];

const echo = () => echoes.at(-1) ?? expect.fail('no connection was made');
const channel = (): FakeChannel => echo().channels.get(ROOM) ?? expect.fail('the channel was not joined');
const settled = () => vi.advanceTimersByTimeAsync(0);

beforeEach(() => {
  vi.useFakeTimers();
  echoes = [];
  states = [];
  loadConfig = vi.fn(() => Promise.resolve(config));
  service = new EchoService((token) => {
    const made = new FakeEcho(token);
    echoes.push(made);
    return made;
  }, loadConfig);
  service.onConnectionChange((state) => states.push(state));
});
afterEach(() => vi.useRealTimers());

describe('connect', () => {
  it('opens one connection for a token, however often it is called', async () => {
    service.connect('t1');
    service.connect('t1');
    await settled();
    service.connect('t1');
    await settled();
    expect(echoes.map(({ token }) => token)).toEqual(['t1']);
  });

  it('with another token replaces the connection and keeps the subscriptions', async () => {
    service.subscribeToOrganization('7', {});
    service.connect('t1');
    await settled();
    service.connect('t2');
    await settled();
    expect(echoes[0]?.disconnected).toBe(true);
    expect(echo().token).toBe('t2');
    expect(echo().joined).toEqual([ROOM]);
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
  });

  it('connects again where pusher-js gives up', async () => {
    service.connect('t1');
    await settled();
    echo().become('connected');
    echo().become('disconnected');
    expect(service.state).toBe('offline');
    await vi.advanceTimersByTimeAsync(1_000);
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
    expect(handlers.onSubscribed).toHaveBeenCalledExactlyOnceWith([ada]);
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
    expect(late).toHaveBeenCalledExactlyOnceWith([ada, bob]);
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
