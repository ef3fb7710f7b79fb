/** What is asked through a tunnel, whichever of its ends is another's. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { ClientRequest } from 'node:http';
import { connect } from 'framewire';
import { pseudoRandomOctets } from '../contents.ts';
import { patiently } from '../event-queue.ts';
import type { Scenario } from '../routes/workshop.ts';
import {
  answerTo,
  ask,
  begin,
  echo,
  get,
  inBackground,
  sumOf,
  whole,
  type Place,
} from './caller.ts';

const KIB = 1024;
const MIB = 1024 * KIB;

/** Around what fits into a frame, a message and a window. */
const SIZES: readonly number[] = [
  ...[0, 1, 64 * KIB - 1, 64 * KIB, 64 * KIB + 1],
  ...[256 * KIB - 1, 256 * KIB, 256 * KIB + 1],
];

const CROWD = 200;

/** What a scenario asks about has a name of its own. */
let things = 0;

export function newThing(): string {
  return `thing-${++things}`;
}

export function requestScenarios(place: Place): readonly Scenario[] {
  return [
    ...contents(place),
    ...kindsOfRequests(place),
    ...expectations(place),
    ...aborts(place),
    ...manyAtOnce(place),
    ...stalls(place),
    webSocket(place),
  ];
}

function contents(place: Place): readonly Scenario[] {
  return [
    {
      title: 'GET',
      run: async () => assert.equal(await get(place, '/hello'), 'hello\n'),
    },
    ...SIZES.map((size) => ({
      title: `POST of ${size} octets, with Content-Length and in chunks, and back`,
      run: async () => {
        await echo(place, size);
        await echo(place, size, 10_000);
      },
    })),
    {
      title: 'POST of 16 MiB and back',
      run: () => echo(place, 16 * MIB),
    },
    {
      title: '16 MiB up, in chunks',
      run: async () => {
        const content = pseudoRandomOctets(16 * MIB);
        const asking = { method: 'POST', path: '/sum', content, pieces: 100_000 };
        const answer = await ask(place, asking);
        assert.equal(answer.content.toString(), `${content.length} ${sumOf(content)}`);
      },
    },
    {
      title: '16 MiB down',
      run: async () => {
        const { content } = await ask(place, { path: `/bytes?size=${16 * MIB}` });
        assert.equal(sumOf(content), sumOf(pseudoRandomOctets(16 * MIB)));
      },
    },
  ];
}

function kindsOfRequests(place: Place): readonly Scenario[] {
  return [
    {
      title: 'trailers both ways',
      run: async () => {
        const { content, trailers } = await ask(place, {
          ...{ method: 'POST', path: '/trailers', headers: { Trailer: 'X-One' } },
          ...{ content: Buffer.from('some'), pieces: 2, trailers: { 'X-One': 'first' } },
        });
        assert.equal(content.toString(), 'trailers follow');
        assert.equal(trailers['x-one'], 'first');
      },
    },
    {
      title: 'HEAD, 204 and 304, and a request behind each',
      run: async () => {
        const head = await ask(place, { method: 'HEAD', path: '/hello' });
        assert.deepEqual([head.status, head.content.length], [200, 0]);
        for (const code of [204, 304]) {
          const { status, content } = await ask(place, { path: `/status?code=${code}` });
          assert.deepEqual([status, content.length], [code, 0]);
          assert.equal(await get(place, '/hello'), 'hello\n');
        }
      },
    },
  ];
}

/** Contents that are sent when the target wants them, or not at all. */
function expectations(place: Place): readonly Scenario[] {
  return [
    {
      title: '100 Continue is waited for, and then the content is sent',
      run: async () => {
        const request = expecting(place, '/sum', 5);
        const answer = inBackground(answerTo(request));
        await patiently('100 Continue', once(request, 'continue'));
        request.end('hello');
        const { content } = await whole(await answer);
        assert.equal(content.toString(), `5 ${sumOf(Buffer.from('hello'))}`);
      },
    },
    {
      title: '417 in place of 100 Continue',
      run: async () => {
        const request = expecting(place, '/refuse', 5);
        request.once('continue', () => request.destroy(new Error('100 Continue')));
        const { statusCode } = await answerTo(request);
        assert.equal(statusCode, 417);
        request.destroy();
      },
    },
    {
      title: '413 before the content has come to its end',
      run: async () => {
        const headers = { 'Content-Length': 4 * MIB };
        const request = begin(place, { method: 'POST', path: '/early', headers });
        request.write(Buffer.alloc(100_000));
        const { statusCode } = await answerTo(request);
        assert.equal(statusCode, 413);
        request.destroy();
      },
    },
  ];
}

function expecting(place: Place, path: string, length: number): ClientRequest {
  const headers = { Expect: '100-continue', 'Content-Length': length };
  const request = begin(place, { method: 'POST', path, headers });
  request.flushHeaders();
  return request;
}

