/** A reverse HTTP proxy over WebSocket. This page is the table of contents. */

export { TUNNEL_ERROR_CODES, TunnelError, type TunnelErrorCode } from './errors.ts';
