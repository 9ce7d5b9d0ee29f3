/**
 * Who is signed in on this page. The token lives in the tab's sessionStorage: it survives a reload, and
 * neither another tab nor the next person at this browser gets it. It is renewed before it expires.
 */

import { answer, api, RENEWAL_PATH, type ApiClient } from '@/api/client';
import { messageOf } from '@/api/error';
import type { LoginAnswer, Organization, User } from '@/api/types';
import { backoff } from '@/services/backoff';

export type SessionState =
  | { status: 'signed-out'; notice: string | null }
  | { status: 'restoring' }
  | { status: 'unavailable'; message: string }
  | { status: 'signed-in'; token: string; user: User; organization: Organization };

interface Kept {
  token: string;
  /** When to renew it, on this page's clock. */
  renewAt: number;
}

const STORAGE_KEY = 'opbx.session';
const EXPIRED = 'Your session has ended. Sign in again to see the live board.';

/** Of a token's lifetime, the part after which it is renewed: late enough to be rare, early enough to be tried again. */
const RENEW_AFTER = 0.75;
/** Timers count milliseconds in 31 bits. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

export class Session {
  #state: SessionState = { status: 'signed-out', notice: null };
  #renewal: ReturnType<typeof setTimeout> | undefined;
  #failures = 0;
  readonly #listeners = new Set<() => void>();
  readonly #api: ApiClient;
  readonly #storage: Storage;

  constructor(client: ApiClient, storage: Storage) {
    this.#api = client;
    this.#storage = storage;
    client.onUnauthorized = (token) => {
      if (token === client.token) this.#end(EXPIRED);
    };
  }

  get = (): SessionState => this.#state;

  subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  /** Takes up the session of before a reload, where there was one. */
  async restore(): Promise<void> {
    const kept = this.#read();
    if (!kept) return;
    this.#api.token = kept.token;
    this.#set({ status: 'restoring' });
    try {
      await this.#load(kept);
    } catch (error) {
      // A refused token has already led to the login page.
      if (this.#api.token === kept.token) this.#set({ status: 'unavailable', message: messageOf(error) });
    }
  }

  /** Throws `ApiError` when the server does not let the person in. */
  async signIn(email: string, password: string): Promise<void> {
    this.#api.token = null;
    await this.#load(this.#keep(await answer(this.#api.http.POST('/api/v1/auth/login', { body: { email, password } }))));
  }

  /** Leaves at once; the server learns of it when it can be reached. */
  async signOut(): Promise<void> {
    const revoked = answer(this.#api.http.POST('/api/v1/auth/logout')).catch(() => undefined);
    this.#end(null);
    await revoked;
  }

  async #load(kept: Kept): Promise<void> {
    const { organization, ...user } = await answer(this.#api.http.GET('/api/v1/auth/me'));
    if (this.#api.token !== kept.token) return;
    this.#set({ status: 'signed-in', token: kept.token, user, organization });
    this.#renewLater(kept.renewAt);
  }

  #renewLater(renewAt: number): void {
    clearTimeout(this.#renewal);
    const delay = Math.min(Math.max(0, renewAt - Date.now()), LONGEST_TIMER_MS);
    this.#renewal = setTimeout(() => {
      if (Date.now() < renewAt) this.#renewLater(renewAt);
      else void this.#renew();
    }, delay);
  }

  async #renew(): Promise<void> {
    const old = this.#api.token;
    try {
      const renewal = answer(this.#api.http.POST(RENEWAL_PATH)).then((fresh) => this.#keep(fresh));
      // Requests that the old secret is refused for meanwhile are sent again with the new one.
      this.#api.renewal = renewal;
      const kept = await renewal;
      this.#failures = 0;
      if (this.#state.status === 'signed-in') this.#set({ ...this.#state, token: kept.token });
      this.#renewLater(kept.renewAt);
    } catch {
      if (old !== null && this.#api.token === old) this.#renewLater(Date.now() + backoff(this.#failures++));
    } finally {
      this.#api.renewal = null;
    }
  }

  #keep({ access_token: token, expires_in: lifetime }: LoginAnswer): Kept {
    const kept = { token, renewAt: Date.now() + lifetime * 1_000 * RENEW_AFTER };
    this.#api.token = token;
    this.#storage.setItem(STORAGE_KEY, JSON.stringify(kept));
    return kept;
  }

  #read(): Kept | null {
    try {
      return JSON.parse(this.#storage.getItem(STORAGE_KEY) ?? 'null') as Kept | null;
    } catch {
      return null;
    }
  }

  #end(notice: string | null): void {
    clearTimeout(this.#renewal);
    this.#api.token = null;
    this.#storage.removeItem(STORAGE_KEY);
    this.#set({ status: 'signed-out', notice });
  }

  #set(state: SessionState): void {
    this.#state = state;
    for (const listener of [...this.#listeners]) listener();
  }
}

export const session = new Session(api, window.sessionStorage);
