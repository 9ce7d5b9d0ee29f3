/** What the service needs of Echo, and the real thing. */

import type { SignedSubscription } from '@/api/types';
import type { Member } from '@/presence/member';
import type { WebSocketConfig } from '@/services/websocket-config';
import Echo from 'laravel-echo';
import Pusher, { type ChannelAuthorizationHandler } from 'pusher-js';

export interface PresenceChannelLike {
  listen(event: string, callback: (data: unknown) => void): unknown;
  here(callback: (members: Member[]) => void): unknown;
  joining(callback: (member: Member) => void): unknown;
  leaving(callback: (member: Member) => void): unknown;
  error(callback: () => void): unknown;
  /** Subscribes again where that failed; nothing where it is subscribed or under way. */
  subscribe(): void;
}

export interface EchoLike {
  join(channel: string): PresenceChannelLike;
  leave(channel: string): void;
  disconnect(): void;
  connector: {
    pusher: {
      connect(): void;
      disconnect(): void;
      connection: {
        state: string;
        /** Of the present connection, or else the last one. */
        socket_id: string;
        bind(event: 'state_change', callback: (change: { current: string }) => void): unknown;
        bind(event: 'connecting_in', callback: (seconds: number) => void): unknown;
      };
    };
  };
}

/** Gets a subscription signed; rejects where the server refuses it. */
export type Authorize = (socketId: string, channelName: string) => Promise<SignedSubscription>;

export type EchoFactory = (config: WebSocketConfig, authorize: Authorize) => EchoLike;

/** Silence after which the socket is asked whether it still lives, and how long its answer may take. */
const ACTIVITY_TIMEOUT_MS = 20_000;
const PONG_TIMEOUT_MS = 6_000;
/** What a connection may take before it counts as failed. */
const UNAVAILABLE_TIMEOUT_MS = 5_000;

export const createEcho: EchoFactory = ({ key, host, port, tls }, authorize) =>
  new Echo({
    broadcaster: 'reverb',
    Pusher,
    key,
    wsHost: host,
    wsPort: port,
    wssPort: port,
    forceTLS: tls,
    enabledTransports: ['ws', 'wss'],
    activityTimeout: ACTIVITY_TIMEOUT_MS,
    pongTimeout: PONG_TIMEOUT_MS,
    unavailableTimeout: UNAVAILABLE_TIMEOUT_MS,
    channelAuthorization: { customHandler: handler(authorize) },
    withoutInterceptors: true,
  });

function handler(authorize: Authorize): ChannelAuthorizationHandler {
  return ({ socketId, channelName }, done) => {
    authorize(socketId, channelName).then(
      (signed) => done(null, signed),
      (error: unknown) => done(error instanceof Error ? error : new Error(String(error)), null),
    );
  };
}
