/** framewire as its own peer, in a process of its own: a program that speaks the lines of wire.ts. */
import { createInterface } from 'node:readline';
import { Refusal, type Link, type Listener } from './endpoint.ts';
import { FramewireEndpoint } from './framewire-endpoint.ts';
import { decodeOctets, encodeOctets, type Event, type Reply, type Request } from './wire.ts';

const endpoint = new FramewireEndpoint();
const links: Link[] = [];
const listeners: Map<number, Listener> = new Map();

type Answer = Omit<Reply, 'id'>;

function report(value: Event | Reply): void {
  process.stdout.write(`${JSON.stringify(value)}\n`);
}

/** The number of the link; what happens to it is reported once that is known. */
function add(added: Link): number {
  return links.push(added) - 1;
}

function forward(link: number): void {
  const { messages, pings, pongs, closed } = links[link] ?? {};
  messages?.forward(({ type, data }) =>
    report({ event: 'message', link, type, data: encodeOctets(data) }),
  );
  pings?.forward((data) => report({ event: 'ping', link, data: encodeOctets(data) }));
  pongs?.forward((data) => report({ event: 'pong', link, data: encodeOctets(data) }));
  void closed?.then(({ code, reason }) => report({ event: 'closed', link, code, reason }));
}

async function listen(options: Extract<Request, { op: 'listen' }>['options']): Promise<Answer> {
  const listener = await endpoint.listen(options);
  const { port } = listener;
  listeners.set(port, listener);
  listener.accepted.forward((accepted) => {
    const { protocol, extensions } = accepted;
    const link = add(accepted);
    const headers = Object.fromEntries(accepted.headers);
    report({ event: 'accepted', port, link, protocol, extensions, headers });
    forward(link);
  });
  return { port };
}

async function dial(options: Extract<Request, { op: 'dial' }>['options']): Promise<Answer> {
  const dialled = await endpoint.dial(options);
  const { protocol, extensions } = dialled;
  const link = add(dialled);
  forward(link);
  return { link, protocol, extensions };
}

async function perform(request: Request): Promise<Answer> {
  if (request.op === 'listen') return listen(request.options);
  if (request.op === 'dial') return dial(request.options);
  if (request.op === 'shutdown') {
    await listeners.get(request.port)?.shutdown();
    listeners.delete(request.port);
    return {};
  }
  const link = links[request.link];
  if (link === undefined) return { error: `no link ${request.link}` };
  switch (request.op) {
    case 'send':
      await link.send({ type: request.type, data: decodeOctets(request.data) }, request.manner);
      break;
    case 'fragments':
      await link.sendFragments(
        request.type,
        request.parts.map(decodeOctets),
        decodeOctets(request.data),
      );
      break;
    case 'ping':
      await link.ping(decodeOctets(request.data));
      break;
    case 'close':
      await link.close(request.code, request.reason);
      break;
    case 'abort':
      await link.abort();
      break;
  }
  return {};
}

async function answer(line: string): Promise<void> {
  const request: Request = JSON.parse(line);
  try {
    report({ ...(await perform(request)), id: request.id });
  } catch (error) {
    const status = error instanceof Refusal ? error.status : undefined;
    report({ id: request.id, error: String(error), ...(status !== undefined && { status }) });
  }
}

const input = createInterface(process.stdin);
input.on('line', (line) => void answer(line));
input.on('close', () => process.exit());
