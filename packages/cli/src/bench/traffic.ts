/** Octets on the sockets, frame headers and compression included. */
import { Socket } from 'node:net';
import { TLSSocket } from 'node:tls';
import type { LoadConnection } from './load-connection.ts';

export interface Traffic {
  readonly sent: number;
  readonly received: number;
}

/** Undefined over TLS and HTTP/2, where a transport tells of another layer. */
export function readTraffic(connections: readonly LoadConnection[]): Traffic | undefined {
  let sent = 0;
  let received = 0;
  for (const { connection } of connections) {
    const transport = connection?.transport;
    if (!(transport instanceof Socket) || transport instanceof TLSSocket) return undefined;
    sent += transport.bytesWritten;
    received += transport.bytesRead;
  }
  return { sent, received };
}

export function trafficBetween(
  before: Traffic | undefined,
  after: Traffic | undefined,
): Traffic | undefined {
  if (before === undefined || after === undefined) return undefined;
  return { sent: after.sent - before.sent, received: after.received - before.received };
}
