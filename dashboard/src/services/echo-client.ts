/** What the service needs of Echo, and the real thing. */

import type { Member } from '@/api/types';
import type { WebSocketConfig } from '@/services/websocket-config';
import Echo from 'laravel-echo';
import Pusher from 'pusher-js';

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
      connection: {
        state: string;
        bind(event: 'state_change', callback: (change: { current: string }) => void): unknown;
        bind(event: 'connecting_in', callback: () => void): unknown;
      };
    };
  };
}

export type EchoFactory = (token: string, config: WebSocketConfig) => EchoLike;

/** Silence after which the socket is asked whether it still lives, and how long its answer may take. */
const ACTIVITY_TIMEOUT_MS = 20_000;
const PONG_TIMEOUT_MS = 6_000;

export const createEcho: EchoFactory = (token, { key, host, port, tls }) =>
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
    authEndpoint: '/api/v1/broadcasting/auth',
    bearerToken: token,
    withoutInterceptors: true,
  });
