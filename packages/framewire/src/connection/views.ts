/** A connection as the streams other code expects. */
import { Duplex } from 'node:stream';
import { ReadableStream, WritableStream } from 'node:stream/web';
import { ConnectionClosedError } from '../errors.ts';
import { CloseCode } from '../protocol/close-code.ts';
import type { Connection } from './connection.ts';
import type { Message, Sendable } from './message.ts';

export interface WebStreams {
  readonly readable: ReadableStream<Message>;
  readonly writable: WritableStream<Sendable>;
}

/**
 * A Duplex of octets over the connection, as a tunnel wants it: each write is one binary message,
 * received messages of either type are read as octets. Backpressure holds both ways; ending it
 * closes with 1000, destroying it terminates.
 */
export function toDuplex(connection: Connection): Duplex {
  const messages = connection[Symbol.asyncIterator]();
  return new Duplex({
    read() {
      const fail = (error: unknown) => void this.destroy(error as Error);
      messages.next().then(({ value, done }) => {
        // An empty message has no octets, and an empty chunk would not call `read` again.
        if (done === true) void endOf(connection).then(() => this.push(null), fail);
        else if (value.length === 0) this._read(0);
        else this.push(value);
      }, fail);
    },
    write(chunk: Buffer, _encoding, callback) {
      connection.send(chunk).then(() => callback(), callback);
    },
    final(callback) {
      connection.close(CloseCode.normal).then(() => callback(), callback);
    },
    destroy(error, callback) {
      if (connection.readyState !== 'closed') connection.terminate(error ?? undefined);
      callback(error);
    },
  });
}

/**
 * Web Streams of messages with backpressure. Closing the writable closes with 1000, as cancelling the
 * readable does; aborting the writable terminates. A clean close ends the readable; any other end is
 * an error of both.
 */
export function toWebStreams(connection: Connection): WebStreams {
  const messages = connection[Symbol.asyncIterator]();
  const readable = new ReadableStream<Message>(
    {
      async pull(controller) {
        const result = await messages.next();
        if (result.done !== true) {
          controller.enqueue(result.value);
          return;
        }
        await endOf(connection);
        controller.close();
      },
      async cancel() {
        await connection.close(CloseCode.normal);
      },
    },
    { highWaterMark: 0 },
  );
  const writable = new WritableStream<Sendable>({
    start(controller) {
      void connection.closed.then((info) => {
        if (!info.wasClean) controller.error(new ConnectionClosedError(info));
      });
    },
    write: (message) => connection.send(message),
    async close() {
      await connection.close(CloseCode.normal);
    },
    abort(reason) {
      connection.terminate(reason instanceof Error ? reason : undefined);
    },
  });
  return { readable, writable };
}

/**
 * Rejects where the end was not clean, also for a connection whose messages end without an error:
 * what was cut off must not pass for the whole.
 */
async function endOf(connection: Connection): Promise<void> {
  const info = await connection.closed;
  if (!info.wasClean) throw new ConnectionClosedError(info);
}
