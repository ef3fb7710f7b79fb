/** Where the scenarios of one part play: a folder, keys, and all that has to be put away. */
import assert from 'node:assert/strict';
import { rmSync } from 'node:fs';
import { chmod, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect, HandshakeError, type ConnectOptions, type Connection } from 'framewire';
import type { Certificate } from '../certificate.ts';
import { patiently } from '../event-queue.ts';
import { OurServer, type Keys } from './our-server.ts';

/** What a part cannot do without. */
export interface Tool {
  /** Debian's name of the package it comes from. */
  readonly debian: string;
  /** Absolute, since those for administrators are not in everybody's PATH. */
  readonly path: string;
}

export interface Scenario {
  readonly title: string;
  /** Milliseconds it may take; by default as long as the others. */
  readonly limit?: number;
  readonly run: () => Promise<void>;
}

/** Some programs, and the scenarios that are played with them. */
export interface Part {
  readonly name: string;
  readonly tools: readonly Tool[];
  /** Why it cannot be played, where no package has what it takes. */
  readonly lack?: string;
  /** Starts the programs. */
  readonly begin: (workshop: Workshop) => Promise<readonly Scenario[]>;
}

/** For a run that is interrupted. */
const folders = new Set<string>();

process.once('exit', () => {
  for (const folder of folders) rmSync(folder, { recursive: true, force: true });
});

export class Workshop implements AsyncDisposable {
  readonly folder: string;
  readonly certificate: Certificate;
  readonly keys: Keys;
  readonly #kept: AsyncDisposable[] = [];

  private constructor(folder: string, certificate: Certificate, keys: Keys) {
    this.folder = folder;
    this.certificate = certificate;
    this.keys = keys;
  }

  static async open(certificate: Certificate): Promise<Workshop> {
    const folder = await mkdtemp(join(tmpdir(), 'framewire-routes-'));
    folders.add(folder);
    // Squid gives up being root, and is to write its log here. There are no secrets but in 0600.
    await chmod(folder, 0o777);
    const key = await readFile(certificate.key);
    const cert = await readFile(certificate.certificate);
    return new Workshop(folder, certificate, { key, cert });
  }

  /** Put away with the workshop, the latest first. */
  keep<T extends AsyncDisposable>(thing: T): T {
    this.#kept.push(thing);
    return thing;
  }

  /** The library's server for `ws:` or `wss:`. */
  async server(isSecure: boolean): Promise<OurServer> {
    return this.keep(await OurServer.listen(isSecure ? this.keys : undefined));
  }

  path(name: string): string {
    return join(this.folder, name);
  }

  async write(name: string, content: string, mode: number = 0o644): Promise<string> {
    await writeFile(this.path(name), content, { mode });
    return this.path(name);
  }

  /** Certificate and key in one file, as haproxy wants them. */
  pem(): Promise<string> {
    return this.write('both.pem', `${this.keys.cert}${this.keys.key}`, 0o600);
  }

  /** The library's client, which trusts the certificate. */
  async connect(url: string, options: ConnectOptions = {}): Promise<Connection> {
    const { cert: ca } = this.keys;
    return patiently('opening handshake', connect(url, { tls: { ca }, ...options }));
  }

  /** The error of a handshake that has to fail, with this code. */
  async refusal(url: string, options: ConnectOptions, code: string): Promise<HandshakeError> {
    const error = await this.connect(url, options).then(
      (connection) => {
        connection.terminate();
        return new Error('the connection was opened');
      },
      (error: unknown) => error,
    );
    if (!HandshakeError.isInstance(error)) throw error;
    assert.equal(error.code, code, error.stack);
    return error;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    try {
      for (const thing of this.#kept.splice(0).reverse()) {
        await patiently('end of what was started', end(thing), 10_000);
      }
    } finally {
      await rm(this.folder, { recursive: true, force: true, maxRetries: 3 });
      folders.delete(this.folder);
    }
  }
}

async function end(thing: AsyncDisposable): Promise<void> {
  await thing[Symbol.asyncDispose]();
}
