/** The private side of one WebSocket per request. */
import { once } from 'node:events';
import { Agent, request, type IncomingMessage } from 'node:http';
import { connect, type Connection } from 'framewire';
import { HOST } from '../servers/serving.ts';
import type { AnswerHead, RequestHead } from './per-request.ts';

/** WebSockets that wait for a request: as many as there are requests at a time, twice. */
const SPARE = 64;

export async function openPerRequest(relay: number, target: number): Promise<void> {
  const agent = new Agent({ keepAlive: true });
  const openOne = async (): Promise<void> => {
    const connection = await connect(`ws://${HOST}:${relay}/register`, {
      perMessageDeflate: false,
    });
    void serve(connection, target, agent, openOne);
  };
  await Promise.all(Array.from({ length: SPARE }, openOne));
}

async function serve(
  connection: Connection,
  target: number,
  agent: Agent,
  openOne: () => Promise<void>,
): Promise<void> {
  for await (const message of connection) {
    // Another takes its place at once.
    void openOne();
    const { method, path, headers } = JSON.parse(message as string) as RequestHead;
    const options = { host: HOST, port: target, agent, method, path, headers };
    const asked = request(options).end();
    const [answer] = (await once(asked, 'response')) as [IncomingMessage];
    void connection.send(JSON.stringify(headOf(answer)));
    for await (const chunk of answer as AsyncIterable<Buffer>) await connection.send(chunk);
    await connection.close(1000);
    return;
  }
}

function headOf({ statusCode, statusMessage, rawHeaders }: IncomingMessage): AnswerHead {
  return { status: statusCode ?? 0, reason: statusMessage ?? '', headers: rawHeaders };
}
