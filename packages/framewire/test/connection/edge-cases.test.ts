import assert from 'node:assert/strict';
import { Duplex } from 'node:stream';
import { test } from 'node:test';
import { connect, WebSocketServer } from 'framewire';
import { open, ROLES } from './opening.ts';
import { hex } from 'framewire/testing';
import { frame, masked, utf8 } from '../protocol/frames.ts';
import { RawPeer, requestHead, responseHead, turns, within } from './raw-peer.ts';

/** A pair whose sides bring an answer within the write, and take each write in the next tick. */
class EagerSide extends Duplex {
  peer: EagerSide | undefined;

  override _read(): void {}

  override _write(chunk: Buffer, _encoding: BufferEncoding, callback: () => void): void {
    this.peer?.push(Buffer.from(chunk));
    process.nextTick(callback);
  }

  override _final(callback: () => void): void {
    this.peer?.push(null);
    callback();
  }
}

function eagerPair(): [Duplex, Duplex] {
  const a = new EagerSide({ highWaterMark: 16 });
  const b = new EagerSide({ highWaterMark: 16 });
  a.peer = b;
  b.peer = a;
  return [a, b];
}

test('a transport that answers within a write mixes no messages up', async () => {
  const [near, far] = eagerPair();
  const server = new WebSocketServer({
    handler: { message: (connection, message) => void connection.send(message) },
  });
  void server.serve(far);
  const lengths: number[] = [];
  const connection = await connect('ws://test.example/', {
    transport: near,
    handler: {
      message(self, message) {
        lengths.push(message.length);
        // More than 64 KiB leaves at once, in the middle of a chunk.
        if (lengths.length < 20) void self.send('x'.repeat(70_000 + lengths.length));
        else void self.close(1000);
      },
    },
  });
  for (const text of ['a', 'bb', 'ccc']) void connection.send(text);
  assert.equal((await within(connection.closed, 'the end')).wasClean, true);
  assert.deepEqual(lengths.slice(0, 3), [1, 2, 3]);
  assert.deepEqual(
    lengths.slice(3, 20),
    Array.from({ length: 17 }, (_, i) => 70_001 + i),
  );
});

test('a send that waits from the first turn on is told when there is room', async () => {
  const [near, far] = eagerPair();
  let sent: Promise<void> | undefined;
  const server = new WebSocketServer({
    highWaterMark: 1,
    // The 101 fills the transport.
    handler: { open: (opened) => void (sent = opened.send('x'.repeat(1000))) },
  });
  const serving = server.serve(near);
  const peer = new RawPeer(far, 'client');
  await peer.openAsClient();
  const connection = await serving;
  await within(sent!, 'room');
  assert.equal(connection.bufferedAmount, 0);
  connection.terminate();
});

for (const role of ROLES) {
  test(`§5.5.1 a reason without a code is a mistake that costs a ${role} nothing`, async () => {
    const { connection, peer } = await open(role);
    assert.throws(() => void connection.close(undefined, 'why'), { name: 'TypeError' });
    void connection.send('still open');
    await peer.expectMessage('still open');
    const closed = connection.close(1000);
    await peer.expectClose(1000);
    peer.sendClose(1000).end();
    assert.equal((await within(closed, 'the end')).wasClean, true);
  });

  test(`the end of a ${role}'s connection lets go of the source of a stream`, async () => {
    const { connection, peer } = await open(role);
    let isReleased = false;
    const source: AsyncIterable<string> = {
      [Symbol.asyncIterator]: () => ({
        next: () => new Promise(() => {}),
        return() {
          isReleased = true;
          return Promise.resolve({ value: undefined, done: true });
        },
      }),
    };
    const sending = connection.sendStream(source);
    await turns(2);
    peer.stream.destroy();
    await assert.rejects(within(sending, 'sendStream'), { name: 'ConnectionClosedError' });
    assert.equal(isReleased, true);
  });
}

test('a server that is closed while it begins to listen leaves no port open', async () => {
  const server = new WebSocketServer();
  const listening = server.listen({ port: 0, host: '127.0.0.1' });
  await server.close();
  await assert.rejects(listening, { code: 'ERR_WS_SHUTTING_DOWN' });
  await assert.rejects(server.listen(0), { code: 'ERR_WS_SHUTTING_DOWN' });
});

test('sockets that ask for nothing do not take the places of those that do', async (t) => {
  const server = new WebSocketServer({ maxConnections: 1 });
  const { port, url } = await server.listen({ port: 0, host: '127.0.0.1' });
  const silent = await Promise.all(Array.from({ length: 5 }, () => RawPeer.dial(port)));
  t.after(() => {
    for (const { stream } of silent) stream.destroy();
    return server.close();
  });
  const connection = await connect(url);
  await assert.rejects(connect(url), { status: 503 });
  await connection.close(1000);
});

/** A client's end of a transport that brings all of it in one turn, the end included. */
class Recording extends Duplex {
  #key = '';
  readonly #frames: Uint8Array;

  constructor(frames: Uint8Array) {
    super({ allowHalfOpen: false });
    this.#frames = frames;
  }

  override _read(): void {}

  override _write(chunk: Buffer, _encoding: BufferEncoding, callback: () => void): void {
    callback();
    this.#key = /sec-websocket-key: (.*)\r/iu.exec(chunk.toString())?.[1] ?? this.#key;
    if (this.readableEnded || this.#key === '') return;
    this.push(responseHead(this.#key));
    this.push(this.#frames);
    this.push(null);
    this.#key = '';
  }
}

for (const how of ['receive', 'handler'] as const) {
  test(`messages, the Close and the end that come with the 101 are all told (${how})`, async () => {
    const transport = new Recording(hex`81 02 48 69 88 02 0f a1`);
    const messages: unknown[] = [];
    const connection = await connect('ws://test.example/', {
      transport,
      ...(how === 'handler' && {
        handler: { message: (_, message) => void messages.push(message) },
      }),
    });
    if (how === 'receive') messages.push(await within(connection.receive(), 'the message'));
    const info = await within(connection.closed, 'the end');
    assert.deepEqual(messages, ['Hi']);
    assert.equal(info.code, 4001);
  });
}

test('frames that arrive within the write of the 101 are not lost', async () => {
  const [near, far] = eagerPair();
  far.once('data', () => far.write(masked(frame(0x81, utf8('early')))));
  const messages: unknown[] = [];
  const server = new WebSocketServer({
    handler: { message: (_, message) => void messages.push(message) },
  });
  const serving = server.serve(near);
  far.write(requestHead());
  const connection = await within(serving, 'the connection');
  await turns(5);
  assert.deepEqual(messages, ['early']);
  connection.terminate();
});

test('a transport is used for one connection', async () => {
  const [near, far] = eagerPair();
  const server = new WebSocketServer();
  void server.serve(far);
  const connection = await connect('ws://test.example/', { transport: near });
  await assert.rejects(connect('ws://test.example/', { transport: near }), {
    code: 'ERR_WS_INVALID_ARGUMENT',
  });
  assert.equal(connection.readyState, 'open');
  connection.terminate();
});
