import assert from 'node:assert/strict';
import { EventEmitter, once } from 'node:events';
import net from 'node:net';
import { test, type TestContext } from 'node:test';
import { sharedReader } from '#src/native/socket-reading.js';
import { within } from '../connection/raw-peer.ts';
import { octetsOf } from '../protocol/frames.ts';

const documentedOnly = process.env['FRAMEWIRE_DOCUMENTED_API'] === '1';

/** What a reader was given, copied, since it is lent. */
class Reads extends EventEmitter {
  readonly chunks: Uint8Array[] = [];
  readonly sizes: number[] = [];
  /** Where the next octets are wanted. */
  room: Uint8Array | undefined;
  readonly attach = sharedReader((length, buffer) => {
    this.chunks.push(Uint8Array.from(buffer.subarray(0, length)));
    this.sizes.push(buffer.length);
    this.emit('read');
    return this.room;
  });

  get octets(): Uint8Array {
    return Uint8Array.from(Buffer.concat(this.chunks));
  }
}

/** Two ends of one TCP connection; the near one was accepted, and reads nothing yet. */
async function sockets(t: TestContext): Promise<{ near: net.Socket; far: net.Socket }> {
  const server = net.createServer({ allowHalfOpen: true, pauseOnConnect: true });
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as net.AddressInfo;
  const far = net.connect({ port, host: '127.0.0.1', allowHalfOpen: true });
  const [near] = (await within(once(server, 'connection'), 'connection')) as [net.Socket];
  t.after(() => {
    near.destroy();
    far.destroy();
    server.close();
  });
  return { near, far };
}

test('where only what is documented may be used, no socket is read so', async (t) => {
  const { near } = await sockets(t);
  assert.equal(new Reads().attach(near), !documentedOnly);
});

test('an accepted socket is read to its end', { skip: documentedOnly }, async (t) => {
  const { near, far } = await sockets(t);
  const reads = new Reads();
  assert.equal(reads.attach(near), true);
  const sent = octetsOf(300_000);
  near.resume();
  far.end(sent);
  await within(once(near, 'end'), 'end');
  assert.deepEqual(reads.octets, sent);
  assert.ok(reads.sizes.every((size) => size === 64 * 1024));
});

test('octets are read to where they are wanted', { skip: documentedOnly }, async (t) => {
  const { near, far } = await sockets(t);
  const reads = new Reads();
  reads.attach(near);
  const room = new Uint8Array(1000).subarray(10, 100);
  reads.room = room;
  near.resume();
  far.write('a');
  await within(once(reads, 'read'), 'the first octet');
  reads.room = undefined;
  far.write('b');
  await within(once(reads, 'read'), 'the second octet');
  far.end('c');
  await within(once(near, 'end'), 'end');
  assert.deepEqual(reads.sizes, [64 * 1024, 90, 64 * 1024]);
  assert.equal(room[0], 'b'.charCodeAt(0));
  assert.equal(Buffer.from(reads.octets).toString(), 'abc');
});

test('pausing holds the peer back, and nothing is lost', { skip: documentedOnly }, async (t) => {
  const { near, far } = await sockets(t);
  const reads = new Reads();
  reads.attach(near);
  const sent = octetsOf(20_000_000);
  reads.once('read', () => near.pause());
  near.resume();
  far.end(sent);
  await within(once(reads, 'read'), 'the first octets');
  assert.equal(reads.chunks.length, 1);
  near.resume();
  await within(once(near, 'end'), 'end');
  assert.ok(Buffer.from(sent).equals(reads.octets));
});

test('two sockets share the buffer and do not mix', { skip: documentedOnly }, async (t) => {
  const pairs = await Promise.all([sockets(t), sockets(t)]);
  const sent = pairs.map((_, index) => new Uint8Array(500_000).fill(index + 1));
  const all = pairs.map(() => new Reads());
  const ends = pairs.map(({ near, far }, index) => {
    all[index]!.attach(near);
    near.resume();
    far.end(sent[index]!);
    return once(near, 'end');
  });
  await within(Promise.all(ends), 'both ends');
  for (const [index, { octets }] of all.entries()) assert.deepEqual(octets, sent[index]);
});

test('a reset is an error of the socket, as ever', { skip: documentedOnly }, async (t) => {
  const { near, far } = await sockets(t);
  new Reads().attach(near);
  near.resume();
  const failed = once(near, 'error');
  far.resetAndDestroy();
  const [error] = (await within(failed, 'error')) as [NodeJS.ErrnoException];
  assert.equal(error.code, 'ECONNRESET');
});

test('a socket with a buffer of its own, with octets unread, or without a handle is left alone', async (t) => {
  const { attach } = new Reads();
  const { near, far } = await sockets(t);
  far.write('unread');
  near.resume();
  await within(once(near, 'readable'), 'readable');
  assert.equal(near.readableLength, 6);
  assert.equal(attach(near), false);
  assert.equal(attach(new net.Socket()), false);
  const own = net.connect({
    port: near.localPort!,
    host: '127.0.0.1',
    onread: { buffer: new Uint8Array(8), callback: () => true },
  });
  t.after(() => own.destroy());
  await within(once(own, 'connect'), 'connect');
  assert.equal(attach(own), false);
});

test('what inherits from a socket is no socket that is known', async (t) => {
  class Other extends net.Socket {}
  const { near } = await sockets(t);
  const other = new Other().connect(near.localPort!, '127.0.0.1');
  t.after(() => other.destroy());
  await within(once(other, 'connect'), 'connect');
  assert.equal(new Reads().attach(other), false);
});

test(
  'memory of one message is never given to another socket',
  { skip: documentedOnly },
  async (t) => {
    const { near, far } = await sockets(t);
    const reads = new Reads();
    reads.attach(near);
    reads.room = new Uint8Array(1000);
    near.resume();
    far.write('a');
    await within(once(reads, 'read'), 'the octet');
    // As Node asks for it once more when another socket that is read so dials its next address.
    const symbol = Object.getOwnPropertySymbols(near).find(
      (own) => own.description === 'kBufferGen',
    );
    const generator = Reflect.get(near, symbol!) as () => Uint8Array;
    assert.equal(generator().length, 64 * 1024);
  },
);
