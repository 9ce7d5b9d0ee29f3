/** The one way to the HTTP API: Bearer token, timeout, and every failure as an `ApiError`. */

import { ApiError } from '@/api/error';
import type { paths } from '@/api/schema';
import createClient, { type Client } from 'openapi-fetch';

const TIMEOUT_MS = 10_000;

export const RENEWAL_PATH = '/api/v1/auth/refresh';

export class ApiClient {
  token: string | null = null;
  /** Called with the token that was refused, so that a late refusal of an old one ends no new session. */
  onUnauthorized: (token: string) => void = () => undefined;
  /** Set while the token is given another secret. */
  renewal: Promise<unknown> | null = null;
  readonly http: Client<paths> = createClient<paths>({
    baseUrl: window.location.origin,
    fetch: (request) => this.#send(request),
    cache: 'no-store',
  });

  async #send(request: Request): Promise<Response> {
    const token = this.token;
    const again = request.clone();
    request.headers.set('Accept', 'application/json');
    if (token) request.headers.set('Authorization', `Bearer ${token}`);
    const response = await reach(request);
    if (response.ok) return response;
    if (response.status === 401 && token) {
      // The renewal's own request cannot wait for itself.
      if (!request.url.endsWith(RENEWAL_PATH)) await this.renewal?.catch(() => undefined);
      if (this.token && this.token !== token) return this.#send(again);
      this.onUnauthorized(token);
    }
    throw await ApiError.from(response);
  }
}

export const api = new ApiClient();

/** What the server answered to a request of `ApiClient.http`. Throws `ApiError`. */
export async function answer<T>(request: Promise<{ data?: T }>): Promise<T> {
  try {
    // Failures have been thrown already; an answer without a body is one without `data`.
    return (await request).data as T;
  } catch (error) {
    if (error instanceof SyntaxError) {
      throw new ApiError(200, 'UNEXPECTED_ANSWER', 'The server sent an answer that cannot be read.');
    }
    throw error;
  }
}

async function reach(request: Request): Promise<Response> {
  try {
    return await fetch(request, { signal: AbortSignal.any([request.signal, AbortSignal.timeout(TIMEOUT_MS)]) });
  } catch (error) {
    if (request.signal.aborted) throw error;
    const timedOut = error instanceof DOMException && error.name === 'TimeoutError';
    throw new ApiError(
      0,
      timedOut ? 'TIMEOUT' : 'NETWORK',
      timedOut ? 'The server took too long to answer.' : 'The server cannot be reached.',
    );
  }
}
