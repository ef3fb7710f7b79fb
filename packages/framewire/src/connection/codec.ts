/** Values instead of messages, as golang.org/x/net/websocket's `JSON` and `Message` codecs. */
import { ProtocolError } from '../errors.ts';
import type { Connection } from './connection.ts';
import type { Message, Sendable } from './message.ts';

/** How values of one type travel. Both directions may throw; see `CodecConnection`. */
export interface Codec<Value> {
  encode(value: Value): Sendable;
  decode(message: Message): Value;
}

/** A connection seen through a codec. The connection itself stays usable beside it. */
export interface CodecConnection<Value, Context = unknown> extends AsyncIterable<Value> {
  readonly connection: Connection<Context>;
  /** Encodes and sends; what `encode` throws is thrown here. Resolves as `Connection.send` does. */
  send(value: Value): Promise<void>;
  /**
   * The next value; `undefined` after a clean close. A message that is none rejects with a
   * `ProtocolError` `ERR_WS_INVALID_VALUE`, whose cause is what `decode` threw; the connection goes
   * on, and whoever wants to end it closes it with 1003 or 1007. In a `for await` the loop ends with
   * that error; another loop goes on with the next message.
   */
  receive(options?: { readonly signal?: AbortSignal | undefined }): Promise<Value | undefined>;
}

/** JSON, sent as text; read from binary messages too. Values come from `JSON.parse`: a `__proto__` in them is a property like any other. */
export function json<Value = unknown>(): Codec<Value> {
  return {
    encode(value) {
      const text = JSON.stringify(value) as string | undefined;
      if (text === undefined) throw new TypeError('a value that JSON cannot express was sent');
      return text;
    },
    decode(message) {
      const text = typeof message === 'string' ? message : Buffer.from(message).toString();
      return JSON.parse(text) as Value;
    },
  };
}

/** Messages as they are: strings are text, octets are binary. */
export const message: Codec<Message> = {
  encode: (value) => value,
  decode: (received) => received,
};

export function withCodec<Value, Context>(
  connection: Connection<Context>,
  codec: Codec<Value>,
): CodecConnection<Value, Context> {
  return {
    connection,
    send: (value) => connection.send(codec.encode(value)),
    async receive(options) {
      const received = await connection.receive(options);
      return received === undefined ? undefined : decode(codec, received);
    },
    async *[Symbol.asyncIterator]() {
      for await (const received of connection) yield decode(codec, received);
    },
  };
}

function decode<Value>(codec: Codec<Value>, received: Message): Value {
  try {
    return codec.decode(received);
  } catch (cause) {
    const detail = cause instanceof Error ? cause.message : String(cause);
    throw new ProtocolError('ERR_WS_INVALID_VALUE', detail, { cause });
  }
}
