/** The page's one live board: any number of components hold and read it, over one connection. */

import { answer, api } from '@/api/client';
import { session } from '@/auth/session';
import { idle, LiveFeed, type CallSource, type EchoConnection, type LiveState } from '@/calls/liveFeed';
import { echoService } from '@/services/echo.service';

/** How long the board runs on after its last holder let go: a remount takes it up again. */
const LINGER_MS = 1_000;

export class LiveBoard {
  readonly #echo: EchoConnection;
  readonly #source: CallSource;
  readonly #listeners = new Set<() => void>();
  #state: LiveState = idle;
  #current: { userId: string; feed: LiveFeed } | null = null;
  #holders = 0;
  #linger: ReturnType<typeof setTimeout> | undefined;
  #drawing = false;

  constructor(echo: EchoConnection, source: CallSource) {
    this.#echo = echo;
    this.#source = source;
  }

  getState = (): LiveState => this.#state;

  subscribe = (listener: () => void): (() => void) => {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  };

  /** Starts the board, or shares the one that runs for the same person. Returns the function that lets go. */
  hold(userId: string, organizationId: string): () => void {
    clearTimeout(this.#linger);
    this.#holders += 1;
    if (this.#current?.userId !== userId) {
      this.stop();
      const feed = new LiveFeed(this.#echo, this.#source, this.#set);
      this.#current = { userId, feed };
      feed.start(organizationId);
    }
    return () => {
      this.#holders -= 1;
      if (this.#holders === 0) this.#linger = setTimeout(() => this.stop(), LINGER_MS);
    };
  }

  refetch = (): void => this.#current?.feed.refetch();

  stop(): void {
    clearTimeout(this.#linger);
    this.#current?.feed.stop();
    this.#current = null;
    this.#set(idle);
  }

  #set = (state: LiveState): void => {
    this.#state = state;
    // However many events come within a frame, the page is drawn once.
    if (this.#drawing) return;
    this.#drawing = true;
    requestAnimationFrame(() => {
      this.#drawing = false;
      for (const listener of [...this.#listeners]) listener();
    });
  };
}

export const liveBoard = new LiveBoard(echoService, {
  snapshot: () => answer(api.http.GET('/api/v1/calls/active')),
  sequence: async () => (await answer(api.http.GET('/api/v1/calls/sequence'))).sequence,
});

// Nothing of one person's board outlives the session, not even for the moment of a remount.
session.subscribe(() => {
  if (session.get().status === 'signed-out') liveBoard.stop();
});
