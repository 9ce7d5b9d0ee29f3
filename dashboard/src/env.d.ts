/// <reference types="vite/client" />

interface ImportMetaEnv {
  readonly VITE_PUSHER_APP_KEY?: string;
  readonly VITE_WS_HOST?: string;
  readonly VITE_WS_PORT?: string;
  readonly VITE_WS_SCHEME?: string;
}
