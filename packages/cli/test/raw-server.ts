/** A server of raw octets on 127.0.0.1, for peers that do what a good one never would. */
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import net, { type AddressInfo, type Socket } from 'node:net';

export interface RawServer extends AsyncDisposable {
  readonly url: string;
  readonly port: number;
}

export async function rawServer(onSocket: (socket: Socket) => void): Promise<RawServer> {
  const sockets = new Set<Socket>();
  const server = net.createServer((socket) => {
    sockets.add(socket);
    // A reset by the other side is part of what these tests provoke.
    socket.on('error', () => socket.destroy());
    onSocket(socket);
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    port,
    url: `ws://127.0.0.1:${port}/`,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}

/** Waits for the request and answers it with a 101, the octets of `frames` right behind. */
export async function acceptHandshake(socket: Socket, frames: Uint8Array): Promise<void> {
  let request = '';
  while (!request.includes('\r\n\r\n')) {
    const [chunk] = (await once(socket, 'data')) as [Buffer];
    request += chunk.toString('latin1');
  }
  const key = /^sec-websocket-key: (.*)\r$/imu.exec(request)?.[1] ?? '';
  const accept = createHash('sha1').update(`${key}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`);
  const head = [
    'HTTP/1.1 101 Switching Protocols',
    'Upgrade: websocket',
    'Connection: Upgrade',
    `Sec-WebSocket-Accept: ${accept.digest('base64')}`,
    '\r\n',
  ].join('\r\n');
  socket.write(Buffer.concat([Buffer.from(head), frames]));
}
