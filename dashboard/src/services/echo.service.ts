/**
 * The one WebSocket connection of the page, over laravel-echo and pusher-js.
 *
 * `subscribeToOrganization` may be called before `connect`, and by several parts of a page: they share one
 * socket and one subscription. What pusher-js gives up on (a refused connection, a failed channel
 * authorization) is tried again here, because a board is kept open all day.
 *
 * After a loss, the subscription is asked to go on from the last event that its listeners know: the relay then sends
 * what followed it, or `opbx:resync` where it no longer can.
 */

import { answer, api } from '@/api/client';
import type { SignedSubscription, SubscriptionRequest } from '@/api/types';
import { CALL_EVENTS, isCallEventData, type CallEventData, type CallEventName } from '@/calls/events';
import type { Member } from '@/presence/member';
import { backoff } from '@/services/backoff';
import {
  createEcho,
  type Authorize,
  type EchoFactory,
  type EchoLike,
  type PresenceChannelLike,
} from '@/services/echo-client';
import { loadWebSocketConfig, type WebSocketConfig } from '@/services/websocket-config';

export interface OrganizationHandlers {
  onCallInitiated?: (data: CallEventData) => void;
  onCallAnswered?: (data: CallEventData) => void;
  onCallEnded?: (data: CallEventData) => void;
  onMemberJoined?: (member: Member) => void;
  onMemberLeft?: (member: Member) => void;
  /** The sequence of the last event known; null where a snapshot is wanted upon the next subscription anyway. */
  lastSequence?: () => number | null;
  /**
   * After every subscription and resubscription, with all members. Unless it is `resumed`, what happened before may
   * have been missed; else what followed `lastSequence` comes now, or `onResync` does.
   */
  onSubscribed?: (members: Member[], resumed: boolean) => void;
  /** Events were lost on the way: fetch a snapshot. */
  onResync?: () => void;
  /** The channel was refused for now; it is tried again. */
  onSubscriptionError?: () => void;
}

export type ConnectionState = 'connecting' | 'connected' | 'reconnecting' | 'offline';

/** One organization's channel and those who listen to it. */
interface Room {
  handlers: Set<OrganizationHandlers>;
  /** Null while not subscribed. */
  members: Map<string, Member> | null;
  /** After which sequence the relay was last asked to go on, and for which connection. */
  resumption: { socketId: string; after: number | null } | null;
  failures: number;
  retry: Timer | undefined;
}

type Timer = ReturnType<typeof setTimeout>;

/** Asks the server for the signature of a subscription. */
type Sign = (
  request: Omit<SubscriptionRequest, 'resume'> & { resume?: number },
  token: string | null,
) => Promise<SignedSubscription>;

const HANDLER_OF: Record<CallEventName, 'onCallInitiated' | 'onCallAnswered' | 'onCallEnded'> = {
  'call.initiated': 'onCallInitiated',
  'call.answered': 'onCallAnswered',
  'call.ended': 'onCallEnded',
};

export class EchoService {
  readonly #createEcho: EchoFactory;
  readonly #loadConfig: () => Promise<WebSocketConfig>;
  readonly #sign: Sign;
  readonly #rooms = new Map<string, Room>();
  readonly #listeners = new Set<(state: ConnectionState) => void>();
  #echo: EchoLike | null = null;
  #isOpen = false;
  #token: string | null = null;
  /** Counts connections made and closed, so that what was begun for an earlier one ends. */
  #attempt = 0;
  #state: ConnectionState = 'offline';
  #wasConnected = false;
  #failures = 0;
  #retry: { timer: Timer; connect: () => void } | null = null;
  #nextTryAt: number | null = null;

  constructor(createEcho: EchoFactory, loadConfig: () => Promise<WebSocketConfig>, sign: Sign) {
    this.#createEcho = createEcho;
    this.#loadConfig = loadConfig;
    this.#sign = sign;
  }

  get state(): ConnectionState {
    return this.#state;
  }

  /** When the connection is tried next, in milliseconds of this page's clock; null while it is up or being made. */
  get nextTryAt(): number | null {
    return this.#nextTryAt;
  }

