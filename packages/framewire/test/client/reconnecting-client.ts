/** Clients that reconnect, in the hands of a test, and the servers they do it with. */
import assert from 'node:assert/strict';
import { getEventListeners } from 'node:events';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import type { TestContext } from 'node:test';
import {
  reconnecting,
  type ConnectionEnd,
  type Connection,
  type ReconnectingOptions,
} from 'framewire';
import { ManualClock } from 'framewire/testing';
import { within } from '../connection/raw-peer.ts';
import { serve } from '../server/serving.ts';

/** What is told of the ends, in the order in which it is told. */
export class Ends {
  readonly all: ConnectionEnd[] = [];
  readonly #waiting: ((end: ConnectionEnd) => void)[] = [];

  readonly add = (end: ConnectionEnd): void => {
    this.all.push(end);
    this.#waiting.shift()?.(end);
  };

  /** The next one that is told from here on. */
  next(): Promise<ConnectionEnd> {
    return within(new Promise((resolve) => this.#waiting.push(resolve)), 'an end');
  }
}

export interface Client {
  readonly connections: AsyncIterableIterator<Connection<undefined>, void, undefined>;
  readonly clock: ManualClock;
  readonly ends: Ends;
  next(): Promise<Connection<undefined>>;
  /** The outcome of the iteration, when it is over with the next step. */
  done(): Promise<void>;
}

/** A client whose clock stands; unless it is `patient`, each delay is over as soon as it begins. */
export function client(
  url: string,
  options: ReconnectingOptions & { readonly patient?: boolean } = {},
): Client {
  const clock = new ManualClock();
  const ends = new Ends();
  const connections = reconnecting(url, {
    clock,
    heartbeat: false,
    ...options,
    onEnd(end) {
      ends.add(end);
      options.onEnd?.(end);
      if (options.patient !== true) setImmediate(() => clock.advance(end.delay));
    },
  });
  return {
    connections,
    clock,
    ends,
    async next() {
      const { value, done } = await within(connections.next(), 'a connection');
      if (done === true) throw new Error('there is no further connection');
      return value;
    },
    async done() {
      const { done } = await within(connections.next(), 'the end of the iteration');
      assert.equal(done, true);
    },
  };
}

/** An HTTP server that refuses handshakes, each as the list says, and then as its last. */
export async function refusing(
  t: TestContext,
  ...refusals: readonly (readonly [status: number, headers?: Record<string, string>])[]
): Promise<{ url: string; readonly requests: number }> {
  let requests = 0;
  const server = http.createServer((_request, response) => {
    const [status, headers = {}] = refusals[Math.min(requests, refusals.length - 1)]!;
    requests++;
    response.writeHead(status, { ...headers, connection: 'close' }).end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.after(() => {
    server.close();
    server.closeAllConnections();
  });
  const { port } = server.address() as AddressInfo;
  return {
    url: `ws://127.0.0.1:${port}/`,
    get requests() {
      return requests;
    },
  };
}

/** Numbers its connections, tells each its number, and does then what the test wants. */
export async function counting(
  t: TestContext,
  act: (connection: Connection<undefined>, number: number) => void = () => {},
): Promise<{ url: string; readonly count: number; last(): Connection<undefined> }> {
  let count = 0;
  const opened: Connection<undefined>[] = [];
  const { url } = await serve<undefined>(t, {
    handler: {
      open(connection) {
        count++;
        opened.push(connection);
        void connection.send(`number ${count}`);
        act(connection, count);
      },
      message() {},
    },
  });
  return {
    url,
    get count() {
      return count;
    },
    last: () => opened.at(-1)!,
  };
}

/** Aborts, and expects that the step rejects with the reason and that nothing stays behind. */
export async function expectAborted(
  controller: AbortController,
  { clock, connections }: Client,
  step: Promise<unknown>,
): Promise<void> {
  const reason = new Error('enough');
  controller.abort(reason);
  await assert.rejects(within(step, 'the end'), (error) => error === reason);
  assert.equal(clock.pending, 0);
  assert.equal(getEventListeners(controller.signal, 'abort').length, 0);
  assert.deepEqual(await connections.next(), { value: undefined, done: true });
}
