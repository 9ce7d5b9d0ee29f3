import { answer, ApiClient } from '@/api/client';
import { ApiError } from '@/api/error';
import { Session } from '@/auth/session';
import { get, loggedIn, me, organization, refusal, server, url, user } from '@/testing/server';
import { http, HttpResponse, type JsonBodyType } from 'msw';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';

const LIFETIME = 1_000;
const seconds = (count: number) => vi.advanceTimersByTimeAsync(count * 1_000);

/** Lets time pass, on the faked clock and on the network, until `condition` holds. */
async function until(condition: () => boolean): Promise<void> {
  for (let turn = 0; turn < 200 && !condition(); turn += 1) {
    await seconds(1);
    await new Promise(setImmediate);
  }
  expect(condition()).toBe(true);
}

const onRefresh = (answerer: () => HttpResponse<JsonBodyType>) => {
  const asked = vi.fn(answerer);
  server.use(http.post(url('/api/v1/auth/refresh'), asked));
  return asked;
};
const sequence = { sequence: 7, server_time: '2026-01-01T12:00:00Z' };

let client: ApiClient;
let session: Session;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date'] });
  server.use(get('/api/v1/auth/me', me(LIFETIME)));
  client = new ApiClient();
  session = new Session(client, localStorage);
});
afterEach(async () => {
  await session.signOut();
  vi.useRealTimers();
});

it('signs in, survives a reload, and signs out', async () => {
  await session.signIn('ada@demo.test', 'secret');
  expect(session.get()).toEqual({ status: 'signed-in', user, organization });

  const reloaded = new Session(new ApiClient(), localStorage);
  await reloaded.restore();
  expect(reloaded.get().status).toBe('signed-in');
  await reloaded.signOut();

  await session.signOut();
  expect(session.get()).toEqual({ status: 'signed-out', notice: null });
  expect(localStorage).toHaveLength(0);
});

it('keeps no secret where scripts could read it', async () => {
  await session.signIn('ada@demo.test', 'secret');
  expect(Object.entries(localStorage)).toEqual([['opbx.user', user.id]]);
  expect(sessionStorage).toHaveLength(0);
});

it('passes on why the server lets somebody not in', async () => {
  server.use(http.post(url('/api/v1/auth/login'), () => refusal(401)));
  const failure = session.signIn('ada@demo.test', 'wrong');
  await expect(failure).rejects.toMatchObject({ status: 401, code: 'UNAUTHENTICATED', requestId: 'req-1' });
  expect(session.get().status).toBe('signed-out');
});

it('ends when a request is refused and nobody is signed in any more, and says so', async () => {
  await session.signIn('ada@demo.test', 'secret');
  for (const path of ['/api/v1/calls/active', '/api/v1/auth/me'] as const) {
    server.use(http.get(url(path), () => refusal(401)));
  }
  await expect(answer(client.http.GET('/api/v1/calls/active'))).rejects.toBeInstanceOf(ApiError);
  expect(session.get()).toMatchObject({ status: 'signed-out', notice: expect.any(String) as string });
  expect(localStorage).toHaveLength(0);
});

it('ends when the account is switched off, and says so', async () => {
  await session.signIn('ada@demo.test', 'secret');
  for (const path of ['/api/v1/calls/active', '/api/v1/auth/me'] as const) {
    server.use(http.get(url(path), () => refusal(403, 'ACCOUNT_INACTIVE')));
  }
  await expect(answer(client.http.GET('/api/v1/calls/active'))).rejects.toMatchObject({ status: 403 });
  expect(session.get()).toEqual({ status: 'signed-out', notice: 'No.' });
});

it('goes on where only the request is forbidden', async () => {
  await session.signIn('ada@demo.test', 'secret');
  server.use(http.get(url('/api/v1/delivery'), () => refusal(403, 'FORBIDDEN')));
  await expect(answer(client.http.GET('/api/v1/delivery'))).rejects.toMatchObject({ status: 403 });
  expect(session.get().status).toBe('signed-in');
});

