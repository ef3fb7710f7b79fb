/** The Go program of `peers/go/src/yamux`, as an agent or as a relay. */
import assert from 'node:assert/strict';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { PATIENCE } from '../event-queue.ts';
import { buildGo } from '../peers.ts';
import { Program } from '../routes/program.ts';
import type { Tool } from '../routes/workshop.ts';

const GO_SOURCES = '/usr/share/gocode/src';

const YAMUX = {
  debian: 'golang-github-hashicorp-yamux-dev',
  path: join(GO_SOURCES, 'github.com/hashicorp/yamux'),
};

const GORILLA = {
  debian: 'golang-github-gorilla-websocket-dev',
  path: join(GO_SOURCES, 'github.com/gorilla/websocket'),
};

export const GO_TOOLS: readonly Tool[] = [
  YAMUX,
  GORILLA,
  { debian: 'golang-go', path: '/usr/bin/go' },
];

/** What it prints. */
interface Told {
  readonly event: string;
  readonly [name: string]: unknown;
}

interface Ready extends Told {
  readonly control: number;
  /** Of a relay: where agents register, and callers ask. */
  readonly port?: number;
}

export interface Counts {
  readonly pings: number;
  readonly resets: number;
  readonly streams: number;
}

/** Where the program is; it is built once. */
let built: Promise<string> | undefined;

export class GoProgram implements AsyncDisposable {
  readonly port: number;
  readonly #program: Program;
  readonly #control: number;

  private constructor(program: Program, { control, port = 0 }: Ready) {
    this.#program = program;
    this.#control = control;
    this.port = port;
  }

  static async start(...args: readonly string[]): Promise<GoProgram> {
    built ??= buildGo('yamux', 'github.com/hashicorp/yamux', YAMUX.debian);
    const program = await Program.start(await built, args);
    try {
      return new GoProgram(program, JSON.parse(await program.lines.next()));
    } catch (error) {
      const log = await program.log();
      await program[Symbol.asyncDispose]();
      throw new Error(`it did not begin: ${log}`, { cause: error });
    }
  }

  /** The next thing that it tells. */
  async told(event: string): Promise<Told> {
    const told: Told = JSON.parse(await this.#program.lines.next());
    assert.equal(told.event, event);
    return told;
  }

  /** Has it do something with the session that serves the name. */
  async order(
    what: string,
    query: Readonly<Record<string, string | number>> = {},
  ): Promise<string> {
    const search = new URLSearchParams();
    for (const [name, value] of Object.entries(query)) search.set(name, String(value));
    const response = await fetch(`http://127.0.0.1:${this.#control}/${what}?${search}`);
    const text = await response.text();
    if (!response.ok) throw new Error(`${what}: ${text}${await this.log()}`);
    return text;
  }

  async counts(name = ''): Promise<Counts> {
    return JSON.parse(await this.order('counts', { name }));
  }

  /** Waits until so many have come. */
  async has(what: 'pings' | 'resets', count: number, name: string = ''): Promise<void> {
    const until = performance.now() + PATIENCE;
    while ((await this.counts(name))[what] < count) {
      if (performance.now() > until) throw new Error(`no ${count} ${what} came`);
      await delay(20);
    }
  }

  log(): Promise<string> {
    return this.#program.log();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#program[Symbol.asyncDispose]();
  }
}