function aborts(place: Place): readonly Scenario[] {
  // What breaks off may overtake the head, and then the caller is told.
  const breaksOff = async (path: string): Promise<void> => {
    const outcome = await ask(place, { path }).catch((error: NodeJS.ErrnoException) => error);
    if (outcome instanceof Error) assert.equal(outcome.code, 'ECONNRESET');
    else assert.equal(outcome.status, 502);
  };
  return [
    {
      title: 'the caller goes while it waits, and the target hears of it',
      run: () => isAborted(place, '/hold', async (request) => request.flushHeaders()),
    },
    {
      title: 'the caller goes in the middle of its content',
      run: () =>
        isAborted(place, '/watch', async (request) => {
          request.write(Buffer.alloc(300_000));
        }),
    },
    {
      title: 'the caller goes in the middle of the answer',
      run: () =>
        isAborted(place, `/pour?size=${32 * MIB}`, async (request) => {
          const response = await answerTo(request.end());
          await patiently('first octets', once(response, 'data'));
        }),
    },
    ...[0, 100, 300_000].map((size) => ({
      title: `the target breaks off by an end, after ${size} octets of chunks`,
      run: () => breaksOff(`/cut?size=${size}&manner=fin`),
    })),
    {
      title: 'the target breaks off by a reset',
      run: () => breaksOff('/cut?size=100&manner=rst'),
    },
    {
      title: 'requests pass when others have broken off',
      run: async () => {
        for (let round = 0; round < 20; round++) {
          await Promise.all([breaksOff('/cut?size=1000&manner=fin'), echo(place, 100_000)]);
        }
      },
    },
  ];
}

/** The target has to notice that the caller has gone. */
async function isAborted(
  place: Place,
  path: string,
  begun: (request: ClientRequest) => Promise<void>,
): Promise<void> {
  const id = newThing();
  const method = path === '/watch' ? 'POST' : 'GET';
  const separator = path.includes('?') ? '&' : '?';
  const request = begin(place, { method, path: `${path}${separator}id=${id}` });
  await begun(request);
  await get(place, `/arrived?id=${id}`);
  request.destroy();
  assert.equal(await get(place, `/outcome?id=${id}`), 'aborted');
}

function manyAtOnce(place: Place): readonly Scenario[] {
  return [
    {
      title: `${CROWD} requests at once, none answered before all are there`,
      run: async () => {
        const path = `/crowd?id=${newThing()}&size=${CROWD}`;
        const all = await Promise.all(Array.from({ length: CROWD }, () => get(place, path)));
        assert.deepEqual([...new Set(all)], ['all are here']);
      },
    },
    {
      title: '50 echoes of 40 KB at once',
      run: async () => {
        await Promise.all(Array.from({ length: 50 }, (_, index) => echo(place, 40_000 + index)));
      },
    },
  ];
}

function stalls(place: Place): readonly Scenario[] {
  return [
    {
      title: 'a caller that does not read stalls its answer and nothing else',
      run: async () => {
        const id = newThing();
        const size = 32 * MIB;
        const request = begin(place, { path: `/pour?id=${id}&size=${size}` });
        const response = await answerTo(request.end());
        for (let round = 0; round < 5; round++) await echo(place, MIB + round);
        const written = Number(await get(place, `/written?id=${id}`));
        assert.ok(written < size, `${written} octets were taken from the target`);
        const { content } = await whole(response);
        assert.equal(content.length, size);
      },
    },
    {
      title: 'a target that does not read stalls its content and nothing else',
      run: async () => {
        const id = newThing();
        const content = pseudoRandomOctets(16 * MIB);
        const path = `/gated?id=${id}`;
        const sending = inBackground(ask(place, { method: 'POST', path, content }));
        await get(place, `/arrived?id=${id}`);
        for (let round = 0; round < 5; round++) await echo(place, MIB + round);
        await get(place, `/release?id=${id}`);
        const answer = await sending;
        assert.equal(answer.content.toString(), `${content.length} ${sumOf(content)}`);
      },
    },
  ];
}

function webSocket({ port, host }: Place): Scenario {
  return {
    title: 'a WebSocket: text, 1 MiB, and its Close',
    run: async () => {
      const connection = await connect(`ws://127.0.0.1:${port}/ws`, {
        headers: { Host: host },
        protocols: 'chat',
      });
      assert.equal(connection.protocol, 'chat');
      const octets = pseudoRandomOctets(MIB);
      for (const message of ['Grüße, 漢字 and 👋', octets]) {
        await connection.send(message);
        const back = await patiently('echo', connection.receive());
        assert.ok(isSame(back, message), `it is not what was sent: ${typeof message}`);
      }
      const { code, wasClean } = await connection.close(1000, 'done');
      assert.deepEqual({ code, wasClean }, { code: 1000, wasClean: true });
    },
  };
}

function isSame(one: string | Uint8Array | undefined, other: string | Uint8Array): boolean {
  if (typeof one === 'string' || typeof other === 'string') return one === other;
  return one !== undefined && Buffer.compare(one, other) === 0;
}
