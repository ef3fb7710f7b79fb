/** What is asked through `/request` of wsp, whichever side is Go's. */
import assert from 'node:assert/strict';
import { pseudoRandomOctets } from '../contents.ts';
import type { Scenario } from '../routes/workshop.ts';
import { ask, get, inBackground, sumOf, type Answer, type Asking, type Place } from './caller.ts';
import type { OurService } from './our-service.ts';
import { newThing } from './requests.ts';

const KIB = 1024;

/** Around what Go puts into a frame, which has 4 096 octets. */
const SIZES: readonly number[] = [0, 1, 4095, 4096, 4097, 64 * KIB, 256 * KIB + 1, 4096 * KIB];

/** A relay of wsp, and what its agent reaches. */
export interface WspPlace {
  readonly relay: Place;
  readonly service: OurService;
}

export function wspPlace(port: number, service: OurService): WspPlace {
  return { relay: { port, host: `127.0.0.1:${port}` }, service };
}

/** Asks the agent for a path of the service, or for another URL. */
export function request({ relay, service }: WspPlace, { path, ...rest }: Asking): Promise<Answer> {
  const url = path.startsWith('/') ? `http://127.0.0.1:${service.port}${path}` : path;
  const headers = { ...rest.headers, 'X-PROXY-DESTINATION': url };
  return ask(relay, { ...rest, path: '/request', headers });
}

export async function requestText(place: WspPlace, path: string): Promise<string> {
  const { status, content } = await request(place, { path });
  assert.equal(status, 200, `${path}: ${content}`);
  return content.toString();
}

/** Of the service itself, since all connections of the agent may be busy. */
export function directly({ service }: WspPlace, path: string): Promise<string> {
  return get({ port: service.port, host: 'target' }, path);
}

export function wspRequests(place: WspPlace): readonly Scenario[] {
  return [
    {
      title: '/status',
      run: async () => assert.equal(await get(place.relay, '/status'), 'ok'),
    },
    {
      title: 'GET',
      run: async () => assert.equal(await requestText(place, '/hello'), 'hello\n'),
    },
    ...SIZES.map((size) => contentOf(place, size)),
    {
      title: 'HEAD, 204 and 304, and a request behind each',
      run: async () => {
        for (const [method, path, status] of [
          ['HEAD', '/hello', 200],
          ['GET', '/status?code=204', 204],
          ['GET', '/status?code=304', 304],
        ] as const) {
          const answer = await request(place, { method, path });
          assert.deepEqual([answer.status, answer.content.length], [status, 0]);
          assert.equal(await requestText(place, '/hello'), 'hello\n');
        }
      },
    },
    {
      title: '50 requests one after another, and 40 at once',
      run: async () => {
        for (let round = 0; round < 50; round++) await requestText(place, '/hello');
        const path = '/bytes?size=50000';
        const all = await Promise.all(
          Array.from({ length: 40 }, () => inBackground(request(place, { path }))),
        );
        const expected = sumOf(pseudoRandomOctets(50_000));
        for (const { status, content } of all) {
          assert.equal(status, 200, `${content}`);
          assert.equal(sumOf(content), expected);
        }
      },
    },
    {
      title: '526 without a destination',
      run: async () => {
        const { status, content } = await ask(place.relay, { path: '/request' });
        assert.equal(status, 526);
        assert.equal(content.toString(), 'Missing X-PROXY-DESTINATION header\n');
      },
    },
    {
      title: '527 where the target is not there, and a request behind it',
      run: async () => {
        const { status, content } = await request(place, { path: 'http://127.0.0.1:1/' });
        assert.equal(status, 527);
        assert.match(content.toString(), /^Unable to execute request : /u);
        assert.equal(await requestText(place, '/hello'), 'hello\n');
      },
    },
  ];
}

function contentOf(place: WspPlace, size: number): Scenario {
  const content = pseudoRandomOctets(size);
  const sum = sumOf(content);
  return {
    title: `POST of ${size} octets, with Content-Length and in chunks; as many in an answer`,
    run: async () => {
      for (const pieces of [undefined, 10_000]) {
        const posting = { method: 'POST', path: '/sum', content, pieces };
        const { status, content: said } = await request(place, posting);
        assert.deepEqual([status, said.toString()], [200, `${size} ${sum}`]);
      }
      const { content: down } = await request(place, { path: `/bytes?size=${size}` });
      assert.equal(sumOf(down), sum);
    },
  };
}

/** So many requests run at a time, whatever the target does; one more has to wait, and gets 526. */
export function fillsPool(place: WspPlace, most: number, check: () => void): Scenario {
  return {
    title: `${most} requests at a time fill the pool; one more gets 526, and passes later`,
    run: async () => {
      const ids = Array.from({ length: most }, newThing);
      const held = ids.map((id) => inBackground(requestText(place, `/hold?id=${id}`)));
      for (const id of ids) await directly(place, `/arrived?id=${id}`);
      check();
      const { status, content } = await request(place, { path: '/hello' });
      assert.equal(status, 526);
      assert.equal(content.toString(), 'Unable to get a proxy connection\n');
      for (const id of ids) await directly(place, `/release?id=${id}`);
      assert.deepEqual(new Set(await Promise.all(held)), new Set(['released']));
      assert.equal(await requestText(place, '/hello'), 'hello\n');
    },
  };
}
