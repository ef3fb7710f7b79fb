/**
 * Through an HTTP proxy: CONNECT asks it for a tunnel (RFC 9110 §9.3.6), and the socket of the
 * tunnel is the `transport` that `connect` shakes hands on. A SOCKS proxy, an SSH channel, or TLS
 * of one's own for `wss:`, are given in the same way: whatever is a connected Duplex.
 *
 * In Go: `Dialer.Proxy`, such as `http.ProxyURL(…)`; `Dialer.NetDial` for all others.
 *
 *     node examples/.build/through-a-proxy.js
 */
import { once } from 'node:events';
import { createServer, request, type IncomingMessage, type Server } from 'node:http';
import { connect as connectTcp, type AddressInfo } from 'node:net';
import type { Duplex } from 'node:stream';
import { connect, WebSocketServer } from 'framewire';

type Print = (line: string) => void;

/** A tunnel to `authority`, such as `example.com:80`, made by the proxy. */
export async function openTunnel(proxy: URL, authority: string): Promise<Duplex> {
  const asking = request({
    host: proxy.hostname,
    port: proxy.port,
    method: 'CONNECT',
    path: authority,
    headers: { Host: authority },
    signal: AbortSignal.timeout(10_000),
  }).end();
  const [response, socket, head] = (await once(asking, 'connect')) as [
    IncomingMessage,
    Duplex,
    Buffer,
  ];
  if (response.statusCode !== 200) {
    socket.destroy();
    throw new Error(`the proxy says ${response.statusCode} to ${authority}`);
  }
  if (head.length > 0) socket.unshift(head);
  return socket;
}

/** The smallest proxy that can be used for this: it allows every target, as none should. */
export async function startProxy(print: Print): Promise<Server> {
  const proxy = createServer((_, response) => response.writeHead(405).end());
  proxy.on('connect', (asked, socket) => {
    print(`the proxy is asked for ${asked.url?.replace(/\d+$/, '…')}`);
    const { hostname, port } = new URL(`http://${asked.url}`);
    const target = connectTcp(Number(port), hostname, () => {
      socket.write('HTTP/1.1 200 Connection Established\r\n\r\n');
      target.pipe(socket).pipe(target);
    });
    target.on('error', () => socket.destroy());
    socket.on('error', () => target.destroy());
  });
  proxy.listen(0, '127.0.0.1');
  await once(proxy, 'listening');
  return proxy;
}

export async function main(print: Print = console.log): Promise<void> {
  const server = new WebSocketServer({
    handler: { message: (connection, message) => void connection.send(message) },
  });
  const { url } = await server.listen({ port: 0, host: '127.0.0.1' });
  const proxy = await startProxy(print);
  const { port } = proxy.address() as AddressInfo;

  const transport = await openTunnel(new URL(`http://127.0.0.1:${port}`), new URL(url).host);
  const connection = await connect(url, { transport });
  await connection.send('Hello from behind the proxy');
  print(String(await connection.receive()));
  await connection.close(1000);

  await server.close();
  proxy.close();
}

if (process.argv[1] === import.meta.filename) await main();
