/**
 * The one way to the HTTP API: a timeout, and every failure as an `ApiError`.
 *
 * Who asks, the browser says by a cookie that no script can read.
 */

import { ApiError } from '@/api/error';
import type { paths } from '@/api/schema';
import createClient, { type Client } from 'openapi-fetch';

const TIMEOUT_MS = 10_000;

/** Answers of these say by themselves who is signed in; a refusal of any other may be that of a cookie just renewed. */
const IDENTITY_PATH = '/api/v1/auth/';

export class ApiClient {
  /** Whether somebody is still signed in, asked when a request was refused: another page may have renewed the cookie. */
  isSignedIn: () => Promise<boolean> = () => Promise.resolve(false);
  readonly http: Client<paths> = createClient<paths>({
    baseUrl: window.location.origin,
    fetch: (request) => this.#send(request),
    cache: 'no-store',
  });

  async #send(request: Request): Promise<Response> {
    const again = request.clone();
    const response = await reach(request);
    if (response.ok) return response;
    const error = await ApiError.from(response);
    const isAboutIdentity = new URL(request.url).pathname.startsWith(IDENTITY_PATH);
    if (!error.deniesSession || isAboutIdentity || !(await this.isSignedIn())) throw error;
    const second = await reach(again);
    if (second.ok) return second;
    throw await ApiError.from(second);
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
