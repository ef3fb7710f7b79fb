/** A server on a clock that is turned by hand: it echoes after some time, unless it stands still. */
import type { CloseInfo, Connection, ConnectionHandler, Message } from 'framewire';
import type { ManualClock } from 'framewire/testing';

export class FakeServer {
  /** Milliseconds an echo takes. */
  delay = 1;
  /** Messages that arrived. */
  received = 0;
  readonly peers: FakePeer[] = [];
  readonly #clock: ManualClock;
  #isStanding = false;
  readonly #held: (() => void)[] = [];

  constructor(clock: ManualClock) {
    this.#clock = clock;
  }

  readonly dial = async (handler: ConnectionHandler<undefined, undefined>): Promise<Connection> => {
    const peer = new FakePeer(handler, (message) => this.#onMessage(peer, message));
    this.peers.push(peer);
    handler.open?.(peer.connection, undefined);
    return peer.connection;
  };

  standStill(): void {
    this.#isStanding = true;
  }

  /** What was held is answered now, in order. */
  goOn(): void {
    this.#isStanding = false;
    for (const answer of this.#held.splice(0)) answer();
  }

  #onMessage(peer: FakePeer, message: Message): void {
    this.received++;
    const answer = (): void => {
      if (this.#isStanding) this.#held.push(answer);
      else peer.say(message);
    };
    this.#clock.setTimer(this.delay, answer);
  }
}

/** The server's end of one connection, and what the client sees of it. */
export class FakePeer {
  readonly connection: Connection<undefined>;
  readonly #handler: ConnectionHandler<undefined, undefined>;
  #end: (info: CloseInfo) => void = () => {};
  isTerminated = false;
  closedWith: number | undefined;

  constructor(
    handler: ConnectionHandler<undefined, undefined>,
    onMessage: (message: Message) => void,
  ) {
    this.#handler = handler;
    const closed = new Promise<CloseInfo>((resolve) => (this.#end = resolve));
    // Only what a load uses of a connection.
    this.connection = {
      closed,
      transport: undefined,
      url: 'ws://fake/',
      protocol: '',
      extensions: '',
      send: (message: Message) => onMessage(message),
      terminate: () => {
        this.isTerminated = true;
        this.close({ code: 1006, initiator: 'client', wasClean: false });
      },
      close: (code: number) => {
        this.closedWith = code;
        this.close({ code, initiator: 'client' });
      },
    } as unknown as Connection<undefined>;
  }

  say(message: Message): void {
    void this.#handler.message?.(this.connection, message);
  }

  close(info: Partial<CloseInfo>): void {
    const whole: CloseInfo = {
      code: 1000,
      reason: '',
      wasClean: true,
      initiator: 'server',
      ...info,
    };
    this.#end(whole);
    this.#handler.closed?.(this.connection, whole);
  }
}
