/** Go's yamux and net/http as an agent of the library's relay. */
import assert from 'node:assert/strict';
import { once } from 'node:events';
import http from 'node:http';
import net, { type AddressInfo, type Socket } from 'node:net';
import { createToken, hashToken, TunnelRelay, type RelayOptions } from '@framewire/tunnel';
import { pseudoRandomOctets } from '../contents.ts';
import { patiently } from '../event-queue.ts';
import type { Part, Scenario, Workshop } from '../routes/workshop.ts';
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
import { GO_TOOLS, GoProgram } from './go-program.ts';
import { newThing, requestScenarios } from './requests.ts';
import { echoLimit, pickSize } from './sizes.ts';

const TOKEN = createToken();

const NAME = 'go';

/** The library's relay, and a port whose connections are streams to the agent. */
class OurRelay implements AsyncDisposable {
  readonly relay: TunnelRelay;
  readonly #server = http.createServer();
  readonly #octets: net.Server;
  readonly #sockets = new Set<Socket>();

  constructor(options: RelayOptions = {}) {
    this.relay = new TunnelRelay({
      domains: ['test'],
      tokens: [{ id: 'go', hash: hashToken(TOKEN), names: ['*'] }],
      ...options,
    });
    this.relay.attach(this.#server);
    const front = (socket: Socket): void => this.relay.connect(socket, NAME);
    this.#octets = net.createServer({ allowHalfOpen: true }, front);
    for (const server of [this.#server, this.#octets]) {
      server.on('connection', (socket: Socket) => {
        this.#sockets.add(socket);
        socket.once('close', () => this.#sockets.delete(socket));
      });
    }
  }

  async listen(): Promise<this> {
    for (const server of [this.#server, this.#octets]) {
      server.listen(0, '127.0.0.1');
      await once(server, 'listening');
    }
    return this;
  }

  get place(): Place {
    return { port: portOf(this.#server), host: `${NAME}.test` };
  }

  /** What an agent of this relay is started with. */
  agent(...args: readonly string[]): Promise<GoProgram> {
    const url = `ws://127.0.0.1:${this.place.port}/register`;
    return GoProgram.start('-url', url, '-name', NAME, '-token', TOKEN, ...args);
  }

  /** A stream of octets; the agent does with it what the first one says. */
  connect(): Socket {
    const port = portOf(this.#octets);
    return net.connect({ host: '127.0.0.1', port, allowHalfOpen: true }).on('error', () => {});
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.relay.close();
    for (const server of [this.#server, this.#octets]) server.close();
    for (const socket of this.#sockets) socket.destroy();
  }
}

function portOf(server: net.Server): number {
  return (server.address() as AddressInfo).port;
}

/** To the end; the socket may be written to still. */
async function readAll(socket: Socket): Promise<Buffer> {
  const pieces: Buffer[] = [];
  socket.on('data', (piece: Buffer) => pieces.push(piece));
  await patiently('end of the octets', once(socket, 'end'), 10_000);
  return Buffer.concat(pieces);
}

/** In pieces of any size, and the end right behind them; the checksum is Go's. */
async function echoOctets(relay: OurRelay, size: number): Promise<void> {
  const content = pseudoRandomOctets(size);
  const socket = relay.connect();
  const reading = inBackground(readAll(socket));
  socket.write('e');
  for (let at = 0; at < size;) {
    const end = at + 1 + Math.floor(Math.random() * Math.min(size, 100_000));
    const isGone = !socket.write(content.subarray(at, end));
    if (isGone) await once(socket, 'drain');
    at = end;
  }
  socket.end();
  const back = await reading;
  const [said, rest] = [back.toString('latin1', 0, 64), back.subarray(64)];
  assert.equal(said, sumOf(content), `${size} octets differ on the way to Go`);
  assert.equal(rest.length, size, 'octets are missing on the way back');
  assert.equal(sumOf(rest), said, `${size} octets differ on the way back`);
}

function echoes(relay: OurRelay, count: number): Scenario {
  return {
    title: `${count} echoes of octets, 8 at once, of any size`,
    limit: echoLimit(count),
    run: async () => {
      let left = count;
      const one = async (): Promise<void> => {
        while (left-- > 0) await echoOctets(relay, pickSize());
      };
      await Promise.all(Array.from({ length: 8 }, one));
    },
  };
}

function halfClosed(relay: OurRelay, go: GoProgram): Scenario {
  return {
    title: 'Go ends its side of a stream first, and hears the rest',
    run: async () => {
      const socket = relay.connect();
      socket.write('h');
      assert.equal((await readAll(socket)).toString(), 'mine is all');
      const content = pseudoRandomOctets(700_000);
      socket.end(content);
      const { complete, sum } = await go.told('heard');
      assert.deepEqual({ complete, sum }, { complete: true, sum: sumOf(content) });
    },
  };
}

function resetOfGo(relay: OurRelay): Scenario {
  return {
    title: 'Go resets a stream, which is no end of it',
    run: async () => {
      const socket = relay.connect();
      socket.write('r');
      const reading = inBackground(readAll(socket));
      // Of a reset that comes with octets libuv makes an end, in a caller that is Node.
      await once(socket, 'data');
      socket.write('.');
      await assert.rejects(reading, { code: 'ECONNRESET' });
    },
  };
}

function resetOfOurs(relay: OurRelay, go: GoProgram): Scenario {
  return {
    title: 'a reset of ours is one for Go',
    run: async () => {
      const { resets } = await go.counts();
      const socket = relay.connect();
      socket.write('e');
      await once(socket, 'connect');
      await get(relay.place, '/hello');
      socket.resetAndDestroy();
      await go.has('resets', resets + 1);
    },
  };
}

function streams(relay: OurRelay, go: GoProgram, count: number): readonly Scenario[] {
  return [echoes(relay, count), halfClosed(relay, go), resetOfGo(relay), resetOfOurs(relay, go)];
}

function pings(go: GoProgram, workshop: Workshop): Scenario {
  return {
    title: 'pings both ways',
    run: async () => {
      assert.ok(Number(await go.order('ping')) > 0);
      // The second one is sent where the first has had an answer.
      const quiet = { pingInterval: 100, pingTimeout: 700 };
      const other = workshop.keep(await new OurRelay(quiet).listen());
      const patient = workshop.keep(await other.agent());
      await patient.has('pings', 2);
      await echo(other.place, 1000);
    },
  };
}

function goAwayOfGo(relay: OurRelay, go: GoProgram): Scenario {
  const { place } = relay;
  return {
    title: 'GOAWAY of Go: what is open goes on, what is new is refused, another connection serves',
    run: async () => {
      const id = newThing();
      const held = inBackground(get(place, `/hold?id=${id}`));
      await get(place, `/arrived?id=${id}`);
      await go.order('go-away');
      let answer = await ask(place, { path: '/hello' });
      for (let looks = 0; answer.status === 200; looks++) {
        assert.ok(looks < 100, 'it is asked still');
        answer = await ask(place, { path: '/hello' });
      }
      assert.ok([502, 503].includes(answer.status), `${answer.status}`);
      await go.order('dial');
      await get(place, `/release?id=${id}`);
      assert.equal(await held, 'released');
      await echo(place, 300_000);
    },
  };
}

function killed(workshop: Workshop): Scenario {
  return {
    title: 'Go is killed in the middle of an answer, which does not look whole',
    run: async () => {
      const other = workshop.keep(await new OurRelay().listen());
      const victim = await other.agent();
      const response = await answerTo(
        begin(other.place, { path: '/pour?id=killed&size=100000000' }).end(),
      );
      await once(response, 'data');
      await victim[Symbol.asyncDispose]();
      await assert.rejects(whole(response), { code: 'ECONNRESET' });
      assert.equal((await ask(other.place, { path: '/hello' })).status, 503);
      workshop.keep(await other.agent());
      assert.equal(await get(other.place, '/hello'), 'hello\n');
    },
  };
}

function goAwayOfOurs(relay: OurRelay, go: GoProgram): Scenario {
  const { place } = relay;
  return {
    title: 'GOAWAY of ours: the relay drains, and waits for what is open',
    run: async () => {
      const id = newThing();
      const held = inBackground(get(place, `/hold?id=${id}`));
      await get(place, `/arrived?id=${id}`);
      const draining = relay.relay.drain(5000, { waitsForAgents: false });
      await go.order('heard-go-away');
      // It is asked until it says GOAWAY itself.
      await get(place, `/release?id=${id}`);
      assert.equal(await held, 'released');
      await patiently('end of the requests', draining, 2000);
      await assert.rejects(go.order('dial'), /503.*ERR_TUNNEL_DRAINING/u);
    },
  };
}

function sessions(relay: OurRelay, go: GoProgram, workshop: Workshop): readonly Scenario[] {
  return [pings(go, workshop), goAwayOfGo(relay, go), killed(workshop), goAwayOfOurs(relay, go)];
}

/** Streams echoed in one run. */
export const ECHOES = 500;

function part(name: string, count: number, ...args: readonly string[]): Part {
  return {
    name,
    tools: GO_TOOLS,
    begin: async (workshop) => {
      const relay = workshop.keep(await new OurRelay().listen());
      const go = workshop.keep(await relay.agent(...args));
      return [
        ...requestScenarios(relay.place),
        ...streams(relay, go, count),
        ...sessions(relay, go, workshop),
      ];
    },
  };
}

/** `cut` has messages of any size, whatever the frames are. */
export function goAgents(count: number): readonly Part[] {
  return [part('go-agent', count), part('go-agent-cut', count, '-cuts')];
}
