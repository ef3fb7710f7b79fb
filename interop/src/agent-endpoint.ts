/** A peer in a process of its own, driven through the lines that wire.ts describes. */
import { spawn, type ChildProcessWithoutNullStreams } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { EventQueue, patiently } from './event-queue.ts';
import { Inbound } from './inbound.ts';
import { decodeOctets, encodeOctets, type Event, type Operation, type Reply } from './wire.ts';
import {
  Refusal,
  type Ability,
  type DialOptions,
  type Endpoint,
  type Link,
  type Listener,
  type ListenOptions,
} from './endpoint.ts';

export interface AgentProgram {
  readonly name: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly abilities: readonly Ability[];
  /** The implementation cannot dial without an Origin header. */
  readonly needsOrigin?: boolean;
  /** Beside that of this process. */
  readonly env?: Readonly<Record<string, string>>;
}

interface Pending {
  readonly resolve: (reply: Reply) => void;
  readonly reject: (error: Error) => void;
}

export class AgentEndpoint implements Endpoint {
  readonly name: string;
  readonly abilities: ReadonlySet<Ability>;
  readonly #program: AgentProgram;
  readonly #child: ChildProcessWithoutNullStreams;
  readonly #exited: Promise<unknown>;
  readonly #pending: Map<number, Pending> = new Map();
  readonly #inbound: Map<number, Inbound> = new Map();
  readonly #accepted: Map<number, EventQueue<Link>> = new Map();
  #stderr = '';
  #lastId = 0;
  #ended: Error | undefined;

  constructor(program: AgentProgram) {
    this.name = program.name;
    this.abilities = new Set(program.abilities);
    this.#program = program;
    const env = { ...process.env, ...program.env };
    this.#child = spawn(program.command, [...program.args], { stdio: 'pipe', env });
    this.#exited = once(this.#child, 'close').catch(() => undefined);
    this.#child.on('error', (error) => this.#end(error));
    this.#child.on('close', () => this.#end(new Error(`${this.name} exited\n${this.#stderr}`)));
    this.#child.stdin.on('error', () => undefined);
    this.#child.stderr.setEncoding('utf8').on('data', (text: string) => (this.#stderr += text));
    createInterface(this.#child.stdout).on('line', (line) => this.#read(line));
  }

  async listen(options: ListenOptions): Promise<Listener> {
    const { port = 0 } = await this.#request({ op: 'listen', options });
    // An earlier listener may have had the port, and a connection that nobody took.
    this.#accepted.delete(port);
    return {
      port,
      accepted: this.#acceptedAt(port),
      shutdown: async () => {
        await this.#request({ op: 'shutdown', port });
      },
    };
  }

  async dial(options: DialOptions): Promise<Link> {
    const origin =
      options.origin ?? (this.#program.needsOrigin ? originOf(options.url) : undefined);
    const withOrigin = origin === undefined ? options : { ...options, origin };
    const reply = await this.#request({ op: 'dial', options: withOrigin });
    const { link = 0, protocol = '', extensions = '' } = reply;
    return this.#link(link, { protocol, extensions, headers: new Map() });
  }

  async kill(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.#exited;
  }

  async dispose(): Promise<void> {
    await this.kill();
  }

  #request(operation: Operation): Promise<Reply> {
    if (this.#ended !== undefined) return Promise.reject(this.#ended);
    const id = ++this.#lastId;
    const reply = new Promise<Reply>((resolve, reject) => {
      this.#pending.set(id, { resolve, reject });
    });
    this.#child.stdin.write(`${JSON.stringify({ ...operation, id })}\n`);
    return patiently(`answer of ${this.name} to ${operation.op}`, reply);
  }

  #read(line: string): void {
    const value: Reply | Event = JSON.parse(line);
    if ('event' in value) return this.#report(value);
    const pending = this.#pending.get(value.id);
    this.#pending.delete(value.id);
    if (value.error === undefined) return pending?.resolve(value);
    pending?.reject(new Refusal(`${this.name}: ${value.error}`, value.status));
  }

  #report(event: Event): void {
    const inbound = this.#inboundOf(event.link);
    if (event.event === 'accepted') {
      const headers = new Map(Object.entries(event.headers));
      const { link, protocol, extensions } = event;
      this.#acceptedAt(event.port).push(this.#link(link, { protocol, extensions, headers }));
      return;
    }
    if (event.event === 'closed') return inbound.end(event);
    const data = decodeOctets(event.data);
    if (event.event === 'message') return inbound.message({ type: event.type, data });
    inbound[event.event](data);
  }

  #acceptedAt(port: number): EventQueue<Link> {
    const queue = this.#accepted.get(port) ?? new EventQueue<Link>('connection');
    this.#accepted.set(port, queue);
    return queue;
  }

  #inboundOf(link: number): Inbound {
    const inbound = this.#inbound.get(link) ?? new Inbound();
    this.#inbound.set(link, inbound);
    return inbound;
  }

  #link(link: number, agreed: Pick<Link, 'protocol' | 'extensions' | 'headers'>): Link {
    const perform = async (operation: Operation): Promise<void> => {
      await this.#request(operation);
    };
    const { messages, pings, pongs, history, closed } = this.#inboundOf(link);
    return {
      ...agreed,
      ...{ messages, pings, pongs, history, closed },
      send: ({ type, data }, manner) =>
        perform({
          ...{ op: 'send', link, type, data: encodeOctets(data) },
          ...(manner !== undefined && { manner }),
        }),
      sendFragments: (type, parts, ping) =>
        perform({
          ...{ op: 'fragments', link, type },
          parts: parts.map(encodeOctets),
          data: encodeOctets(ping),
        }),
      ping: (payload) => perform({ op: 'ping', link, data: encodeOctets(payload) }),
      close: (code, reason = '') =>
        perform({ op: 'close', link, ...(code === undefined ? {} : { code, reason }) }),
      abort: () => perform({ op: 'abort', link }),
    };
  }

  #end(error: Error): void {
    this.#ended = error;
    for (const pending of this.#pending.values()) pending.reject(error);
    this.#pending.clear();
    for (const inbound of this.#inbound.values()) inbound.end({ code: 1006, reason: 'exited' });
  }
}

function originOf(url: string): string {
  return new URL(url).origin.replace(/^ws/, 'http');
}
