/** Reading by push: one object that many connections share. */
import type { CloseInfo } from '../errors.ts';
import type { Connection } from './connection.ts';
import type { Message } from './message.ts';

/**
 * What happens on a connection. One handler serves any number of connections and no closure is made
 * for any of them; a connection with a `message` method here is not read in another way. When a
 * method throws, or its promise rejects, that connection alone fails with 1011 and the error is in
 * its `CloseInfo`; only that a message was dropped or came too late, as `send` tells, is no failure.
 */
export interface ConnectionHandler<Context = unknown, Opening = unknown> {
  /** The opening handshake is complete; on a server with the request, which is not kept. */
  open?(connection: Connection<Context>, opening: Opening): void;
  /**
   * A message arrived. The next one does not wait for the promise; where it should, iterate over the
   * connection instead, or use `pause` and `resume`. A handler without this method leaves messages to
   * be read; unread, they hold the peer back from `highWaterMark` on.
   */
  message?(connection: Connection<Context>, message: Message): void | Promise<void>;
  /**
   * Binary messages are lent to `message` for its call instead of being copied for it, where a read of a
   * socket brought them whole: for handlers that look at messages, or send them on. Those of up to 64
   * KiB are overwritten when the call returns, however they came: what is to stay, also over an `await`,
   * has to be copied (`slice`). `send`, `broadcast` and `prepareMessage` do that; `sendStream` and streams
   * do not. Such a message may begin at any octet of its `buffer`, which is memory of the library: to
   * be read by a `DataView`, and neither sent as a whole nor transferred. Longer messages and text are
   * the handler's own. Default: false.
   */
  readonly borrowsMessages?: boolean | undefined;
  /** A Ping arrived; it is answered by the library. */
  ping?(connection: Connection<Context>, payload: Uint8Array): void;
  pong?(connection: Connection<Context>, payload: Uint8Array): void;
  /** All that waited to be sent has left, after a promise of `send` had to wait for it. */
  drain?(connection: Connection<Context>): void;
  /** The connection has ended; nothing follows. */
  closed?(connection: Connection<Context>, info: CloseInfo): void;
}
