/** Where the relay is: what the build says, and for the rest what the server says at run time. */

import type { WebSocketConfigAnswer } from '@/api/types';

export interface WebSocketConfig {
  key: string;
  host: string;
  port: number;
  tls: boolean;
}

type BuildEnv = Pick<
  ImportMetaEnv,
  'VITE_PUSHER_APP_KEY' | 'VITE_WS_HOST' | 'VITE_WS_PORT' | 'VITE_WS_SCHEME'
>;

/** Asks the server only for what the build left open. Throws when the server cannot say. */
export async function loadWebSocketConfig(
  fetchConfig: () => Promise<WebSocketConfigAnswer>,
  env: BuildEnv = import.meta.env,
): Promise<WebSocketConfig> {
  const { VITE_PUSHER_APP_KEY: key, VITE_WS_HOST: host, VITE_WS_PORT: port, VITE_WS_SCHEME: scheme } = env;
  const server =
    key && host && port && scheme ? { key, host, port: Number(port), scheme } : await fetchConfig();
  return {
    key: key || server.key,
    // An empty host means the one that the page came from.
    host: host || server.host || window.location.hostname,
    port: port ? Number(port) : server.port,
    tls: ['https', 'wss'].includes(scheme || server.scheme),
  };
}
