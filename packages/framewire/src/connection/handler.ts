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
   * Binary messages of up to 64 KiB are lent to `message` for the time of its call, in place of being
   * copied for it: for those that are looked at, or sent on, and not kept. `send` and `broadcast` may
   * be given them. What is to stay, also over an `await`, has to be copied (`slice`): their octets are
   * overwritten when the call returns, so that a handler which forgets it fails with its first message.
   * Text, and what is longer, is the handler's own as ever. Default: false.
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
