import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { main, openTunnel } from '../through-a-proxy.ts';
import { printed } from './printed.ts';

test('through-a-proxy: the connection goes through the tunnel that CONNECT made', async () => {
  const { lines, print } = printed();
  await main(print);
  assert.deepEqual(lines, ['the proxy is asked for 127.0.0.1:…', 'Hello from behind the proxy']);
});

test('through-a-proxy: a proxy that refuses is told', async () => {
  const proxy = createServer();
  proxy.on('connect', (_, socket) => {
    socket.end('HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n');
  });
  await once(proxy.listen(0, '127.0.0.1'), 'listening');
  const { port } = proxy.address() as AddressInfo;
  await assert.rejects(openTunnel(new URL(`http://127.0.0.1:${port}`), 'example.com:80'), {
    message: 'the proxy says 403 to example.com:80',
  });
  proxy.close();
});
