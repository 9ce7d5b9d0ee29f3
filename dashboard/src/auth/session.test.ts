import { answer, ApiClient } from '@/api/client';
import { ApiError } from '@/api/error';
import { Session } from '@/auth/session';
import { get, loggedIn, organization, refusal, server, url, user } from '@/testing/server';
import { http, HttpResponse } from 'msw';
import { afterEach, beforeEach, expect, it, vi } from 'vitest';

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

let client: ApiClient;
let session: Session;

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout', 'Date'] });
  server.use(http.post(url('/api/v1/auth/login'), () => HttpResponse.json(loggedIn('t1', LIFETIME))));
  client = new ApiClient();
  session = new Session(client, sessionStorage);
});
afterEach(async () => {
  await session.signOut();
  vi.useRealTimers();
});

it('signs in, survives a reload, and signs out', async () => {
  await session.signIn('ada@demo.test', 'secret');
  expect(session.get()).toEqual({ status: 'signed-in', token: 't1', user, organization });

  const reloaded = new Session(new ApiClient(), sessionStorage);
  await reloaded.restore();
  expect(reloaded.get().status).toBe('signed-in');

  await session.signOut();
  expect(session.get()).toEqual({ status: 'signed-out', notice: null });
  expect(sessionStorage).toHaveLength(0);
});

it('passes on why the server lets somebody not in', async () => {
  server.use(http.post(url('/api/v1/auth/login'), () => refusal(401)));
  const failure = session.signIn('ada@demo.test', 'wrong');
  await expect(failure).rejects.toMatchObject({ status: 401, code: 'UNAUTHENTICATED', requestId: 'req-1' });
  expect(session.get().status).toBe('signed-out');
});

it('ends when any request is refused, and says so', async () => {
  server.use(http.get(url('/api/v1/calls/active'), () => refusal(401)));
  await session.signIn('ada@demo.test', 'secret');
  await expect(answer(client.http.GET('/api/v1/calls/active'))).rejects.toBeInstanceOf(ApiError);
  expect(session.get()).toMatchObject({ status: 'signed-out', notice: expect.any(String) as string });
  expect(sessionStorage).toHaveLength(0);
});

it('does not end by the late refusal of an earlier token', async () => {
  await session.signIn('ada@demo.test', 'secret');
  client.onUnauthorized('an-earlier-one');
  expect(session.get().status).toBe('signed-in');
});

it('keeps the token while the server is away', async () => {
  await session.signIn('ada@demo.test', 'secret');
  const reloaded = new Session(new ApiClient(), sessionStorage);
  server.use(http.get(url('/api/v1/auth/me'), () => HttpResponse.error(), { once: true }));
  await reloaded.restore();
  expect(reloaded.get()).toEqual({ status: 'unavailable', message: 'The server cannot be reached.' });
  await reloaded.restore();
  expect(reloaded.get().status).toBe('signed-in');
});

it('renews the token before it expires, again and again, also after a reload', async () => {
  let renewals = 0;
  server.use(
    http.post(url('/api/v1/auth/refresh'), () => HttpResponse.json(loggedIn(`t1.${++renewals}`, LIFETIME))),
  );
  await session.signIn('ada@demo.test', 'secret');
  await seconds(LIFETIME * 0.7);
  expect(renewals).toBe(0);
  await seconds(LIFETIME * 0.1);
  await vi.waitFor(() => expect(session.get()).toMatchObject({ status: 'signed-in', token: 't1.1' }));
  await seconds(LIFETIME * 0.8);
  await vi.waitFor(() => expect(session.get()).toMatchObject({ token: 't1.2' }));

  const reloaded = new Session(new ApiClient(), sessionStorage);
  await reloaded.restore();
  expect(reloaded.get()).toMatchObject({ status: 'signed-in', token: 't1.2' });
  await seconds(LIFETIME * 0.8);
  await vi.waitFor(() => expect(reloaded.get()).not.toMatchObject({ token: 't1.2' }));
  expect(reloaded.get().status).toBe('signed-in');
  await reloaded.signOut();
});

it('tries again to renew while the server is away, and ends when it refuses', async () => {
  const asked = vi.fn(() => HttpResponse.error());
  server.use(http.post(url('/api/v1/auth/refresh'), asked));
  await session.signIn('ada@demo.test', 'secret');
  await seconds(LIFETIME * 0.76);
  await until(() => asked.mock.calls.length > 1);
  expect(session.get().status).toBe('signed-in');
  server.use(http.post(url('/api/v1/auth/refresh'), () => refusal(401)));
  await until(() => session.get().status === 'signed-out');
});

it('sends a request again that was under way while the token was renewed', async () => {
  await session.signIn('ada@demo.test', 'secret');
  server.use(
    http.post(url('/api/v1/auth/refresh'), () => HttpResponse.json(loggedIn('t2', LIFETIME))),
    http.get(url('/api/v1/calls/sequence'), ({ request }) =>
      request.headers.get('Authorization') === 'Bearer t2'
        ? HttpResponse.json({ sequence: 7, server_time: '2026-01-01T12:00:00Z' })
        : refusal(401),
    ),
  );
  await seconds(LIFETIME * 0.76);
  await expect(answer(client.http.GET('/api/v1/calls/sequence'))).resolves.toMatchObject({ sequence: 7 });
  expect(session.get()).toMatchObject({ status: 'signed-in', token: 't2' });
});

it('asks nothing of a server for somebody who is not signed in', async () => {
  server.use(get('/api/v1/auth/me', {}));
  await session.restore();
  expect(session.get()).toEqual({ status: 'signed-out', notice: null });
});
