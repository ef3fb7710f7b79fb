import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { connect, WebSocketServer } from 'framewire';
import { RawPeer, within } from '../connection/raw-peer.ts';

const ADDRESSES = [
  [{ port: 0, host: '127.0.0.1' }, '127.0.0.1', /^ws:\/\/127\.0\.0\.1:\d+\/$/u],
  [{ port: 0, host: '::1' }, '::1', /^ws:\/\/\[::1\]:\d+\/$/u],
  [{ port: 0, host: '0.0.0.0' }, '0.0.0.0', /^ws:\/\/localhost:\d+\/$/u],
  [0, '::', /^ws:\/\/localhost:\d+\/$/u],
] as const;

for (const [options, host, pattern] of ADDRESSES) {
  test(`listen(${JSON.stringify(options)}) tells where it can be reached`, async () => {
    const server = new WebSocketServer();
    const address = await server.listen(options);
    assert.match(address.url, pattern);
    assert.equal(address.host, host);
    assert.equal(address.port, Number(new URL(address.url).port));
    const connection = await connect(address.url);
    await connection.close(1000);
    await server.close();
  });
}

test('one server may listen in several places, and close() leaves none of them', async () => {
  const server = new WebSocketServer();
  const places = [await server.listen(0), await server.listen(0)];
  for (const { url } of places) (await connect(url)).terminate();
  await server.close();
  for (const { url } of places) await assert.rejects(connect(url), { code: 'ERR_WS_NETWORK' });
});

test('a port that is taken rejects with Node’s error, and nothing stays behind', async () => {
  const first = new WebSocketServer();
  const { port } = await first.listen({ port: 0, host: '127.0.0.1' });
  const second = new WebSocketServer();
  await assert.rejects(second.listen({ port, host: '127.0.0.1' }), { code: 'EADDRINUSE' });
  await within(second.close(), 'the close');
  await first.close();
});

test('a path of a unix socket is there while the server listens', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'framewire-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const path = join(folder, 's.sock');
  const server = new WebSocketServer();
  const address = await server.listen({ path });
  assert.deepEqual(address, { port: 0, host: path, url: `ws+unix:${path}:/` });
  const peer = await RawPeer.dial(path);
  await peer.openAsClient();
  peer.sendClose(1000);
  await peer.expectClose(1000);
  peer.end();
  await server.close();
  assert.equal(existsSync(path), false);
});

test('without a port or a path there is nowhere to listen', async () => {
  await assert.rejects(new WebSocketServer().listen({}), {
    name: 'TypeError',
    code: 'ERR_WS_INVALID_ARGUMENT',
  });
});

test('a port out of range rejects', async () => {
  await assert.rejects(new WebSocketServer().listen(65_536), { code: 'ERR_SOCKET_BAD_PORT' });
});

test('§7.1.1 a client that has ended its side still gets what is sent to it', async () => {
  const server = new WebSocketServer({
    handler: {
      message: (connection) => void connection.send(Buffer.alloc(5_000_000)),
    },
  });
  const { port } = await server.listen({ port: 0, host: '127.0.0.1' });
  const peer = await RawPeer.dial(port);
  await peer.openAsClient();
  peer.sendText('give me').sendClose(1000).end();
  await peer.expectMessage(Buffer.alloc(5_000_000));
  await peer.expectClose(1000);
  await peer.closed();
  await server.close();
});
