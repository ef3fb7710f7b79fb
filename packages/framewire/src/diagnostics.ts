/**
 * What happens inside, for observers: `node:diagnostics_channel`. Costs nothing without subscribers.
 *
 * | channel | message |
 * | --- | --- |
 * | `framewire:connection:open` | `{ connection }` |
 * | `framewire:connection:close` | `{ connection, info }` |
 * | `framewire:handshake:refused` | `{ error, request }` |
 */
import { channel } from 'node:diagnostics_channel';
import type { CloseInfo } from './errors.ts';

const opened = channel('framewire:connection:open');
const closed = channel('framewire:connection:close');
const refused = channel('framewire:handshake:refused');

export function publishOpened(connection: object): void {
  if (opened.hasSubscribers) opened.publish({ connection });
}

export function publishClosed(connection: object, info: CloseInfo): void {
  if (closed.hasSubscribers) closed.publish({ connection, info });
}

export function publishRefused(error: Error, request: object | undefined): void {
  if (refused.hasSubscribers) refused.publish({ error, request });
}
