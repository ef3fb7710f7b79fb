/** What a tunnel leads to: a server of node:http that answers with as many octets as the path says. */
import { once } from 'node:events';
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { answer } from '../rpc.ts';
import { BACKLOG, HOST, usage } from '../servers/serving.ts';
import { BLOCK, sizeOf } from './content.ts';
import type { TargetOperations } from './operations.ts';

/** Milliseconds: connections outlast the turns of the others. */
const KEEP_ALIVE = 120_000;

const server = createServer({ keepAliveTimeout: KEEP_ALIVE }, ({ url = '/' }, response) => {
  const size = sizeOf(url);
  response.writeHead(200, { 'Content-Type': 'application/octet-stream', 'Content-Length': size });
  if (size <= BLOCK.length) response.end(BLOCK.subarray(0, size));
  else writeAll(response, size);
});

/** As fast as it is taken. */
function writeAll(response: ServerResponse, size: number): void {
  let left = size;
  const writeMore = (): void => {
    while (left > 0) {
      const block = left < BLOCK.length ? BLOCK.subarray(0, left) : BLOCK;
      left -= block.length;
      if (!response.write(block)) return;
    }
    response.off('drain', writeMore).end();
  };
  response.on('drain', writeMore);
  writeMore();
}

answer<TargetOperations>({
  async start() {
    server.listen(0, HOST, BACKLOG);
    await once(server, 'listening');
    return (server.address() as AddressInfo).port;
  },
  usage,
});
