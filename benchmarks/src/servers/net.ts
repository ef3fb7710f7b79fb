/** Octets back as they come, without WebSocket: what Node's sockets alone cost. */
import { once } from 'node:events';
import { createServer, type AddressInfo } from 'node:net';
import { BACKLOG, HOST, serve } from './serving.ts';

serve(async () => {
  const server = createServer({ noDelay: true }, (socket) => {
    socket.on('error', () => socket.destroy());
    socket.on('data', (chunk) => socket.write(chunk));
  });
  server.listen(0, HOST, BACKLOG);
  await once(server, 'listening');
  return (server.address() as AddressInfo).port;
});
