/** `framewire connect --listen`: the other side of a conversation, for whoever writes a client. */
import { addAbortListener } from 'node:events';
import { CloseCode, WebSocketServer, type Connection, type ServerOptions } from 'framewire';
import { controlFrames, converse, type Conversation } from '../conversation.ts';
import { ExitCode } from '../exit-codes.ts';
import { originsOf } from '../origins.ts';
import { sanitizeLine } from '../sanitize.ts';
import type { ConnectFlags } from './connect-options.ts';

/**
 * Talks to one peer at a time; others are refused meanwhile. With a prompt it goes on until Ctrl-C;
 * a script has said everything after its first peer.
 */
export async function listenForPeers(
  port: number,
  flags: ConnectFlags,
  conversation: Conversation,
): Promise<ExitCode> {
  const { reporter, interruption, forgivesMistakes } = conversation;
  const peers = new OnePeer(conversation);
  await using server = new WebSocketServer(serverOptions(flags, conversation, peers));
  using _asked = addAbortListener(interruption.asked, () => {
    void server.close().then(() => peers.end(ExitCode.ok));
  });
  using _forced = addAbortListener(interruption.forced, () => {
    for (const connection of server.connections) connection.terminate();
  });
  const { url } = await server.listen({ port, host: '127.0.0.1' });
  reporter.waiting(`listening on ${url} for one peer${forgivesMistakes ? ' (Ctrl-C ends)' : ''}`);
  return await peers.ended;
}

function serverOptions(
  flags: ConnectFlags,
  { reporter }: Conversation,
  peers: OnePeer,
): ServerOptions {
  return {
    protocols: flags.subprotocol,
    origins: originsOf(flags.origin),
    maxMessageSize: flags.maxMessageSize,
    perMessageDeflate: flags.compression,
    handshakeTimeout: flags.handshakeTimeout,
    authorize: () =>
      peers.isBusy
        ? { accept: false, status: 503, body: 'there is a peer already\n' }
        : { accept: true },
    handler: { ...controlFrames(reporter), open: (connection) => peers.welcome(connection) },
    onRefused: (error, request) => {
      const origin = request?.origin;
      const page = origin === undefined ? '' : ` of a page of ${sanitizeLine(origin)}`;
      const help = error.code === 'ERR_WS_ORIGIN' ? '; --origin admits it' : '';
      reporter.mistake(`refused the handshake${page}: ${error.message}${help}`);
    },
  };
}

class OnePeer {
  readonly ended: Promise<ExitCode>;
  readonly #conversation: Conversation;
  isBusy: boolean = false;
  #resolve: (exitCode: ExitCode) => void = () => {};
  #reject: (error: unknown) => void = () => {};

  constructor(conversation: Conversation) {
    this.#conversation = conversation;
    this.ended = new Promise((resolve, reject) => {
      this.#resolve = resolve;
      this.#reject = reject;
    });
  }

  end(exitCode: ExitCode): void {
    this.#resolve(exitCode);
  }

  welcome(connection: Connection<undefined>): void {
    if (this.isBusy)
      return void connection.close(CloseCode.tryAgainLater, 'there is a peer already');
    this.isBusy = true;
    this.#talk(connection).catch(this.#reject);
  }

  async #talk(connection: Connection<undefined>): Promise<void> {
    const { reporter, interruption, forgivesMistakes } = this.#conversation;
    const exitCode = await converse(connection, this.#conversation);
    this.isBusy = false;
    if (!forgivesMistakes) return this.#resolve(exitCode);
    if (!interruption.asked.aborted) reporter.waiting('waiting for the next peer');
  }
}
