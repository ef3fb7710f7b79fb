/** An HTTP proxy on 127.0.0.1 that opens every tunnel it is asked for (RFC 9110 §9.3.6). */
import { once } from 'node:events';
import http from 'node:http';
import net, { type AddressInfo, type Socket } from 'node:net';

export interface TestProxy extends AsyncDisposable {
  readonly url: string;
  readonly port: number;
  /** What was asked for, as `host:port`. */
  readonly asked: readonly string[];
}

/** With credentials, as `user:password`, whoever does not give them is refused with 407. */
export async function startProxy(credentials?: string): Promise<TestProxy> {
  const asked: string[] = [];
  const sockets = new Set<Socket>();
  const expected = credentials && `Basic ${Buffer.from(credentials).toString('base64')}`;
  const server = http.createServer();
  server.on('connection', (socket: Socket) => sockets.add(socket.on('error', () => {})));
  server.on('connect', ({ url = '', headers }: http.IncomingMessage, socket: Socket) => {
    if (headers['proxy-authorization'] !== expected) {
      socket.end('HTTP/1.1 407 Proxy Authentication Required\r\n\r\nwho are you?\n');
      return;
    }
    asked.push(url);
    const { hostname, port } = new URL(`http://${url}`);
    const far = net.connect(Number(port), hostname, () => {
      socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
      socket.pipe(far).pipe(socket);
    });
    far.on('error', () => socket.destroy()).on('close', () => socket.destroy());
    socket.on('close', () => far.destroy());
  });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  return {
    port,
    url: `http://127.0.0.1:${port}`,
    asked,
    async [Symbol.asyncDispose]() {
      for (const socket of sockets) socket.destroy();
      server.close();
      await once(server, 'close');
    },
  };
}
