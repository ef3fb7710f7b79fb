/** The library's agent of wsp against the Go program wsp_server. */
import assert from 'node:assert/strict';
import { openWspAgent, type WspAgent, type WspAgentOptions } from '@framewire/tunnel';
import { EventQueue, patiently } from '../event-queue.ts';
import { freePort, Program } from '../routes/program.ts';
import type { Part, Scenario, Workshop } from '../routes/workshop.ts';
import { inBackground } from './caller.ts';
import { OurService } from './our-service.ts';
import { newThing } from './requests.ts';
import {
  directly,
  fillsPool,
  request,
  requestText,
  wspPlace,
  wspRequests,
  type WspPlace,
} from './wsp-requests.ts';

const SECRET = 'a secret of theirs';

const IDLE = 3;
const MOST = 6;

/** Starts it, as often as it has to be. */
class GoServer {
  readonly port: number;
  readonly path: string;
  readonly #config: string;

  constructor(path: string, config: string, port: number) {
    this.path = path;
    this.#config = config;
    this.port = port;
  }

  static async prepare(path: string, workshop: Workshop): Promise<GoServer> {
    const port = await freePort();
    const lines = [`port: ${port}`, 'host: 127.0.0.1', 'timeout: 1000', `secretkey: ${SECRET}`];
    const config = await workshop.write(`wsp_server-${port}.cfg`, lines.join('\n'));
    return new GoServer(path, config, port);
  }

  start(): Promise<Program> {
    return Program.start(this.path, ['-config', this.#config], { port: this.port });
  }
}

interface Serving {
  readonly workshop: Workshop;
  readonly server: GoServer;
  readonly service: OurService;
}

function agentOf({ workshop, server }: Serving, options: Partial<WspAgentOptions> = {}): WspAgent {
  const agent = openWspAgent({
    targets: `ws://127.0.0.1:${server.port}/register`,
    secretKey: SECRET,
    ...{ poolIdleSize: IDLE, poolMaxSize: MOST, minDelay: 50, maxDelay: 200 },
    ...options,
  });
  workshop.keep({ [Symbol.asyncDispose]: () => agent.close({ timeout: 100 }) });
  return agent;
}

/** The first answer of the target; before it there may be others. */
async function isServed(place: WspPlace): Promise<void> {
  const serving = async (): Promise<void> => {
    for (;;) {
      const answer = await request(place, { path: '/hello' }).catch(() => undefined);
      if (answer?.status === 200) return;
    }
  };
  await patiently('agent at the relay', serving(), 10_000);
}

function wrongSecret(serving: Serving): Scenario {
  return {
    title: 'a wrong secret is a 526 for the agent, and callers get 526',
    run: async () => {
      const server = await GoServer.prepare(serving.server.path, serving.workshop);
      serving.workshop.keep(await server.start());
      const events = new EventQueue<string>('event of the agent');
      const agent = agentOf(
        { ...serving, server },
        {
          secretKey: 'another one',
          onConnection: ({ state, error }) => events.push(`${state} ${error?.message}`),
        },
      );
      assert.match(await events.next(), /^refused .*526/u);
      const place = wspPlace(server.port, serving.service);
      const { status, content } = await request(place, { path: '/hello' });
      assert.deepEqual([status, content.toString()], [526, 'No proxy available\n']);
      await agent.close();
    },
  };
}

function restarts(serving: Serving): Scenario {
  return {
    title: 'the server is killed and comes back, and so does the agent',
    run: async () => {
      const server = await GoServer.prepare(serving.server.path, serving.workshop);
      const first = await server.start();
      const agent = agentOf({ ...serving, server });
      const place = wspPlace(server.port, serving.service);
      await isServed(place);
      await first[Symbol.asyncDispose]();
      serving.workshop.keep(await server.start());
      await isServed(place);
      for (let round = 0; round < 20; round++) await requestText(place, '/hello');
      await agent.close();
    },
  };
}

function leaves(serving: Serving): Scenario {
  return {
    title: 'the agent closes when what runs has ended',
    run: async () => {
      const server = await GoServer.prepare(serving.server.path, serving.workshop);
      serving.workshop.keep(await server.start());
      const agent = agentOf({ ...serving, server });
      const place = wspPlace(server.port, serving.service);
      await isServed(place);
      const id = newThing();
      const running = inBackground(requestText(place, `/hold?id=${id}`));
      await directly(place, `/arrived?id=${id}`);
      const closed = agent.close();
      await directly(place, `/release?id=${id}`);
      assert.equal(await running, 'released');
      await patiently('end of the agent', closed);
      assert.deepEqual(
        agent.pools.map(({ idle, busy }) => [idle, busy]),
        [[0, 0]],
      );
    },
  };
}

export function wspServer(path: string): Part {
  return {
    name: 'wsp-server',
    tools: [],
    begin: async (workshop) => {
      const service = workshop.keep(await OurService.listen());
      const server = await GoServer.prepare(path, workshop);
      workshop.keep(await server.start());
      const serving = { workshop, server, service };
      const agent = agentOf(serving);
      const place = wspPlace(server.port, service);
      await isServed(place);
      return [
        ...wspRequests(place),
        fillsPool(place, MOST, () => {
          const [pool] = agent.pools;
          assert.equal(pool?.busy, MOST);
        }),
        wrongSecret(serving),
        restarts(serving),
        leaves(serving),
      ];
    },
  };
}
