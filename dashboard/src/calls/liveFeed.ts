/** One organization's live data while it is being watched: socket and snapshots in, one state out. */

import { ApiError } from '@/api/error';
import type { ActiveCalls } from '@/api/types';
import { boardReducer, emptyBoard, type Board, type BoardAction } from '@/calls/board';
import type { CallEvent } from '@/calls/events';
import { Heartbeat } from '@/connection/heartbeat';
import type { LiveConnection } from '@/connection/state';
import type { Member } from '@/presence/member';
import { backoff } from '@/services/backoff';
import type { EchoService, OrganizationHandlers } from '@/services/echo.service';

export interface PresenceChange {
  kind: 'joined' | 'left';
  member: Member;
}

export interface LiveState {
  board: Board;
  members: readonly Member[];
  presenceChange: PresenceChange | null;
  connection: LiveConnection;
  /** When the connection is tried next, on this page's clock; null where no try is waited for. */
  nextTryAt: number | null;
  /** Since when the board is no longer live, on this page's clock; null while it is, and before it ever was. */
  staleSince: number | null;
  /** When the board was last known to be right, on this page's clock; meaningful while not connected. */
  asOf: number | null;
  /** The server's clock minus this page's, in milliseconds. */
  clockOffset: number;
  /** Why the last snapshot failed; null once one has come. */
  error: ApiError | null;
}

export const idle: LiveState = {
  board: emptyBoard,
  members: [],
  presenceChange: null,
  connection: 'connecting',
  nextTryAt: null,
  staleSince: null,
  asOf: null,
  clockOffset: 0,
  error: null,
};

export type EchoConnection = Pick<
  EchoService,
  'connect' | 'disconnect' | 'subscribeToOrganization' | 'onConnectionChange' | 'state' | 'nextTryAt'
>;

/** What is asked of the HTTP API. */
export interface CallSource {
  snapshot: () => Promise<ActiveCalls>;
  /** Of the last event, delivered or not. */
  sequence: () => Promise<number>;
}

/** While events do not flow, the board is kept up by asking. */
export const POLL_MS = 5_000;

export class LiveFeed {
  readonly #echo: EchoConnection;
  readonly #source: CallSource;
  readonly #publish: (state: LiveState) => void;
  readonly #heartbeat: Heartbeat;
  #state: LiveState = idle;
  #running = false;
  #subscribed = false;
  #delayed = false;
  #wasLive = false;
  #repeats = 0;
  #retry: ReturnType<typeof setTimeout> | undefined;
  #poll: ReturnType<typeof setInterval> | undefined;
  #stopWatching: () => void = () => undefined;

