import assert from 'node:assert/strict';
import { test } from 'node:test';
import { connect, HandshakeError } from 'framewire';
import { start } from '../http-and-websocket-one-port.ts';

test('one port: a page, a JSON API and a WebSocket', async () => {
  const server = await start();
  const page = await fetch(server.url);
  assert.equal(page.headers.get('content-type'), 'text/html; charset=utf-8');
  assert.match(await page.text(), /^<!doctype html>/);
  assert.deepEqual(await statusOf(server.url), { connections: 0 });

  const connection = await connect(`${server.url}ws`);
  assert.deepEqual(await statusOf(server.url), { connections: 1 });
  await connection.send('time');
  assert.match(String(await connection.receive()), /^\d{4}-\d\d-\d\dT[\d:.]+Z$/);
  await connection.send('the weather');
  assert.equal(await connection.receive(), 'I only know the time.');

  await server.close();
});

test('one port: a page of our own may connect, a foreign one gets 403', async () => {
  const server = await start();
  const ours = await connect(`${server.url}ws`, { origin: server.url.slice(0, -1) });
  await ours.close();
  await assert.rejects(connect(`${server.url}ws`, { origin: 'https://example.com' }), (error) => {
    assert.ok(error instanceof HandshakeError);
    assert.equal(error.status, 403);
    return true;
  });
  await server.close();
});

async function statusOf(url: string): Promise<unknown> {
  return (await fetch(`${url}api/status`)).json();
}
