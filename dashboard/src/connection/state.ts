import type { ConnectionState } from '@/services/echo.service';

/**
 * What a live view is worth. `connected` only while the socket is open and the organization's channel is subscribed;
 * `delayed` when both are so and events still do not come through.
 */
export type LiveConnection = ConnectionState | 'delayed';