  constructor(echo: EchoConnection, source: CallSource, publish: (state: LiveState) => void) {
    this.#echo = echo;
    this.#source = source;
    this.#publish = publish;
    this.#heartbeat = new Heartbeat({
      position: () => this.#state.board.sequence,
      ask: () => source.sequence(),
      onMissing: () => this.#delay(),
      // The snapshot says what is wrong, and is asked for until it comes.
      onUnanswered: () => this.refetch(),
    });
  }

  start(organizationId: string): void {
    this.#running = true;
    this.#stopWatching = this.#echo.onConnectionChange((state) => {
      if (state !== 'connected') this.#lose();
      this.#showConnection();
      // What closed the socket may be the end of the token; the API knows.
      if (state === 'offline') this.refetch();
    });
    this.#echo.subscribeToOrganization(organizationId, this.#handlers);
    this.#echo.connect();
    this.#showConnection();
    this.#poll = setInterval(() => {
      if (!this.#isLive && this.#state.board.sync === 'current') this.refetch();
    }, POLL_MS);
    document.addEventListener('visibilitychange', this.#look);
    this.#fetchIfWanted();
  }

  stop(): void {
    this.#running = false;
    this.#heartbeat.stop();
    clearInterval(this.#poll);
    clearTimeout(this.#retry);
    document.removeEventListener('visibilitychange', this.#look);
    this.#stopWatching();
    this.#echo.disconnect();
  }

  /** Asks for a snapshot now, however long the last failure said to wait. */
  refetch = (): void => {
    clearTimeout(this.#retry);
    this.#retry = undefined;
    this.#dispatch({ type: 'refetch' });
    this.#fetchIfWanted();
  };

  get #isLive(): boolean {
    return this.#subscribed && !this.#delayed;
  }

  readonly #handlers: OrganizationHandlers = {
    onCallInitiated: (data) => this.#receive({ name: 'call.initiated', data }),
    onCallAnswered: (data) => this.#receive({ name: 'call.answered', data }),
    onCallEnded: (data) => this.#receive({ name: 'call.ended', data }),
    onResync: () => {
      this.#hear();
      this.refetch();
    },
    // The first subscription begins with a snapshot, which also sets the clock.
    lastSequence: () => (this.#wasLive ? this.#state.board.sequence : null),
    onSubscribed: (members, resumed) => {
      this.#subscribed = true;
      this.#wasLive = true;
      this.#hear();
      this.#set({ members });
      this.#showConnection();
      // What is missing comes by itself; but a board that wants a snapshot anyway should not wait for its next try.
      if (!resumed || this.#state.board.sync === 'wanted') this.refetch();
    },
    onSubscriptionError: () => {
      this.#lose();
      this.#showConnection();
      this.refetch();
    },
    onMemberJoined: (member) => this.#changeMembers('joined', member),
    onMemberLeft: (member) => this.#changeMembers('left', member),
  };

  #receive(event: CallEvent): void {
    this.#hear();
    this.#dispatch({ type: 'event', event, at: Date.now() });
    this.#fetchIfWanted();
  }

  #changeMembers(kind: PresenceChange['kind'], member: Member): void {
    const others = this.#state.members.filter(({ id }) => id !== member.id);
    this.#set({ members: kind === 'joined' ? [...others, member] : others, presenceChange: { kind, member } });
  }

  /** Something came over the channel, so that events do come through. */
  #hear(): void {
    this.#heartbeat.beat();
    if (!this.#delayed) return;
    this.#delayed = false;
    this.#showConnection();
  }

  #delay(): void {
    if (!this.#delayed) {
      this.#delayed = true;
      this.#showConnection();
    }
    this.refetch();
  }

  /** Timers rest while nobody looks at the page or the machine sleeps: who looks again shall see what is. */
  readonly #look = (): void => {
    if (document.visibilityState === 'visible' && this.#subscribed) this.#heartbeat.check();
  };

  #lose(): void {
    this.#subscribed = false;
    this.#delayed = false;
    this.#heartbeat.stop();
  }

  #showConnection(): void {
    const { state, nextTryAt } = this.#echo;
    const connection = state === 'connected' ? this.#subscription() : state;
    const now = Date.now();
    const becameStale = this.#wasLive && !this.#isLive && this.#state.staleSince === null;
    const stale = this.#isLive ? { staleSince: null } : becameStale ? { staleSince: now, asOf: now } : {};
    this.#set({ connection, nextTryAt, ...stale });
  }

  /** What an open socket is worth. */
  #subscription(): LiveConnection {
    if (!this.#subscribed) return this.#wasLive ? 'reconnecting' : 'connecting';
    return this.#delayed ? 'delayed' : 'connected';
  }

  #fetchIfWanted(): void {
    if (this.#retry !== undefined || this.#state.board.sync !== 'wanted') return;
    this.#dispatch({ type: 'fetch-started' });
    void this.#fetch();
  }

  async #fetch(): Promise<void> {
    const asked = Date.now();
    try {
      const snapshot = await this.#source.snapshot();
      if (!this.#running) return;
      const now = Date.now();
      this.#dispatch({ type: 'snapshot', snapshot, at: now });
      // The server read its clock about halfway between question and answer.
      const clockOffset = Math.round(Date.parse(snapshot.server_time) - (asked + now) / 2);
      this.#set({ error: null, asOf: now, clockOffset });
    } catch (error) {
      if (!this.#running) return;
      this.#dispatch({ type: 'fetch-failed' });
      this.#set({ error: error instanceof ApiError ? error : new ApiError(0, 'UNKNOWN', String(error)) });
    }
    this.#repeatIfWanted();
  }

  #repeatIfWanted(): void {
    if (this.#state.board.sync === 'current') {
      this.#repeats = 0;
      return;
    }
    // One repetition is normal, for a subscription during the fetch; more of them mean trouble.
    const delay = this.#repeats === 0 && !this.#state.error ? 0 : backoff(this.#repeats);
    this.#repeats += 1;
    this.#retry = setTimeout(() => {
      this.#retry = undefined;
      this.#fetchIfWanted();
    }, delay);
  }

  #dispatch(action: BoardAction): void {
    const board = boardReducer(this.#state.board, action);
    if (board !== this.#state.board) this.#set({ board });
  }

  #set(change: Partial<LiveState>): void {
    this.#state = { ...this.#state, ...change };
    if (this.#running) this.#publish(this.#state);
  }
}
