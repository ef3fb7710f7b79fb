/**
 * A client that stays: `reconnecting` gives one connection after another, waits longer and longer
 * between them, and says why each ended. What was missed meanwhile is asked for again in `onOpen`,
 * since only the application knows where it was.
 *
 * In Go: a loop of one's own around `Dialer.Dial`, with `time.Sleep`, a random factor, and a look
 * at each error: is it one that passes?
 *
 *     node examples/.build/reconnecting.js
 */
import { CloseCode, reconnecting, WebSocketServer } from 'framewire';

type Print = (line: string) => void;

interface Price {
  readonly id: number;
  readonly price: number;
}

const PRICES: readonly Price[] = [102, 99, 101, 104, 103, 107].map((price, index) => ({
  id: index + 1,
  price,
}));

/** Two prices for each connection. Then the first is lost, the second ends with a restart. */
export async function start(): Promise<{ url: string; close: () => Promise<void> }> {
  let count = 0;
  const server = new WebSocketServer({
    handler: {
      message(connection, message) {
        const { since } = JSON.parse(String(message)) as { since: number };
        const news = PRICES.filter(({ id }) => id > since).slice(0, 2);
        for (const price of news) void connection.send(JSON.stringify(price));
        count++;
        // The prices leave first; then it is as if somebody had pulled the cable.
        if (count === 1) setTimeout(() => connection.terminate(), 10);
        else if (count === 2) void connection.close(CloseCode.serviceRestart, 'back soon');
        else void connection.close(CloseCode.normal, 'the market closes');
      },
    },
  });
  const { url } = await server.listen({ port: 0, host: '127.0.0.1' });
  return { url, close: () => server.close() };
}

export async function main(print: Print = console.log): Promise<void> {
  const server = await start();
  let last = 0;
  const connections = reconnecting(server.url, {
    // Without it the first delay is 1 to 2 s.
    minDelay: 20,
    async onOpen(connection, { number }) {
      print(`connection ${number}: what came after ${last}?`);
      await connection.send(JSON.stringify({ subscribe: 'prices', since: last }));
    },
    onEnd({ info, error, isFinal }) {
      print(`gone: ${info?.code ?? error?.message}${isFinal ? '' : ', again in a moment'}`);
    },
  });
  // Both loops end by themselves: this one because the server says 1000. `break` would end it too.
  for await (const connection of connections) {
    for await (const message of connection) {
      const { id, price } = JSON.parse(String(message)) as Price;
      last = id;
      print(`price ${id}: ${price}`);
    }
  }
  print('the market is closed');
  await server.close();
}

if (process.argv[1] === import.meta.filename) await main();
