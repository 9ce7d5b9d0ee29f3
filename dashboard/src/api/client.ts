/** The one way to the HTTP API: Bearer token, timeout, and every failure as an `ApiError`. */

const TIMEOUT_MS = 10_000;

/** A failed request: the server's error envelope, or status 0 where no answer came. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    readonly details: unknown = null,
    readonly requestId: string | null = null,
  ) {
    super(message);
    this.name = 'ApiError';
  }

  static async from(response: Response): Promise<ApiError> {
    const body: unknown = await response.json().catch(() => null);
    const error = field(body, 'error');
    return new ApiError(
      response.status,
      text(field(error, 'code')) ?? 'UNEXPECTED_ANSWER',
      text(field(error, 'message')) ?? `The server answered with status ${response.status}.`,
      field(error, 'details') ?? null,
      text(field(error, 'request_id')),
    );
  }
}

export class ApiClient {
  token: string | null = null;
  /** Called with the token that was refused, so that a late refusal of an old one ends no new session. */
  onUnauthorized: (token: string) => void = () => undefined;

  get<T>(path: string): Promise<T> {
    return this.#send<T>('GET', path);
  }

  post<T>(path: string, body?: unknown): Promise<T> {
    return this.#send<T>('POST', path, body);
  }

  async #send<T>(method: string, path: string, body?: unknown): Promise<T> {
    const token = this.token;
    const headers = new Headers({ Accept: 'application/json' });
    if (token) headers.set('Authorization', `Bearer ${token}`);
    if (body !== undefined) headers.set('Content-Type', 'application/json');

    const response = await request(`/api/v1${path}`, {
      method,
      headers,
      cache: 'no-store',
      signal: AbortSignal.timeout(TIMEOUT_MS),
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    if (!response.ok) {
      const error = await ApiError.from(response);
      if (response.status === 401 && token) this.onUnauthorized(token);
      throw error;
    }
    if (response.status === 204) return undefined as T;
    return response.json().catch(() => {
      throw new ApiError(response.status, 'UNEXPECTED_ANSWER', 'The server sent an answer that cannot be read.');
    }) as Promise<T>;
  }
}

export const api = new ApiClient();

async function request(url: string, init: RequestInit): Promise<Response> {
  try {
    return await fetch(url, init);
  } catch (error) {
    const timedOut = error instanceof DOMException && error.name === 'TimeoutError';
    throw new ApiError(
      0,
      timedOut ? 'TIMEOUT' : 'NETWORK',
      timedOut ? 'The server took too long to answer.' : 'The server cannot be reached.',
    );
  }
}

function field(value: unknown, name: string): unknown {
  return typeof value === 'object' && value !== null ? (value as Record<string, unknown>)[name] : undefined;
}

function text(value: unknown): string | null {
  return typeof value === 'string' && value !== '' ? value : null;
}
