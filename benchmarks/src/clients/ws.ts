/** A client with npm's ws. */
import { once } from 'node:events';
import { WebSocket } from 'ws';
import { serveClient } from './serving.ts';

serveClient(async (url, events) => {
  const socket = new WebSocket(url, { perMessageDeflate: false });
  socket.on('message', (data: Buffer) => events.onMessage(data));
  socket.on('error', (error) => events.onFailure(error));
  socket.on('close', () => events.onClosed());
  await once(socket, 'open');
  return { send: (data) => socket.send(data), close: () => socket.close() };
});
