/**
 * Who is signed in on this page. The token is in a cookie that scripts cannot read, and that all pages of this
 * browser share; it is renewed before it expires. What is kept here is only the id of who signed in, by which a
 * page knows that it need not ask, and by which pages learn of each other's signing in and out.
 */

import { answer, api, type ApiClient } from '@/api/client';
import { ApiError, messageOf } from '@/api/error';
import type { Organization, User } from '@/api/types';
import { backoff } from '@/services/backoff';

export type SessionState =
  | { status: 'signed-out'; notice: string | null }
  | { status: 'restoring' }
  | { status: 'unavailable'; message: string }
  | { status: 'signed-in'; user: User; organization: Organization };

const STORAGE_KEY = 'opbx.user';
const EXPIRED = 'Your session has ended. Sign in again to see the live board.';

/** Of the time that a token is good for, the part after which it is renewed: rarely, and early enough to try again. */
const RENEW_AFTER = 0.75;
/** Timers count milliseconds in 31 bits. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

export class Session {
  #state: SessionState = { status: 'signed-out', notice: null };
  /** Until the token is renewed, or the session is asked for again. */
  #timer: ReturnType<typeof setTimeout> | undefined;
  #failures = 0;
  #asking: Promise<boolean> | null = null;
  readonly #listeners = new Set<() => void>();
  readonly #api: ApiClient;
  readonly #storage: Storage;

  constructor(client: ApiClient, storage: Storage) {
    this.#api = client;
    this.#storage = storage;
    client.isSignedIn = () => this.#check();
    window.addEventListener('storage', this.#follow);
  }

  get = (): SessionState => this.#state;

  subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  /** Takes up the session of before a reload, or of another page, where there is one. */
  async restore(): Promise<void> {
    if (this.#storage.getItem(STORAGE_KEY) === null) return;
    clearTimeout(this.#timer);
    this.#set({ status: 'restoring' });
    await this.#takeUp();
  }

  /** Throws `ApiError` when the server does not let the person in. */
  async signIn(email: string, password: string): Promise<void> {
    await answer(this.#api.http.POST('/api/v1/auth/login', { body: { email, password } }));
    await this.#load();
  }

  /** Chooses a password by an invitation, and is signed in. Throws `ApiError`. */
  async acceptInvitation(token: string, password: string): Promise<void> {
    await answer(this.#api.http.POST('/api/v1/auth/invitation/accept', { body: { token, password } }));
    await this.#load();
  }

  /** Leaves at once; the server learns of it when it can be reached. */
  async signOut(): Promise<void> {
    const revoked = answer(this.#api.http.POST('/api/v1/auth/logout')).catch(() => undefined);
    this.#end(null);
    await revoked;
  }

  /** Goes on asking while the server is away: a board that hangs on a wall has nobody to reload it. */
  async #takeUp(): Promise<void> {
    try {
      await this.#load();
    } catch (error) {
      if (isDenial(error)) this.#end(error.status === 401 ? EXPIRED : error.message);
      else if (this.#state.status === 'restoring' || this.#state.status === 'unavailable') {
        this.#set({ status: 'unavailable', message: messageOf(error) });
        clearTimeout(this.#timer);
        this.#timer = setTimeout(() => void this.#takeUp(), backoff(this.#failures++));
      }
    }
  }

  async #load(): Promise<void> {
    const { organization, expires_in: left, ...user } = await answer(this.#api.http.GET('/api/v1/auth/me'));
    this.#storage.setItem(STORAGE_KEY, user.id);
    this.#set({ status: 'signed-in', user, organization });
    this.#renewIn(left);
  }

  /** One question at a time, however many requests were refused. False ends the session. */
  #check(): Promise<boolean> {
    this.#asking ??= this.#ask().finally(() => (this.#asking = null));
    return this.#asking;
  }

  async #ask(): Promise<boolean> {
    if (this.#state.status !== 'signed-in') return false;
    try {
      await this.#load();
      return true;
    } catch (error) {
      if (isDenial(error)) this.#end(error.status === 401 ? EXPIRED : error.message);
      return false;
    }
  }

  #renewIn(seconds: number): void {
    this.#failures = 0;
    this.#renewAt(Date.now() + seconds * 1_000 * RENEW_AFTER);
  }

  #renewAt(moment: number): void {
    clearTimeout(this.#timer);
    const delay = Math.min(Math.max(0, moment - Date.now()), LONGEST_TIMER_MS);
    this.#timer = setTimeout(() => {
      if (Date.now() < moment) this.#renewAt(moment);
      else void this.#renew();
    }, delay);
  }

  async #renew(): Promise<void> {
    try {
      const { expires_in: left } = await answer(this.#api.http.POST('/api/v1/auth/refresh'));
      this.#renewIn(left);
    } catch (error) {
      // Two pages that renew at once have one cookie between them: one of them is refused, and has the other's.
      if (isDenial(error)) await this.#check();
      else if (this.#state.status === 'signed-in') this.#renewAt(Date.now() + backoff(this.#failures++));
    }
  }

  /** Somebody signed in or out on another page of this browser. */
  readonly #follow = ({ key, newValue }: StorageEvent): void => {
    if (key !== STORAGE_KEY) return;
    if (newValue === null) this.#end(null);
    else if (this.#state.status !== 'signed-in' || this.#state.user.id !== newValue) void this.restore();
  };

  #end(notice: string | null): void {
    clearTimeout(this.#timer);
    this.#storage.removeItem(STORAGE_KEY);
    this.#set({ status: 'signed-out', notice });
  }

  #set(state: SessionState): void {
    this.#state = state;
    for (const listener of [...this.#listeners]) listener();
  }
}

function isDenial(error: unknown): error is ApiError {
  return error instanceof ApiError && error.deniesSession;
}

export const session = new Session(api, window.localStorage);
