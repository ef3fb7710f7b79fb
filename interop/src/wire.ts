/**
 * How the suite drives a peer that lives in a process of its own: requests on its stdin, replies
 * and events on its stdout, one JSON object per line, octets in base64. It ends when its stdin does.
 */
import type { DialOptions, Kind, ListenOptions, Manner } from './endpoint.ts';

export type Operation =
  | { readonly op: 'listen'; readonly options: ListenOptions }
  | { readonly op: 'dial'; readonly options: DialOptions }
  /** Closes every connection of a listener with 1001 and stops listening. */
  | { readonly op: 'shutdown'; readonly port: number }
  | {
      readonly op: 'send';
      readonly link: number;
      readonly type: Kind;
      readonly data: string;
      readonly manner?: Manner;
    }
  | {
      readonly op: 'fragments';
      readonly link: number;
      readonly type: Kind;
      readonly parts: readonly string[];
      /** The payload of the ping that follows the first part. */
      readonly data: string;
    }
  | { readonly op: 'ping'; readonly link: number; readonly data: string }
  | {
      readonly op: 'close';
      readonly link: number;
      readonly code?: number;
      readonly reason?: string;
    }
  | { readonly op: 'abort'; readonly link: number };

export type Request = Operation & { readonly id: number };

/** The answer to the request with the same id. */
export interface Reply {
  readonly id: number;
  /** Of `listen`. */
  readonly port?: number;
  /** Of `dial`. */
  readonly link?: number;
  readonly protocol?: string;
  readonly extensions?: string;
  /** What went wrong, and the HTTP status if that was it. */
  readonly error?: string;
  readonly status?: number;
}

export type Event =
  | {
      readonly event: 'accepted';
      readonly port: number;
      readonly link: number;
      readonly protocol: string;
      readonly extensions: string;
      readonly headers: Readonly<Record<string, string>>;
    }
  | {
      readonly event: 'message';
      readonly link: number;
      readonly type: Kind;
      readonly data: string;
    }
  | { readonly event: 'ping' | 'pong'; readonly link: number; readonly data: string }
  | {
      readonly event: 'closed';
      readonly link: number;
      readonly code: number;
      readonly reason: string;
    };

export function encodeOctets(data: Uint8Array): string {
  return Buffer.from(data.buffer, data.byteOffset, data.byteLength).toString('base64');
}

export function decodeOctets(text: string): Uint8Array {
  return new Uint8Array(Buffer.from(text, 'base64'));
}
