import { loadWebSocketConfig } from '@/services/websocket-config';
import { expect, it, vi } from 'vitest';

const server = { key: 'server-key', host: '', port: 6001, scheme: 'http' };

it('takes what the server says, and the page’s own host for an empty one', async () => {
  await expect(loadWebSocketConfig(() => Promise.resolve(server), {})).resolves.toEqual({
    key: 'server-key',
    host: window.location.hostname,
    port: 6001,
    tls: false,
  });
});

it('lets the build override single values', async () => {
  const env = { VITE_WS_HOST: 'ws.example.org', VITE_WS_SCHEME: 'https' };
  await expect(loadWebSocketConfig(() => Promise.resolve(server), env)).resolves.toEqual({
    key: 'server-key',
    host: 'ws.example.org',
    port: 6001,
    tls: true,
  });
});

it('asks nobody when the build says all', async () => {
  const ask = vi.fn(() => Promise.resolve(server));
  const env = {
    VITE_PUSHER_APP_KEY: 'built',
    VITE_WS_HOST: 'ws.example.org',
    VITE_WS_PORT: '443',
    VITE_WS_SCHEME: 'wss',
  };
  const config = { key: 'built', host: 'ws.example.org', port: 443, tls: true };
  await expect(loadWebSocketConfig(ask, env)).resolves.toEqual(config);
  expect(ask).not.toHaveBeenCalled();
});
