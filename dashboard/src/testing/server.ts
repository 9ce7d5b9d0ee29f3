/** A server for tests: answers of the HTTP API at the network's edge, those of a signed-in person by default. */

import type { components, paths } from '@/api/schema';
import { http, HttpResponse, type HttpHandler, type JsonBodyType } from 'msw';
import { setupServer } from 'msw/node';

type Schemas = components['schemas'];

export const organization: Schemas['Organization'] = {
  id: 'o1',
  name: 'Demo',
  slug: 'demo',
  status: 'active',
  timezone: 'UTC',
};
export const user: Schemas['User'] = {
  id: 'u1',
  organization_id: 'o1',
  name: 'Ada Lovelace',
  email: 'ada@demo.test',
  role: 'owner',
  status: 'active',
};

const LIFETIME = 43_200;

export function url(path: keyof paths): string {
  return `${window.location.origin}${path.replaceAll(/\{(\w+)\}/g, ':$1')}`;
}

export function loggedIn(lifetime = LIFETIME): Schemas['LoginAnswer'] {
  return { access_token: null, token_type: 'Bearer', expires_in: lifetime, user };
}

/** Who is signed in, with a token that is good for so many seconds. */
export function me(lifetime = LIFETIME): Schemas['Me'] {
  return { ...user, organization, expires_in: lifetime };
}

export function refusal(status: number, code = 'UNAUTHENTICATED', details: Record<string, string[]> = {}) {
  const error = { code, message: 'No.', details, request_id: 'req-1' };
  return HttpResponse.json({ error }, { status });
}

/** Answers `path` with `body`. */
export function get(path: keyof paths, body: JsonBodyType): HttpHandler {
  return http.get(url(path), () => HttpResponse.json(body));
}

export const server = setupServer(
  http.post(url('/api/v1/auth/login'), () => HttpResponse.json(loggedIn())),
  http.post(url('/api/v1/auth/logout'), () => new HttpResponse(null, { status: 204 })),
  get('/api/v1/auth/me', me()),
  get('/api/v1/websocket/config', { key: 'k', host: '', port: 6001, scheme: 'http' }),
);
