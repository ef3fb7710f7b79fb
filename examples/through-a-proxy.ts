/**
 * Out through an HTTP proxy, as from behind a company's firewall: the client asks it with CONNECT for a
 * tunnel, and does its handshake through that. What the proxy refuses is told apart from what the
 * server does.
 *
 * In Go: `Dialer.Proxy`, such as `http.ProxyFromEnvironment`, which is `proxy: 'environment'` here.
 *
 *     node examples/.build/through-a-proxy.js
 */
import { once } from 'node:events';
import { createServer, type Server } from 'node:http';
import { connect as connectTcp, type AddressInfo } from 'node:net';
import { connect, HandshakeError, WebSocketServer } from 'framewire';

type Print = (line: string) => void;

/** The smallest proxy that can be used for this: it lets everybody with the password to anywhere. */
export async function startProxy(print: Print): Promise<Server> {
  const proxy = createServer((_, response) => response.writeHead(405).end());
  proxy.on('connect', (asked, socket) => {
    print(`the proxy is asked for ${asked.url?.replace(/\d+$/, '…')}`);
    if (asked.headers['proxy-authorization'] !== `Basic ${btoa('user:secret')}`) {
      const body = 'who are you?\n';
      socket.end(`HTTP/1.1 407 No\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
      return;
    }
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

  try {
    await connect(url, { proxy: `http://127.0.0.1:${port}` });
  } catch (error) {
    if (!(error instanceof HandshakeError)) throw error;
    print(`${error.code}: ${error.status} ${new TextDecoder().decode(error.body).trim()}`);
  }

  const connection = await connect(url, { proxy: `http://user:secret@127.0.0.1:${port}` });
  await connection.send('Hello from behind the proxy');
  print(String(await connection.receive()));
  await connection.close(1000);

  await server.close();
  proxy.close();
}

if (process.argv[1] === import.meta.filename) await main();
