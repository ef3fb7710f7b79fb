/** The Go program wsp_client against the library's relay of wsp. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import http from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { TunnelRelay, WspRelay, type WspRelayOptions } from '@framewire/tunnel';
import { EventQueue, patiently } from '../event-queue.ts';
import { Program } from '../routes/program.ts';
import type { Part, Scenario, Workshop } from '../routes/workshop.ts';
import { answerTo, begin, whole } from './caller.ts';
import { OurService } from './our-service.ts';
import {
  directly,
  fillsPool,
  request,
  requestText,
  wspPlace,
  wspRequests,
} from './wsp-requests.ts';
import { newThing } from './requests.ts';

const SECRET = 'a secret of ours';

const IDLE = 3;
const MOST = 6;

/** Of the library, with what it is told of its agents. */
class OurWspRelay implements AsyncDisposable {
  readonly relay: WspRelay;
  readonly refusals = new EventQueue<Error>('refusal');
  readonly #server = http.createServer();
  readonly #sockets = new Set<Socket>();

  private constructor(options: WspRelayOptions) {
    this.relay = new WspRelay({
      secretKey: SECRET,
      openRequests: true,
      onConnectionError: (error) => this.refusals.push(error),
      ...options,
    });
    this.relay.attach(this.#server);
    this.#server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket);
      socket.once('close', () => this.#sockets.delete(socket));
    });
  }

  static async listen(options: WspRelayOptions = {}): Promise<OurWspRelay> {
    const relay = new OurWspRelay(options);
    relay.#server.listen(0, '127.0.0.1');
    await once(relay.#server, 'listening');
    return relay;
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port;
  }

  /** So many idle connections, and no others. */
  async hasIdle(count: number): Promise<void> {
    const waiting = async (): Promise<void> => {
      for (;;) {
        const [pool] = this.relay.pools;
        if (pool?.idle === count && pool.busy === 0) return;
        await new Promise((resolve) => setTimeout(resolve, 20));
      }
    };
    await patiently(`${count} idle connections`, waiting(), 10_000);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.relay.close({ timeout: 100 });
    this.#server.close();
    for (const socket of this.#sockets) socket.destroy();
  }
}

async function startClient(
  path: string,
  workshop: Workshop,
  port: number,
  secret: string = SECRET,
): Promise<Program> {
  const lines = [
    ...[`targets: ["ws://127.0.0.1:${port}/register"]`, `id: go-${port}`],
    ...[`poolidlesize: ${IDLE}`, `poolmaxsize: ${MOST}`, `secretkey: ${secret}`],
  ];
  const config = await workshop.write(`wsp_client-${newThing()}.cfg`, lines.join('\n'));
  return workshop.keep(await Program.start(path, ['-config', config]));
}

function wrongSecret(path: string, workshop: Workshop): Scenario {
  return {
    title: 'a wrong secret is refused, and callers get 526',
    run: async () => {
      const relay = workshop.keep(await OurWspRelay.listen());
      const client = await startClient(path, workshop, relay.port, 'another one');
      await client.says(/Unable to connect to .*bad handshake/u, 0);
      assert.equal(relay.relay.pools.length, 0);
      const place = wspPlace(relay.port, workshop.keep(await OurService.listen()));
      const { status, content } = await request(place, { path: '/hello' });
      assert.deepEqual([status, content.toString()], [526, 'No proxy available\n']);
    },
  };
}

function restarts(path: string, workshop: Workshop): Scenario {
  return {
    title: 'the client is killed in the middle of an answer, which breaks off, and comes back',
    run: async () => {
      const service = workshop.keep(await OurService.listen());
      const relay = workshop.keep(await OurWspRelay.listen({ timeout: 5000 }));
      const place = wspPlace(relay.port, service);
      const first = await startClient(path, workshop, relay.port);
      await relay.hasIdle(IDLE);
      const id = newThing();
      const url = `http://127.0.0.1:${service.port}/pour?id=${id}&size=100000000`;
      const headers = { 'X-PROXY-DESTINATION': url };
      const response = await answerTo(begin(place.relay, { path: '/request', headers }).end());
      await once(response, 'data');
      await first[Symbol.asyncDispose]();
      await assert.rejects(whole(response), { code: 'ECONNRESET' });
      assert.equal(await directly(place, `/outcome?id=${id}`), 'aborted');
      await startClient(path, workshop, relay.port);
      await relay.hasIdle(IDLE);
      assert.equal(await requestText(place, '/hello'), 'hello\n');
    },
  };
}

function beside(path: string, workshop: Workshop): Scenario {
  return {
    title: 'at a TunnelRelay that speaks wsp too',
    run: async () => {
      const service = workshop.keep(await OurService.listen());
      const server = http.createServer();
      const wsp = { secretKey: SECRET, openRequests: true, timeout: 5000 };
      const joined = new EventQueue<string>('agent');
      const onAgent = ({ state }: { readonly state: string }): void => joined.push(state);
      const relay = new TunnelRelay({ wsp: { ...wsp, onAgent } });
      relay.attach(server);
      server.listen(0, '127.0.0.1');
      await once(server, 'listening');
      const { port } = server.address() as AddressInfo;
      const client = await startClient(path, workshop, port);
      assert.equal(await joined.next(), 'joined');
      assert.equal(await requestText(wspPlace(port, service), '/hello'), 'hello\n');
      await client[Symbol.asyncDispose]();
      await relay.close();
      server.close();
      server.closeAllConnections();
    },
  };
}

export function wspClient(path: string): Part {
  return {
    name: 'wsp-client',
    tools: [],
    begin: async (workshop) => {
      const service = workshop.keep(await OurService.listen());
      const relay = workshop.keep(await OurWspRelay.listen());
      await startClient(path, workshop, relay.port);
      await relay.hasIdle(IDLE);
      const place = wspPlace(relay.port, service);
      return [
        ...wspRequests(place),
        fillsPool(place, MOST, () => {
          const [pool] = relay.relay.pools;
          assert.deepEqual([pool?.busy, pool?.size], [MOST, IDLE]);
        }),
        wrongSecret(path, workshop),
        restarts(path, workshop),
        beside(path, workshop),
      ];
    },
  };
}
