import type { components } from '@/api/schema';

type Envelope = components['schemas']['Envelope'];

const SWITCHED_OFF: ReadonlySet<string> = new Set(['ACCOUNT_INACTIVE', 'ORGANIZATION_INACTIVE']);

/** A failed request: the server's error envelope, or status 0 where no answer came. */
export class ApiError extends Error {
  constructor(
    readonly status: number,
    readonly code: string,
    message: string,
    readonly details: Readonly<Record<string, unknown>> = {},
    readonly requestId: string | null = null,
  ) {
    super(message);
    this.name = 'ApiError';
  }

  static async from(response: Response): Promise<ApiError> {
    const body = (await response.json().catch(() => null)) as Partial<Envelope> | null;
    const error: Partial<Envelope['error']> = body?.error ?? {};
    return new ApiError(
      response.status,
      error.code ?? 'UNEXPECTED_ANSWER',
      error.message ?? `The server answered with status ${response.status}.`,
      error.details ?? {},
      error.request_id ?? null,
    );
  }

  /** Whether nobody is signed in, or whoever is may not be any more; else it is about the request alone. */
  get deniesSession(): boolean {
    return this.status === 401 || SWITCHED_OFF.has(this.code);
  }

  /** What is wrong with one field of a form; null where nothing is. */
  problemWith(field: string): string | null {
    const told: unknown = this.details[field];
    if (Array.isArray(told)) return told.map(String).join(' ') || null;
    return typeof told === 'string' ? told : null;
  }
}

/** For people, whatever was thrown. */
export function messageOf(error: unknown): string {
  return error instanceof ApiError ? error.message : 'Something went wrong on this page.';
}
