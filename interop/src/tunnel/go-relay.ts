/** Go's yamux and net/http as a relay for the library's agents. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import net, { type AddressInfo, type Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { openTunnel, type Tunnel, type TunnelOptions } from '@framewire/tunnel';
import { PATIENCE, patiently } from '../event-queue.ts';
import type { Part, Scenario, Workshop } from '../routes/workshop.ts';
import { answerTo, ask, begin, echo, get, inBackground, whole, type Place } from './caller.ts';
import { GO_TOOLS, GoProgram } from './go-program.ts';
import { OurService } from './our-service.ts';
import { newThing, requestScenarios } from './requests.ts';
import { echoLimit } from './sizes.ts';

const NAME = 'ours';

/** How the Go program asks for octets back, and what ends behind them. */
class OctetService implements AsyncDisposable {
  readonly #server = net.createServer((socket) => this.#echo(socket));
  readonly #sockets = new Set<Socket>();

  static async listen(): Promise<OctetService> {
    const service = new OctetService();
    service.#server.listen(0, '127.0.0.1');
    await once(service.#server, 'listening');
    return service;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
  }

  /** Four octets say how many follow; these are sent back, and an end right behind them. */
  #echo(socket: Socket): void {
    this.#sockets.add(socket);
    socket.once('close', () => this.#sockets.delete(socket)).on('error', () => {});
    let head = Buffer.alloc(0);
    let left = -1;
    socket.on('data', (octets: Buffer) => {
      let content = octets;
      if (left < 0) {
        head = Buffer.concat([head, octets]);
        if (head.length < 4) return;
        left = head.readUInt32BE();
        content = head.subarray(4);
      }
      left -= content.length;
      if (!socket.write(content)) socket.pause();
      if (left === 0) socket.end();
    });
    socket.on('drain', () => socket.resume());
  }
}

function tunnelTo(
  go: GoProgram,
  name: string,
  target: TunnelOptions['target'],
  options: Partial<TunnelOptions> = {},
): Promise<Tunnel> {
  return openTunnel(`ws://127.0.0.1:${go.port}`, {
    ...{ name, target, connections: 1, backoff: { minDelay: 10, maxDelay: 50 } },
    ...options,
  });
}

function pings(place: Place, go: GoProgram, service: OurService, workshop: Workshop): Scenario {
  return {
    title: 'pings both ways',
    run: async () => {
      assert.ok(Number(await go.order('ping', { name: NAME })) > 0);
      // The second one is sent where the first has had an answer.
      const quiet = { pingInterval: 100, pingTimeout: 700 };
      workshop.keep(await tunnelTo(go, 'quiet', service.port, quiet));
      await go.has('pings', 2, 'quiet');
      await echo({ ...place, host: 'quiet.test' }, 1000);
    },
  };
}

function goAwayOfGo(place: Place, go: GoProgram): Scenario {
  return {
    title: 'GOAWAY of Go: the agent dials another connection, and no request fails',
    run: async () => {
      const id = newThing();
      const held = inBackground(get(place, `/hold?id=${id}`));
      await get(place, `/arrived?id=${id}`);
      const asking = inBackground(Promise.all(Array.from({ length: 8 }, () => askFor(place, 50))));
      await go.order('go-away', { name: NAME });
      await asking;
      await get(place, `/release?id=${id}`);
      assert.equal(await held, 'released');
    },
  };
}

function goAwayOfOurs(place: Place, go: GoProgram, service: OurService): Scenario {
  return {
    title: 'GOAWAY of ours: the agent ends when what is open has ended',
    run: async () => {
      const tunnel = await tunnelTo(go, 'leaving', service.port);
      const leaving = { ...place, host: 'leaving.test' };
      const id = newThing();
      const held = inBackground(get(leaving, `/hold?id=${id}`));
      await get(place, `/arrived?id=${id}`);
      const heard = go.order('heard-go-away', { name: 'leaving' });
      const closed = tunnel.close(5000);
      await heard;
      await get(place, `/release?id=${id}`);
      assert.equal(await held, 'released');
      await patiently('end of the tunnel', closed);
      assert.equal((await ask(leaving, { path: '/hello' })).status, 502);
    },
  };
}

function killed(place: Place, service: OurService): Scenario {
  return {
    title: 'Go is killed in the middle of an answer, and comes back',
    run: async () => {
      const victim = await GoProgram.start('-role', 'relay');
      const id = newThing();
      const ended = new AbortController();
      const tunnel = await tunnelTo(victim, NAME, service.port, { signal: ended.signal });
      const response = await answerTo(
        begin({ ...place, port: victim.port }, { path: `/pour?id=${id}&size=100000000` }).end(),
      );
      await once(response, 'data');
      await victim[Symbol.asyncDispose]();
      await assert.rejects(whole(response));
      assert.equal(await get(place, `/outcome?id=${id}`), 'aborted');
      ended.abort();
      assert.equal(await tunnel.closed, undefined);
    },
  };
}

function withoutTarget(place: Place, go: GoProgram, workshop: Workshop): Scenario {
  return {
    title: 'the target is not there',
    run: async () => {
      const tunnel = await tunnelTo(go, 'nobody', 'http://127.0.0.1:1');
      workshop.keep(tunnel);
      const { status, headers } = await ask({ ...place, host: 'nobody.test' }, { path: '/' });
      assert.equal(status, 502);
      assert.equal(headers['x-tunnel-error'], 'ERR_TUNNEL_TARGET_UNREACHABLE');
    },
  };
}

function sessions(
  place: Place,
  go: GoProgram,
  service: OurService,
  workshop: Workshop,
): readonly Scenario[] {
  return [
    pings(place, go, service, workshop),
    goAwayOfGo(place, go),
    goAwayOfOurs(place, go, service),
    killed(place, service),
    withoutTarget(place, go, workshop),
  ];
}

async function askFor(place: Place, times: number): Promise<void> {
  for (let time = 0; time < times; time++) assert.equal(await get(place, '/hello'), 'hello\n');
}

function echoes(go: GoProgram, count: number): Scenario {
  return {
    title: `${count} echoes of octets, 8 at once, of any size`,
    limit: echoLimit(count),
    run: async () => {
      const seed = Math.floor(Math.random() * 2 ** 31);
      const query = { name: 'octets', count, 'at-once': 8, seed };
      const wrong: string[] = JSON.parse(await go.order('echoes', query));
      assert.deepEqual(wrong, [], `with the seed ${seed}`);
    },
  };
}

/** The Go program keeps a connection for half a second; whatever broke off is gone before. */
function nothingIsLeft(...tunnels: readonly Tunnel[]): Scenario {
  return {
    title: 'no stream is left',
    run: async () => {
      const until = performance.now() + PATIENCE;
      const count = (): number => tunnels.reduce((sum, { streams }) => sum + streams, 0);
      while (count() > 0) {
        assert.ok(performance.now() < until, `${count()} streams are left`);
        await delay(50);
      }
    },
  };
}

function part(name: string, count: number, args: readonly string[], reads: boolean): Part {
  return {
    name,
    tools: GO_TOOLS,
    begin: async (workshop) => {
      const service = workshop.keep(await OurService.listen());
      const octets = workshop.keep(await OctetService.listen());
      const go = workshop.keep(await GoProgram.start('-role', 'relay', ...args));
      // With an onlooker the agent parses the requests, and does not only pass on octets.
      const onlooker = reads ? { onlooker: { onRequest: () => undefined } } : {};
      const ours = await tunnelTo(go, NAME, service.port, onlooker);
      const raw = await tunnelTo(go, 'octets', `tcp://127.0.0.1:${octets.port}`);
      for (const tunnel of [ours, raw]) {
        workshop.keep({ [Symbol.asyncDispose]: () => tunnel.close(1000) });
      }
      const place = { port: go.port, host: `${NAME}.test` };
      return [
        ...requestScenarios(place),
        echoes(go, count),
        ...sessions(place, go, service, workshop),
        nothingIsLeft(ours, raw),
      ];
    },
  };
}

export function goRelays(count: number): readonly Part[] {
  return [part('go-relay', count, [], false), part('go-relay-cut', count, ['-cuts'], true)];
}