  /**
   * Opens the connection, or keeps the one that is open for the same token. Subscriptions are signed for whoever has
   * the token; without one, for whom the browser's cookie says.
   */
  connect(token: string | null = null): void {
    if (this.#isOpen && token === this.#token) return;
    this.#close();
    this.#isOpen = true;
    this.#token = token;
    window.addEventListener('online', this.#tryNow);
    this.#setState('connecting');
    void this.#open(this.#attempt);
  }

  /** Closes the connection and forgets every subscription. */
  disconnect(): void {
    this.#close();
    this.#rooms.clear();
  }

  /** Returns the function that ends this subscription; the channel is left with its last one. */
  subscribeToOrganization(organizationId: string, handlers: OrganizationHandlers): () => void {
    let room = this.#rooms.get(organizationId);
    if (!room) {
      room = { handlers: new Set(), members: null, resumption: null, failures: 0, retry: undefined };
      this.#rooms.set(organizationId, room);
      this.#join(organizationId, room);
    }
    room.handlers.add(handlers);
    if (room.members) handlers.onSubscribed?.([...room.members.values()], false);
    return () => this.#unsubscribe(organizationId, handlers);
  }

  onConnectionChange(listener: (state: ConnectionState) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  async #open(attempt: number): Promise<void> {
    let config: WebSocketConfig;
    try {
      config = await this.#loadConfig();
    } catch {
      if (this.#attempt === attempt) this.#tryLater(() => void this.#open(attempt));
      return;
    }
    // Meanwhile somebody else may have signed in, or nobody be signed in any more.
    if (this.#attempt !== attempt) return;
    const echo = this.#createEcho(config, this.#authorize);
    this.#echo = echo;
    this.#watch(echo);
    for (const [id, room] of this.#rooms) this.#join(id, room);
  }

  #watch(echo: EchoLike): void {
    const { connection } = echo.connector.pusher;
    connection.bind('state_change', ({ current }: { current: string }) => {
      if (echo === this.#echo) this.#follow(echo, current);
    });
    // pusher-js goes on calling itself connected until its first retry, a second after the loss.
    connection.bind('connecting_in', (seconds: number) => {
      if (echo !== this.#echo) return;
      this.#lose(this.#state === 'connected' ? 'reconnecting' : this.#state, Date.now() + seconds * 1_000);
    });
    this.#follow(echo, connection.state);
  }

  #follow(echo: EchoLike, state: string): void {
    if (state === 'connected') {
      this.#wasConnected = true;
      this.#failures = 0;
      this.#setState('connected');
    } else if (state === 'initialized' || state === 'connecting') {
      this.#lose(this.#wasConnected ? 'reconnecting' : 'connecting');
    } else if (state === 'unavailable') {
      // Left alone, pusher-js would try again after up to a minute, and not say when.
      echo.connector.pusher.disconnect();
    } else {
      this.#tryLater(() => echo.connector.pusher.connect());
    }
  }

  #lose(state: ConnectionState, nextTryAt: number | null = null): void {
    for (const room of this.#rooms.values()) room.members = null;
    this.#setState(state, nextTryAt);
  }

  #tryLater(connect: () => void): void {
    const delay = backoff(this.#failures++);
    clearTimeout(this.#retry?.timer);
    this.#retry = { timer: setTimeout(this.#tryNow, delay), connect };
    this.#lose('offline', Date.now() + delay);
  }

  /** What is waited for; also as soon as the browser has a network again. */
  readonly #tryNow = (): void => {
    const retry = this.#retry;
    this.#retry = null;
    clearTimeout(retry?.timer);
    retry?.connect();
  };

  #join(id: string, room: Room): void {
    const channel: PresenceChannelLike | undefined = this.#echo?.join(channelOf(id));
    if (!channel) return;
    for (const name of CALL_EVENTS) {
      channel.listen(`.${name}`, (data: unknown) => {
        if (isCallEventData(data)) each(room, (handlers) => handlers[HANDLER_OF[name]]?.(data));
        else each(room, (handlers) => handlers.onResync?.());
      });
    }
    channel.listen('.opbx:resync', () => each(room, (handlers) => handlers.onResync?.()));
    channel.here((members: Member[]) => {
      room.failures = 0;
      room.members = new Map(members.map((member) => [member.id, member]));
      const after = this.#resumedAfter(room);
      each(room, (handlers) => {
        const known = handlers.lastSequence?.() ?? null;
        handlers.onSubscribed?.(members, after !== null && known !== null && known >= after);
      });
    });
    channel.joining((member: Member) => {
      room.members?.set(member.id, member);
      each(room, (handlers) => handlers.onMemberJoined?.(member));
    });
    channel.leaving((member: Member) => {
      room.members?.delete(member.id);
      each(room, (handlers) => handlers.onMemberLeft?.(member));
    });
    channel.error(() => {
      room.members = null;
      clearTimeout(room.retry);
      room.retry = setTimeout(() => channel.subscribe(), backoff(room.failures++));
      each(room, (handlers) => handlers.onSubscriptionError?.());
    });
  }

  readonly #authorize: Authorize = async (socketId, channelName) => {
    const room = [...this.#rooms].find(([id]) => channelName === `presence-${channelOf(id)}`)?.[1];
    const resume = room ? earliestKnown(room) : null;
    const request = { socket_id: socketId, channel_name: channelName };
    const signed = await this.#sign(resume === null ? request : { ...request, resume }, this.#token);
    if (room) room.resumption = { socketId, after: signedResume(signed.channel_data) };
    return signed;
  };

  /** Null where the present connection's subscription was not asked to go on from anywhere. */
  #resumedAfter({ resumption }: Room): number | null {
    const socketId = this.#echo?.connector.pusher.connection.socket_id;
    return resumption?.socketId === socketId ? (resumption?.after ?? null) : null;
  }

  #unsubscribe(id: string, handlers: OrganizationHandlers): void {
    const room = this.#rooms.get(id);
    if (!room?.handlers.delete(handlers) || room.handlers.size > 0) return;
    clearTimeout(room.retry);
    this.#rooms.delete(id);
    this.#echo?.leave(channelOf(id));
  }

  #close(): void {
    window.removeEventListener('online', this.#tryNow);
    clearTimeout(this.#retry?.timer);
    this.#retry = null;
    for (const room of this.#rooms.values()) {
      clearTimeout(room.retry);
      room.members = null;
      room.failures = 0;
    }
    const echo = this.#echo;
    this.#echo = null;
    this.#isOpen = false;
    this.#token = null;
    this.#attempt += 1;
    this.#wasConnected = false;
    this.#failures = 0;
    echo?.disconnect();
    this.#setState('offline');
  }

  #setState(state: ConnectionState, nextTryAt: number | null = null): void {
    if (state === this.#state && nextTryAt === this.#nextTryAt) return;
    this.#state = state;
    this.#nextTryAt = nextTryAt;
    for (const listener of [...this.#listeners]) listener(state);
  }
}

/** Every listener gets all that it misses, and drops what it knows. */
function earliestKnown({ handlers }: Room): number | null {
  const known = [...handlers].map(({ lastSequence }) => lastSequence?.() ?? null).filter((at) => at !== null);
  return known.length > 0 ? Math.min(...known) : null;
}

/** What counts is what was signed: the relay looks at nothing else. */
function signedResume(channelData = '{}'): number | null {
  const { resume } = JSON.parse(channelData) as { resume?: number };
  return resume ?? null;
}

function channelOf(organizationId: string): string {
  return `presence.org.${organizationId}`;
}

function each(room: Room, call: (handlers: OrganizationHandlers) => void): void {
  for (const handlers of [...room.handlers]) call(handlers);
}

export const echoService = new EchoService(
  createEcho,
  () => loadWebSocketConfig(() => answer(api.http.GET('/api/v1/websocket/config'))),
  ({ resume = null, ...request }, token) =>
    answer(
      api.http.POST('/api/v1/broadcasting/auth', {
        body: { ...request, resume },
        headers: token ? { Authorization: `Bearer ${token}` } : {},
      }),
    ),
);
