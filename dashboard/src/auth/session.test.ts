import { ApiClient, ApiError } from '@/api/client';
import { Session } from '@/auth/session';
import { beforeEach, expect, it, vi } from 'vitest';

const user = { id: 'u1', organization_id: 'o1', name: 'Ada', email: 'ada@demo.test', role: 'owner', status: 'active' };
const organization = { id: 'o1', name: 'Demo', slug: 'demo', timezone: 'UTC' };

const answers = new Map<string, () => Response>();
const json = (status: number, body: unknown) => () => Response.json(body, { status });
const refusal = json(401, {
  error: { code: 'UNAUTHENTICATED', message: 'No.', details: null, request_id: 'req-1' },
});

let client: ApiClient;
let session: Session;

beforeEach(() => {
  sessionStorage.clear();
  answers.clear();
  answers.set('/api/v1/auth/login', json(200, { access_token: 't1', token_type: 'Bearer', expires_in: 60, user }));
  answers.set('/api/v1/auth/me', json(200, { ...user, organization }));
  answers.set('/api/v1/auth/logout', () => new Response(null, { status: 204 }));
  answers.set('/api/v1/calls/active', refusal);
  vi.stubGlobal('fetch', (url: string) =>
    Promise.resolve().then(answers.get(url) ?? (() => Promise.reject(new TypeError('network')))),
  );
  client = new ApiClient();
  session = new Session(client, sessionStorage);
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
  answers.set('/api/v1/auth/login', refusal);
  const failure = session.signIn('ada@demo.test', 'wrong');
  await expect(failure).rejects.toMatchObject({ status: 401, code: 'UNAUTHENTICATED', requestId: 'req-1' });
  expect(session.get().status).toBe('signed-out');
});

it('ends when any request is refused, and says so', async () => {
  await session.signIn('ada@demo.test', 'secret');
  await expect(client.get('/calls/active')).rejects.toBeInstanceOf(ApiError);
  expect(session.get()).toMatchObject({ status: 'signed-out', notice: expect.any(String) as string });
  expect(sessionStorage).toHaveLength(0);
});

it('does not end by the late refusal of an earlier token', async () => {
  await session.signIn('ada@demo.test', 'secret');
  client.onUnauthorized('an-earlier-one');
  expect(session.get().status).toBe('signed-in');
});

it('keeps the token while the server is away', async () => {
  sessionStorage.setItem('opbx.token', 't1');
  answers.delete('/api/v1/auth/me');
  await session.restore();
  expect(session.get()).toEqual({ status: 'unavailable', message: 'The server cannot be reached.' });
  answers.set('/api/v1/auth/me', json(200, { ...user, organization }));
  await session.restore();
  expect(session.get().status).toBe('signed-in');
});
