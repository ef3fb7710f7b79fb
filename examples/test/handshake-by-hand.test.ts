import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect as connectTcp } from 'node:net';
import { test } from 'node:test';
import { main, start } from '../handshake-by-hand.ts';
import { printed } from './printed.ts';

test('handshake-by-hand: the client agrees with the server, and each octet is told', async () => {
  const { lines, print } = printed();
  await main(print);
  const told = lines.join('\n');
  assert.match(told, /^< GET \/ HTTP\/1\.1$/m);
  assert.match(told, /^> Sec-WebSocket-Accept: \S{27}=$/m);
  assert.match(told, /^< 81: FIN 1, opcode 1$/m);
  assert.match(told, /^< 85: mask bit 1, length 5$/m);
  assert.match(told, /^< .{14}: payload, 48 65 6c 6c 6f without the mask, "Hello"$/m);
  assert.match(told, /^> 81 05 48 65 6c 6c 6f: FIN 1, opcode 1, mask bit 0, length 5$/m);
  assert.match(told, /^The client received "Hello"$/m);
  assert.match(told, /Close 1000 done$/m);
});

test('§1.3, §5.7: the RFC’s own handshake and frame get the RFC’s own answers', async () => {
  const { print } = printed();
  const server = await start(print);
  const socket = connectTcp(Number(new URL(server.url).port), '127.0.0.1');
  const chunks: Buffer[] = [];
  socket.on('data', (chunk: Buffer) => void chunks.push(chunk));
  // All in one packet: the request, "Hello", and an empty Close.
  socket.write('GET / HTTP/1.1\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n');
  socket.write(Buffer.from('818537fa213d7f9f4d5158', 'hex'));
  socket.write(Buffer.from('888000000000', 'hex'));
  await once(socket, 'end');
  server.close();

  const received = Buffer.concat(chunks);
  const frames = received.indexOf('\r\n\r\n') + 4;
  assert.match(received.toString('latin1'), /Accept: s3pPLMBiTxaQ9kYGzzhZRbK\+xOo=\r\n/);
  assert.equal(received.toString('hex', frames), '810548656c6c6f8800');
});
