/** An Echo without a socket: tests say what the relay does and see what was asked of it. */

import type { Member } from '@/presence/member';
import type { Authorize, EchoLike, PresenceChannelLike } from '@/services/echo-client';

type Listener = (data: never) => void;

export class FakeChannel implements PresenceChannelLike {
  readonly listeners = new Map<string, Listener[]>();
  subscriptions = 1;

  constructor(readonly name: string) {}

  listen = (event: string, callback: (data: unknown) => void) => this.#on(event, callback);
  here = (callback: (members: Member[]) => void) => this.#on('here', callback);
  joining = (callback: (member: Member) => void) => this.#on('joining', callback);
  leaving = (callback: (member: Member) => void) => this.#on('leaving', callback);
  error = (callback: () => void) => this.#on('error', callback);
  subscribe = () => {
    this.subscriptions += 1;
  };

  emit(event: string, data?: unknown): void {
    for (const listener of this.listeners.get(event) ?? []) listener(data as never);
  }

  #on(event: string, listener: Listener): void {
    this.listeners.set(event, [...(this.listeners.get(event) ?? []), listener]);
  }
}

export class FakeEcho implements EchoLike {
  readonly channels = new Map<string, FakeChannel>();
  readonly joined: string[] = [];
  readonly left: string[] = [];
  readonly listeners = new Map<string, Listener[]>();
  connects = 0;
  disconnected = false;

  connector = {
    pusher: {
      connect: () => {
        this.connects += 1;
      },
      disconnect: () => this.become('disconnected'),
      connection: {
        state: 'connecting',
        socket_id: '1.1',
        bind: (event: string, callback: Listener) => {
          this.listeners.set(event, [...(this.listeners.get(event) ?? []), callback]);
        },
      },
    },
  };

  constructor(readonly authorize: Authorize) {}

  /** Goes through a whole subscription of a channel that was joined, on a connection of its own. */
  async subscribe(name: string, socketId: string, members: Member[]): Promise<void> {
    this.connector.pusher.connection.socket_id = socketId;
    await this.authorize(socketId, `presence-${name}`);
    this.channels.get(name)?.emit('here', members);
  }

  join(name: string): FakeChannel {
    this.joined.push(name);
    const channel = new FakeChannel(name);
    this.channels.set(name, channel);
    return channel;
  }

  leave(name: string): void {
    this.left.push(name);
    this.channels.delete(name);
  }

  disconnect(): void {
    this.disconnected = true;
  }

  become(current: string): void {
    this.connector.pusher.connection.state = current;
    for (const listener of this.listeners.get('state_change') ?? []) listener({ current } as never);
  }

  /** As pusher-js does once after a loss, and at no later try. */
  announceRetry(): void {
    for (const listener of this.listeners.get('connecting_in') ?? []) listener(1 as never);
  }
}

/** In place of `echo-client`, for pages that are looked at for something else than what is live. */
export const silent = { createEcho: (_config: unknown, authorize: Authorize) => new FakeEcho(authorize) };
