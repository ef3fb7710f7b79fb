/** A client with undici. It always offers permessage-deflate; the server does not agree on it. */
import { once } from 'node:events';
import { WebSocket } from 'undici';
import { serveClient } from './serving.ts';

serveClient(async (url, events) => {
  const socket = new WebSocket(url);
  // A Blob, the default, would have to be read first.
  socket.binaryType = 'arraybuffer';
  socket.addEventListener('message', ({ data }) => {
    events.onMessage(new Uint8Array(data as ArrayBuffer));
  });
  socket.addEventListener('error', ({ message }) => events.onFailure(new Error(message)));
  socket.addEventListener('close', () => events.onClosed());
  await once(socket, 'open');
  return { send: (data) => socket.send(data), close: () => socket.close() };
});
