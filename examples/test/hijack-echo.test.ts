import assert from 'node:assert/strict';
import { once } from 'node:events';
import { request, type IncomingMessage } from 'node:http';
import { test } from 'node:test';
import { connect, HandshakeError } from 'framewire';
import { start } from '../hijack-echo.ts';

test('hijack-echo: pages and a WebSocket come from one http.Server', async () => {
  const server = await start();
  const page = await fetch(server.url);
  assert.equal(await page.text(), 'An ordinary page. The echo is at /ws.\n');
  assert.equal((await fetch(`${server.url}other`)).status, 404);

  const connection = await connect(`${server.url}ws`);
  await connection.send('over a hijacked connection');
  assert.equal(await connection.receive(), 'over a hijacked connection');

  const closed = connection.closed;
  await server.close();
  assert.equal((await closed).code, 1001);
});

test('hijack-echo: other upgrades get 404', async () => {
  const server = await start();
  await assert.rejects(connect(`${server.url}other`), (error) => {
    assert.ok(error instanceof HandshakeError);
    assert.equal(error.status, 404);
    return true;
  });
  await server.close();
});

test('hijack-echo: what is no handshake is refused at /ws, and the server goes on', async () => {
  const server = await start();
  const asking = request(`${server.url}ws`, { headers: { Connection: 'Upgrade', Upgrade: 'h2c' } });
  const [response] = (await once(asking.end(), 'response')) as [IncomingMessage];
  assert.equal(response.statusCode, 426);
  assert.equal(response.headers.upgrade, 'websocket');
  response.resume();

  assert.equal((await fetch(server.url)).status, 200);
  await server.close();
});