it('sends a request again that was refused because another page renewed the cookie', async () => {
  await session.signIn('ada@demo.test', 'secret');
  server.use(
    http.get(url('/api/v1/calls/sequence'), () => refusal(401), { once: true }),
    get('/api/v1/calls/sequence', sequence),
  );
  await expect(answer(client.http.GET('/api/v1/calls/sequence'))).resolves.toEqual(sequence);
  expect(session.get().status).toBe('signed-in');
});

describe('a page that is reloaded while the server is away', () => {
  let reloaded: Session;
  let isAway: boolean;
  let asked: number;
  let states: string[];

  beforeEach(async () => {
    await session.signIn('ada@demo.test', 'secret');
    isAway = true;
    asked = 0;
    states = [];
    server.use(
      http.get(url('/api/v1/auth/me'), () => {
        asked += 1;
        return isAway ? HttpResponse.error() : HttpResponse.json(me(LIFETIME));
      }),
    );
    reloaded = new Session(new ApiClient(), localStorage);
    reloaded.subscribe(() => states.push(reloaded.get().status));
    await reloaded.restore();
  });
  afterEach(() => reloaded.signOut());

  it('asks by itself until the server is back, and shows no other page in between', async () => {
    expect(reloaded.get()).toEqual({ status: 'unavailable', message: 'The server cannot be reached.' });
    await until(() => asked === 4);
    isAway = false;
    await until(() => reloaded.get().status === 'signed-in');
    expect(new Set(states)).toEqual(new Set(['restoring', 'unavailable', 'signed-in']));
    expect(states.filter((state) => state === 'restoring')).toHaveLength(1);
    const then = asked;
    await seconds(120);
    expect(asked).toBe(then);
  });

  it('asks at once when somebody says so', async () => {
    isAway = false;
    await reloaded.restore();
    expect(reloaded.get().status).toBe('signed-in');
  });

  it('asks no more when nobody is signed in any longer', async () => {
    window.dispatchEvent(new StorageEvent('storage', { key: 'opbx.user', newValue: null }));
    await seconds(120);
    expect(asked).toBe(1);
    expect(reloaded.get().status).toBe('signed-out');
  });
});

it('renews the token before it expires, again and again', async () => {
  const asked = onRefresh(() => HttpResponse.json(loggedIn(LIFETIME)));
  await session.signIn('ada@demo.test', 'secret');
  await seconds(LIFETIME * 0.7);
  expect(asked).not.toHaveBeenCalled();
  await seconds(LIFETIME * 0.1);
  await until(() => asked.mock.calls.length === 1);
  await seconds(LIFETIME * 0.8);
  await until(() => asked.mock.calls.length === 2);
  expect(session.get().status).toBe('signed-in');
});

it('tries again to renew while the server is away, and ends when it refuses', async () => {
  const asked = onRefresh(() => HttpResponse.error() as HttpResponse<null>);
  await session.signIn('ada@demo.test', 'secret');
  await seconds(LIFETIME * 0.76);
  await until(() => asked.mock.calls.length > 1);
  expect(session.get().status).toBe('signed-in');
  onRefresh(() => refusal(401));
  server.use(http.get(url('/api/v1/auth/me'), () => refusal(401)));
  await until(() => session.get().status === 'signed-out');
});

it('goes on with the cookie of another page that renewed it at the same moment', async () => {
  const asked = onRefresh(() => refusal(401));
  await session.signIn('ada@demo.test', 'secret');
  await seconds(LIFETIME * 0.76);
  await until(() => asked.mock.calls.length === 1);
  expect(session.get().status).toBe('signed-in');
  onRefresh(() => HttpResponse.json(loggedIn(LIFETIME)));
});

it('follows another page that signs out', async () => {
  await session.signIn('ada@demo.test', 'secret');
  window.dispatchEvent(new StorageEvent('storage', { key: 'opbx.user', newValue: null }));
  expect(session.get()).toEqual({ status: 'signed-out', notice: null });
});

it('asks nothing of a server where nobody signed in', async () => {
  server.use(get('/api/v1/auth/me', {}));
  await session.restore();
  expect(session.get()).toEqual({ status: 'signed-out', notice: null });
});
