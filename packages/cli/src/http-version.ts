/** The version of HTTP that a WebSocket was opened with, and in the case of HTTP/2 still goes over. */
import type { Connection } from 'framewire';

export function httpVersionOf({ transport }: Connection): '1.1' | '2' {
  // Only a stream of `node:http2` has a code of RST_STREAM (RFC 9113 §6.4).
  return 'rstCode' in transport ? '2' : '1.1';
}
