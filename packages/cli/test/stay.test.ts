import assert from 'node:assert/strict';
import { once } from 'node:events';
import { PassThrough } from 'node:stream';
import { test } from 'node:test';
import {
  WebSocketServer,
  type Connection,
  type ConnectionEnd,
  type Message,
  type ServerOptions,
} from 'framewire';
import { ManualClock } from 'framewire/testing';
import type { Conversation } from '#src/conversation.js';
import type { Interruption } from '#src/interruption.js';
import { linesOf } from '#src/lines.js';
import type { Reporter } from '#src/reporter.js';
import { Stay } from '#src/stay.js';

/** Longer than any delay there is. */
const LONG_ENOUGH = 60_000;

type Told = readonly [event: string, detail?: unknown];

/** Everything that is told, in order, and a way to wait for it. */
class Telling {
  readonly told: Told[] = [];
  readonly #events = new EventTarget();

  tell(event: string, detail?: unknown): void {
    this.told.push(detail === undefined ? [event] : [event, detail]);
    this.#events.dispatchEvent(new Event('told'));
  }

  /** Waits until that was told so many times. */
  async until(event: string, count: number = 1): Promise<void> {
    while (this.told.filter(([name]) => name === event).length < count) {
      await once(this.#events, 'told');
    }
  }

  get reporter(): Reporter {
    return {
      waiting: () => {},
      opened: (_connection, number) => this.tell('opened', number),
      message: async (message: Message) => this.tell('message', message),
      control: () => {},
      roundTrip: () => {},
      closed: ({ code }) => this.tell('closed', code),
      gone: ({ phase, info }: ConnectionEnd) => this.tell('gone', info?.code ?? phase),
      note: () => this.tell('note'),
      mistake: (text) => this.tell('mistake', text),
      failed: (error) => this.tell('failed', error instanceof Error && error.message),
    };
  }
}

interface Stage extends AsyncDisposable {
  readonly telling: Telling;
  readonly clock: ManualClock;
  readonly input: PassThrough;
  readonly asked: AbortController;
  /** How often an opening handshake was over. */
  readonly handshakes: () => number;
  run(): Promise<number>;
}

/** A conversation with a server in this process; `isInteractive` as at a prompt. */
async function stage(
  serverOptions: ServerOptions,
  { isInteractive = false, wait = 0 }: { isInteractive?: boolean; wait?: number } = {},
): Promise<Stage> {
  const server = new WebSocketServer(serverOptions);
  const { url } = await server.listen({ port: 0, host: '127.0.0.1' });
  const telling = new Telling();
  const clock = new ManualClock();
  const input = new PassThrough();
  const [asked, forced] = [new AbortController(), new AbortController()];
  const conversation: Conversation = {
    reporter: telling.reporter,
    interruption: { asked: asked.signal, forced: forced.signal } as unknown as Interruption,
    syntax: { slash: true, binary: false },
    lines: (signal) => linesOf(input, signal),
    wait,
    forgivesMistakes: isInteractive,
  };
  let handshakes = 0;
  const stay = new Stay(conversation, async () => void handshakes++);
  return {
    ...{ telling, clock, input, asked },
    handshakes: () => handshakes,
    run: () => stay.run(url, { clock }),
    [Symbol.asyncDispose]: () => server.close(),
  };
}

/** What the server does with its first connection, its second, and so on. */
function script(...acts: readonly ((connection: Connection<undefined>) => void)[]): ServerOptions {
  let number = 0;
  return { onConnection: (connection) => acts[number++]?.(connection) };
}

function close(code: number): (connection: Connection<undefined>) => void {
  return (connection) => void connection.close(code);
}

/** Says what it hears, and then closes. */
async function echoOnce(connection: Connection<undefined>): Promise<void> {
  for await (const message of connection) {
    void connection.send(message);
    void connection.close(1000);
  }
}

test('a connection that is lost is opened again after its delay, and so on until 1000', async () => {
  await using scene = await stage(script(close(1012), close(1001), close(1000)));
  const { telling, clock } = scene;
  const running = scene.run();
  await telling.until('gone');
  assert.equal(clock.pending, 1);
  clock.advance(LONG_ENOUGH);
  await telling.until('gone', 2);
  clock.advance(LONG_ENOUGH);
  assert.equal(await running, 0);
  assert.deepEqual(telling.told, [
    ...[
      ['opened', 1],
      ['gone', 1012],
    ],
    ...[
      ['opened', 2],
      ['gone', 1001],
    ],
    ...[
      ['opened', 3],
      ['closed', 1000],
    ],
  ]);
  assert.equal(clock.pending, 0);
});

test('an end that would only be repeated is the last one, with the exit code it has without', async () => {
  await using scene = await stage(script(close(1008)));
  assert.equal(await scene.run(), 6);
  assert.deepEqual(scene.telling.told, [
    ['opened', 1],
    ['closed', 1008],
  ]);
});

test('a refusal is tried again where that may help, and is the last word where not', async () => {
  const statuses = [503, 404];
  await using scene = await stage({
    authorize: () => ({ accept: false, status: statuses.shift() ?? 500 }),
  });
  const { telling, clock } = scene;
  const running = scene.run();
  await telling.until('gone');
  clock.advance(LONG_ENOUGH);
  assert.equal(await running, 3);
  const events = telling.told.map(([event]) => event);
  assert.deepEqual(events, ['gone', 'failed']);
  assert.ok(scene.handshakes() >= 2);
});

test('lines of a script wait while there is no connection', async () => {
  await using scene = await stage(script(close(1012), echoOnce));
  const { telling, clock, input } = scene;
  const running = scene.run();
  await telling.until('gone');
  input.write('hello\n');
  await new Promise((resolve) => setImmediate(resolve));
  clock.advance(LONG_ENOUGH);
  await telling.until('message');
  assert.equal(await running, 0);
  assert.deepEqual(telling.told.slice(2), [
    ['opened', 2],
    ['message', 'hello'],
    ['closed', 1000],
  ]);
});

test('the end of a script closes the connection that is open then', async () => {
  await using scene = await stage(script(close(1012), () => {}));
  const { telling, clock, input } = scene;
  const running = scene.run();
  await telling.until('gone');
  clock.advance(LONG_ENOUGH);
  await telling.until('opened', 2);
  input.end();
  assert.equal(await running, 0);
  assert.deepEqual(telling.told.at(-1), ['closed', 1000]);
});

test('the end of a script in a delay is the end; the exit code tells how it came to the delay', async () => {
  await using scene = await stage(script((connection) => connection.terminate()));
  const running = scene.run();
  await scene.telling.until('gone');
  scene.input.end();
  assert.equal(await running, 1);
  assert.equal(scene.clock.pending, 0);
});

test('a mistake in a script is a usage error, and closes', async () => {
  await using scene = await stage(script(() => {}));
  scene.input.end('/bogus\n');
  assert.equal(await scene.run(), 2);
  const events = scene.telling.told.map(([event]) => event);
  assert.deepEqual(events, ['opened', 'closed', 'failed']);
});

test('somebody who types into a delay is told, and nothing of it is sent', async () => {
  const heard: Message[] = [];
  await using scene = await stage(
    script(close(1012), async (connection) => {
      for await (const message of connection) heard.push(message);
    }),
    { isInteractive: true },
  );
  const { telling, clock, input } = scene;
  const running = scene.run();
  await telling.until('gone');
  input.write('lost\n/help\n/bogus\n');
  await telling.until('mistake', 2);
  clock.advance(LONG_ENOUGH);
  await telling.until('opened', 2);
  input.write('hello\n/close 4001\n');
  assert.equal(await running, 0);
  assert.deepEqual(telling.told.slice(2, -1), [
    ['mistake', 'not sent: there is no connection now'],
    ['note'],
    ['mistake', 'no command /bogus: /help lists them, // sends a slash'],
    ['opened', 2],
  ]);
  assert.deepEqual(heard, ['hello']);
});

test('/close in a delay ends it', async () => {
  await using scene = await stage(script(close(1012)), { isInteractive: true });
  const running = scene.run();
  await scene.telling.until('gone');
  scene.input.write('/close\n');
  assert.equal(await running, 6);
});

test('Ctrl-C ends a delay at once', async () => {
  await using scene = await stage(script(close(1001)), { wait: Infinity });
  const running = scene.run();
  await scene.telling.until('gone');
  scene.asked.abort();
  assert.equal(await running, 0);
  assert.deepEqual(scene.telling.told, [
    ['opened', 1],
    ['gone', 1001],
  ]);
  assert.equal(scene.clock.pending, 0);
});

test('Ctrl-C closes the connection that is open with 1000', async () => {
  await using scene = await stage(script(() => {}));
  const running = scene.run();
  await scene.telling.until('opened');
  scene.asked.abort();
  assert.equal(await running, 0);
  assert.deepEqual(scene.telling.told, [
    ['opened', 1],
    ['closed', 1000],
  ]);
});
