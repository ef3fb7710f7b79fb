/** The options of how a server is reached, which `connect` and `bench` share. */
import { Option, type Command } from 'commander';
import type { ConnectOptions } from 'framewire';

/** The options as commander names them. */
export interface RouteFlags {
  readonly proxy?: string;
  readonly http2?: boolean;
  readonly http2Only?: boolean;
}

export const ROUTE_HELP: string = `
Way to the server:
  --proxy takes http://, https:// and socks5:// with a host, a port, and user:password@ before them.
  Other users of this machine can see what a command line says: --proxy env, which reads WS_PROXY,
  HTTP_PROXY and ALL_PROXY (wss: WSS_PROXY, HTTPS_PROXY, ALL_PROXY) and NO_PROXY, tells them nothing.
  --http2 asks a wss: server for HTTP/2 and takes HTTP/1.1 where it has no WebSockets over it. With
  ws: there is no way to ask, so it has to have them there, as with --http2-only everywhere.`;

export function addRouteOptions(command: Command): void {
  command
    .optionsGroup('Way to the server:')
    .option('--proxy <url>', 'go through a proxy; "env" for the one of the environment')
    .option('--http2', 'WebSockets over HTTP/2 where the server has them (RFC 8441)')
    .addOption(new Option('--http2-only', 'the same, and nothing else').implies({ http2: true }));
}

export function routeOptions(
  url: string,
  { proxy, http2, http2Only }: RouteFlags,
): Pick<ConnectOptions, 'proxy' | 'httpVersion'> {
  const isRequired = http2Only === true || !/^(?:wss|https)\b/iu.test(url);
  return {
    proxy: proxy === 'env' ? 'environment' : proxy,
    httpVersion: http2 !== true ? 1 : isRequired ? 2 : 'auto',
  };
}
