/** The public side of a tunnel, in each style. */
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { TunnelRelay, WspRelay } from '@framewire/tunnel';
import { answer } from '../rpc.ts';
import { BACKLOG, HOST, usage } from '../servers/serving.ts';
import type { RelayOperations, TunnelStyle } from './operations.ts';
import { attachPerRequest } from './per-request-relay.ts';

/** By which callers reach the tunnel. */
const NAME = 'bench';

function attach(style: TunnelStyle, server: Server): void {
  if (style === 'per-request') attachPerRequest(server);
  else if (style === 'wsp')
    new WspRelay({ openRegistration: true, openRequests: true }).attach(server);
  else new TunnelRelay({ openRegistration: true, hosts: { [HOST]: NAME } }).attach(server);
}

answer<RelayOperations>({
  async start(style) {
    const server = createServer({ keepAliveTimeout: 120_000 });
    attach(style, server);
    server.listen(0, HOST, BACKLOG);
    await once(server, 'listening');
    return (server.address() as AddressInfo).port;
  },
  usage,
});
