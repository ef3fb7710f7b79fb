/** What went wrong on the way to whoever serves, in the words of the tunnel. */
import { TunnelError, type TunnelErrorCode } from '../errors.ts';

/** A connection that was there and is not any more. */
const BROKEN: ReadonlySet<string> = new Set(['ECONNRESET', 'EPIPE', 'ECONNABORTED']);

export function toTunnelError(error: Error, isConnected: boolean): TunnelError {
  if (TunnelError.isInstance(error)) return error;
  const code = 'code' in error ? String(error.code) : '';
  return new TunnelError(kindOf(code, isConnected), code === '' ? error.message : code, {
    cause: error,
  });
}

function kindOf(code: string, isConnected: boolean): TunnelErrorCode {
  if (isConnected || BROKEN.has(code)) return 'ERR_TUNNEL_ABORTED';
  return 'ERR_TUNNEL_TARGET_UNREACHABLE';
}
