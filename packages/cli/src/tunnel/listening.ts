/** Listening, with an error that says what to do. */
import { once } from 'node:events';
import type { AddressInfo, Server } from 'node:net';

export interface ListeningPlace {
  /** Default: all addresses. */
  readonly host?: string | undefined;
  readonly port: number;
}

/** The port it got. `what` is named in the error, with the option that chooses another port. */
export async function listen(server: Server, place: ListeningPlace, what: string): Promise<number> {
  const { host, port } = place;
  server.listen(host === undefined ? { port } : { port, host });
  try {
    await once(server, 'listening');
  } catch (error) {
    throw explainListening(error, place, what);
  }
  // A failure to accept one socket, such as EMFILE, is no failure of the server.
  server.on('error', (error: Error) => process.emitWarning(error));
  return (server.address() as AddressInfo).port;
}

/** The error in words, with what to do; another error as it is. */
export function explainListening(
  error: unknown,
  { host = '', port }: ListeningPlace,
  what: string,
): unknown {
  if (!(error instanceof Error && 'code' in error)) return error;
  const where = host === '' ? `port ${port}` : `port ${port} of ${host}`;
  switch (error.code) {
    case 'EADDRINUSE':
      return new Error(`${where} is taken by another program; ${what}`, { cause: error });
    case 'EACCES':
      return new Error(`${where} is only for administrators; ${what}`, { cause: error });
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
      return new Error(`${host} is not an address of this machine`, { cause: error });
    default:
      return error;
  }
}

/** As a URL has it; "all addresses" is none that can be opened. */
export function hostInUrl(host: string | undefined): string {
  if (host === undefined || host === '0.0.0.0' || host === '::') return 'localhost';
  return host.includes(':') ? `[${host}]` : host;
}
