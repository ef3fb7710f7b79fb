/** Client and server of a contender that is both, each in a process of its own. */
import type { Child } from './child.ts';
import { CONTENDERS, type ContenderName, type Link } from './contenders.ts';
import type { Certificate, ClientOperations, Content, ServerOperations } from './operations.ts';
import { startOtherEnd, startServer, type Plan } from './plan.ts';

export class Pair {
  readonly #contender: ContenderName;
  readonly #link: Link;
  readonly #certificate: Certificate | undefined;
  readonly server: Child<ServerOperations>;
  readonly client: Child<ClientOperations>;
  #port = 0;
  #opened = 0;

  constructor(contender: ContenderName, certificate: Certificate, plan: Plan) {
    const { link } = CONTENDERS[contender];
    if (link === undefined) throw new Error(`${contender} is not both ends`);
    this.#contender = contender;
    this.#link = link;
    this.#certificate = link.tls ? certificate : undefined;
    this.server = startServer(contender, plan);
    this.client = startOtherEnd(contender, plan);
  }

  async start(): Promise<void> {
    const { style } = CONTENDERS[this.#contender];
    this.#port = await this.server.call('start', {
      task: 'echo',
      style,
      deflate: undefined,
      certificate: this.#certificate,
    });
  }

  /** Opens further connections; together they have as many sockets as the link says. */
  async open(connections: number, content: Content): Promise<void> {
    const route = { http2: this.#link.http2, ca: this.#certificate?.cert };
    await this.client.call('open', { ...content, port: this.#port, connections, route });
    this.#opened += connections;
    const sockets = await this.server.call('sockets');
    const expected = this.#link.http2 ? 1 : this.#opened;
    if (sockets !== expected) throw new Error(`${sockets} sockets, not ${expected}`);
  }

  async end(): Promise<void> {
    await this.client.end();
    await this.server.end();
  }
}
