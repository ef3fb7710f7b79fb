import assert from 'node:assert/strict';
import net from 'node:net';
import { Duplex } from 'node:stream';
import { test } from 'node:test';
import { Transport, type TransportSink } from '#src/connection/transport.js';
import { memoryPair } from 'framewire/testing';
import { octetsOf } from '../protocol/frames.ts';
import { RawListener } from './opening.ts';
import { turns, within } from './raw-peer.ts';

class Sink implements TransportSink {
  readonly events: string[] = [];
  readonly chunks: Uint8Array[] = [];
  readonly room = undefined;
  #onClose: (() => void) | undefined;
  readonly closed = new Promise<void>((resolve) => (this.#onClose = resolve));

  onData(chunk: Uint8Array): void {
    this.events.push('data');
    this.chunks.push(chunk);
  }

  onFull(): void {
    this.events.push('full');
  }

  onDrain(): void {
    this.events.push('drain');
  }

  onEnd(): void {
    this.events.push('end');
  }

  onClose(error: Error | undefined): void {
    this.events.push(`close ${error?.message ?? 'without an error'}`);
    this.#onClose?.();
  }
}

function create(duplex: Duplex): { transport: Transport; sink: Sink } {
  const sink = new Sink();
  const transport = new Transport(duplex);
  transport.sink = sink;
  return { transport, sink };
}

test('reading begins when it is told to', async () => {
  const [near, far] = memoryPair();
  const { transport, sink } = create(near);
  far.write('first');
  transport.start();
  transport.start();
  await turns(3);
  assert.equal(sink.chunks.length, 0);
  transport.resume();
  await turns(3);
  assert.equal(sink.chunks.length, 1);
  transport.pause();
  far.write('second');
  await turns(3);
  assert.equal(sink.chunks.length, 1);
});

test('who is told may change, and may be nobody', async () => {
  const [near, far] = memoryPair();
  const { transport, sink } = create(near);
  transport.start();
  transport.resume();
  far.write('first');
  await turns(3);
  transport.forsake();
  far.write('second');
  await turns(3);
  const next = new Sink();
  transport.sink = next;
  far.end('third');
  await turns(3);
  assert.deepEqual([sink.events, next.events], [['data'], ['data', 'end']]);
});

test('chunks of a stream that is no socket are copied: they are somebody’s octets', async () => {
  const given = octetsOf(10);
  const source = new Duplex({ read() {}, write: (_chunk, _encoding, done) => done() });
  const { transport, sink } = create(source);
  transport.start();
  transport.resume();
  source.push(given);
  await turns(2);
  sink.chunks[0]!.fill(0);
  assert.deepEqual(given, octetsOf(10));
});

test('several buffers leave in one write, in their order', async (t) => {
  const listener = await RawListener.start(t);
  const socket = net.connect(listener.port, '127.0.0.1');
  const { transport } = create(socket);
  const peer = await listener.next();
  const writev = t.mock.method(socket, '_writev' as 'write');
  transport.writeAll([octetsOf(3), octetsOf(5), octetsOf(7)]);
  const received = await peer.read(15);
  assert.deepEqual(received, Uint8Array.from([...octetsOf(3), ...octetsOf(5), ...octetsOf(7)]));
  assert.equal(writev.mock.callCount(), 1);
  socket.destroy();
});

test('onFull and onDrain frame the time in which the peer takes nothing', async () => {
  const [near, far] = memoryPair();
  const { transport, sink } = create(near);
  transport.start();
  transport.write(octetsOf(10));
  assert.deepEqual(sink.events, []);
  transport.write(octetsOf(200_000));
  assert.deepEqual(sink.events, ['full']);
  assert.equal(transport.needsDrain, true);
  far.resume();
  await turns(5);
  assert.deepEqual(sink.events, ['full', 'drain']);
  assert.equal(transport.needsDrain, false);
  transport.writeAll([octetsOf(100_000), octetsOf(100_000)]);
  assert.deepEqual(sink.events, ['full', 'drain', 'full']);
});

test('after the end nothing is written, and ending twice is ending once', async () => {
  const [near, far] = memoryPair();
  const { transport, sink } = create(near);
  transport.start();
  transport.resume();
  transport.write(octetsOf(1));
  transport.end();
  transport.end();
  transport.write(octetsOf(1));
  transport.writeAll([octetsOf(1)]);
  let received = 0;
  far.on('data', (chunk: Buffer) => (received += chunk.length));
  far.on('end', () => far.end());
  await within(sink.closed, 'the close');
  assert.equal(received, 1);
  assert.deepEqual(sink.events, ['end', 'close without an error']);
});

test('the first error is the one that is told, and the stream is destroyed with it', async () => {
  const duplex = new Duplex({
    autoDestroy: false,
    emitClose: true,
    read() {},
    write: (_chunk, _encoding, done) => done(new Error('write EPIPE')),
  });
  const { transport, sink } = create(duplex);
  transport.start();
  transport.write(octetsOf(1));
  await within(sink.closed, 'the close');
  assert.deepEqual(sink.events, ['close write EPIPE']);
  assert.equal(duplex.destroyed, true);
});

test('a stream that was gone before is told as closed', async () => {
  const [near, far] = memoryPair();
  far.on('error', () => {});
  near.destroy();
  await turns(3);
  const { transport, sink } = create(near);
  transport.start();
  await within(sink.closed, 'the close');
  assert.deepEqual(sink.events, ['close without an error']);
});

test('a stream that had ended before is told as ended', async () => {
  const [near, far] = memoryPair();
  far.end();
  near.resume();
  await turns(3);
  assert.equal(near.readableEnded, true);
  const { transport, sink } = create(near);
  transport.start();
  await turns(2);
  assert.deepEqual(sink.events, ['end']);
});
