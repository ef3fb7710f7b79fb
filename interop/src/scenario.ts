/** What a scenario is and the stage it plays on. */
import assert from 'node:assert/strict';
import type { CloseInfo } from 'framewire';
import type { Certificate } from './certificate.ts';
import { patiently } from './event-queue.ts';
import { WireTap, type TapMode } from './wire-tap.ts';
import type {
  Ability,
  Closing,
  Content,
  DialOptions,
  Endpoint,
  Link,
  Listener,
  ListenOptions,
  Role,
  SideOptions,
} from './endpoint.ts';

export interface Scenario {
  readonly title: string;
  /** What the peer must be able to do. */
  readonly needs?: readonly Ability[];
  /** What must be true of a stand-in for the library under test. */
  readonly subjectNeeds?: readonly Ability[];
  /** What the client must be able to do, whoever that is. */
  readonly clientNeeds?: readonly Ability[];
  readonly serverNeeds?: readonly Ability[];
  /** The roles of the peer in which it makes sense; both by default. */
  readonly roles?: readonly Role[];
  readonly run: (stage: Stage) => Promise<void>;
}

export interface Opening {
  /** What both roles need to agree on. */
  readonly server?: ListenOptions;
  readonly client?: Omit<DialOptions, 'url'>;
  /** What one side does, whichever role it has. */
  readonly ours?: SideOptions;
  readonly theirs?: SideOptions;
}

/** Two ends of one connection, and what travels between them. */
export interface TappedPair extends Pair {
  readonly tap: WireTap;
}

/** The two ends of one connection. */
export interface Pair {
  readonly ours: Link;
  readonly theirs: Link;
  readonly listener: Listener;
}

export interface Cast {
  readonly subject: Endpoint;
  readonly peer: Endpoint;
  readonly peerRole: Role;
  readonly certificate: Certificate;
  /** Starts another one of the peer, for a scenario that kills it. */
  readonly startPeer: () => Promise<Endpoint>;
  /** The ends of listeners that scenarios leave behind; some take their time over idle sockets. */
  readonly endings: Promise<void>[];
}

/** Opens connections between the subject and the peer, and clears them away after the scenario. */
export class Stage {
  readonly subject: Endpoint;
  readonly peer: Endpoint;
  readonly peerRole: Role;
  readonly certificate: Certificate;
  readonly #startPeer: () => Promise<Endpoint>;
  readonly #endings: Promise<void>[];
  readonly #leftovers: (() => Promise<void>)[] = [];
  readonly #listeners: Listener[] = [];

  constructor({ subject, peer, peerRole, certificate, startPeer, endings }: Cast) {
    this.subject = subject;
    this.peer = peer;
    this.peerRole = peerRole;
    this.certificate = certificate;
    this.#startPeer = startPeer;
    this.#endings = endings;
  }

  get server(): Endpoint {
    return this.peerRole === 'server' ? this.peer : this.subject;
  }

  get client(): Endpoint {
    return this.peerRole === 'client' ? this.peer : this.subject;
  }

  async listen(options: ListenOptions, server: Endpoint = this.server): Promise<Listener> {
    const listener = await server.listen(options);
    this.#listeners.push(listener);
    return listener;
  }

  async dial(options: DialOptions, client: Endpoint = this.client): Promise<Link> {
    const link = await patiently('opening handshake', client.dial(options));
    this.#leftovers.push(() => link.abort());
    return link;
  }

  async open(opening: Opening, peer: Endpoint = this.peer): Promise<Pair> {
    const listener = await this.#listenFor(opening, peer);
    return this.#connect(opening, peer, listener, listener.port);
  }

  /** As `open`, but through a proxy that reads along. */
  async openTapped(opening: Opening, mode: TapMode = 'payloads'): Promise<TappedPair> {
    const listener = await this.#listenFor(opening, this.peer);
    const tap = await WireTap.open(listener.port, mode);
    this.#leftovers.push(() => Promise.resolve(tap.close()));
    return { ...(await this.#connect(opening, this.peer, listener, tap.port)), tap };
  }

  #listenFor({ server, ours, theirs }: Opening, peer: Endpoint): Promise<Listener> {
    return this.peerRole === 'server'
      ? this.listen({ ...server, ...theirs }, peer)
      : this.listen({ ...server, ...ours }, this.subject);
  }

  async #connect(
    { server, client, ours, theirs }: Opening,
    peer: Endpoint,
    listener: Listener,
    port: number,
  ): Promise<Pair> {
    const peerListens = this.peerRole === 'server';
    const scheme = server?.certificate === undefined ? 'ws' : 'wss';
    const url = `${scheme}://127.0.0.1:${port}/`;
    const dialled = await this.dial(
      { ...client, ...(peerListens ? ours : theirs), url },
      peerListens ? this.subject : peer,
    );
    const accepted = await listener.accepted.next();
    return peerListens
      ? { ours: dialled, theirs: accepted, listener }
      : { ours: accepted, theirs: dialled, listener };
  }

  async startPeer(): Promise<Endpoint> {
    const peer = await this.#startPeer();
    this.#leftovers.push(() => peer.dispose());
    return peer;
  }

  async clear(): Promise<void> {
    for (const clear of this.#leftovers.splice(0).reverse()) await clear().catch(() => undefined);
    for (const listener of this.#listeners.splice(0)) {
      this.#endings.push(listener.shutdown().catch(() => undefined));
    }
  }
}

export function assertContent(actual: Content, expected: Content): void {
  assert.equal(actual.type, expected.type);
  assert.equal(actual.data.byteLength, expected.data.byteLength);
  const same = Buffer.compare(actual.data, expected.data) === 0;
  assert.ok(same, `the ${expected.type} differs from what was sent`);
}

export function assertOctets(actual: Uint8Array, expected: Uint8Array): void {
  assertContent({ type: 'binary', data: actual }, { type: 'binary', data: expected });
}

export async function closingOf(link: Link): Promise<Closing> {
  return patiently('end of the connection', link.closed);
}

/** The library under test tells how the connection ended; a stand-in for it need not. */
export function assertInfo({ info }: Closing, check: (info: CloseInfo) => void): void {
  if (info !== undefined) check(info);
}

/** The library under test has failed the connection, with this code and for this reason. */
export function assertFailed(closing: Closing, code: number, errorCode: string): void {
  assertInfo(closing, (info) => {
    assert.equal(info.wasClean, false);
    assert.equal(info.sent?.code, code);
    assert.ok(info.error !== undefined && 'code' in info.error, String(info.error));
    assert.equal(info.error.code, errorCode);
  });
}
