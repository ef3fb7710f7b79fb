/** An agent to be killed, in a process of its own. */
import { openTunnel } from '@framewire/tunnel';

const [, , port, token] = process.argv;

await openTunnel(`ws://127.0.0.1:${port}`, {
  name: 'app',
  token,
  connections: 1,
  target: async (request) => {
    const { pathname } = new URL(request.url);
    if (pathname === '/never') {
      process.send?.('asked');
      return new Promise<Response>(() => {});
    }
    if (pathname !== '/slow') return new Response('hello');
    const body = new ReadableStream<Uint8Array>({
      start: (controller) => controller.enqueue(Buffer.from('half')),
    });
    return new Response(body);
  },
});
process.send?.('online');
