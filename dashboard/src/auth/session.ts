/**
 * Who is signed in on this page. The token lives in the tab's sessionStorage: it survives a reload, and
 * neither another tab nor the next person at this browser gets it.
 */

import { ApiClient, ApiError, api } from '@/api/client';
import type { LoginResponse, Organization, Profile, User } from '@/api/types';

export type SessionState =
  | { status: 'signed-out'; notice: string | null }
  | { status: 'restoring' }
  | { status: 'unavailable'; message: string }
  | { status: 'signed-in'; token: string; user: User; organization: Organization };

const STORAGE_KEY = 'opbx.token';
const EXPIRED = 'Your session has ended. Sign in again to see the live board.';

export class Session {
  #state: SessionState = { status: 'signed-out', notice: null };
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
    const token = this.#storage.getItem(STORAGE_KEY);
    if (!token) return;
    this.#api.token = token;
    this.#set({ status: 'restoring' });
    try {
      await this.#load(token);
    } catch (error) {
      // A refused token has already led to the login page.
      if (this.#api.token === token) this.#set({ status: 'unavailable', message: messageOf(error) });
    }
  }

  /** Throws `ApiError` when the server does not let the person in. */
  async signIn(email: string, password: string): Promise<void> {
    this.#api.token = null;
    const { access_token: token } = await this.#api.post<LoginResponse>('/auth/login', { email, password });
    this.#api.token = token;
    this.#storage.setItem(STORAGE_KEY, token);
    await this.#load(token);
  }

  /** Leaves at once; the server learns of it when it can be reached. */
  async signOut(): Promise<void> {
    const revoked = this.#api.post('/auth/logout').catch(() => undefined);
    this.#end(null);
    await revoked;
  }

  async #load(token: string): Promise<void> {
    const { organization, ...user } = await this.#api.get<Profile>('/auth/me');
    if (this.#api.token === token) this.#set({ status: 'signed-in', token, user, organization });
  }

  #end(notice: string | null): void {
    this.#api.token = null;
    this.#storage.removeItem(STORAGE_KEY);
    this.#set({ status: 'signed-out', notice });
  }

  #set(state: SessionState): void {
    this.#state = state;
    for (const listener of [...this.#listeners]) listener();
  }
}

export function messageOf(error: unknown): string {
  return error instanceof ApiError ? error.message : 'Something went wrong on this page.';
}

export const session = new Session(api, window.sessionStorage);
