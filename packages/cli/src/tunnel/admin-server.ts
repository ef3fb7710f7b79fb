/** The port for those who run the relay: is it alive, is it ready, and what has it counted. */
import http, { type IncomingMessage, type ServerResponse } from 'node:http';

export interface AdminSources {
  /** Undefined when it takes requests; why, when it does not. */
  readonly notReady: () => string | undefined;
  readonly metrics: () => Promise<string>;
  readonly metricsType: string;
}

export function createAdminServer(sources: AdminSources): http.Server {
  return http.createServer({ requestTimeout: 10_000 }, (request, response) => {
    answer(request, response, sources).catch((error: unknown) => {
      process.emitWarning(error instanceof Error ? error : String(error));
      send(response, 500, 'text/plain', 'error\n');
    });
  });
}

async function answer(
  { method, url = '' }: IncomingMessage,
  response: ServerResponse,
  { notReady, metrics, metricsType }: AdminSources,
): Promise<void> {
  if (method !== 'GET' && method !== 'HEAD') {
    response.setHeader('Allow', 'GET, HEAD');
    return send(response, 405, 'text/plain', 'only GET is answered here\n');
  }
  switch (url.split('?', 1)[0]) {
    case '/healthz':
      return send(response, 200, 'text/plain', 'ok\n');
    case '/readyz': {
      const reason = notReady();
      return send(response, reason === undefined ? 200 : 503, 'text/plain', `${reason ?? 'ok'}\n`);
    }
    case '/metrics':
      return send(response, 200, metricsType, await metrics());
    default:
      return send(response, 404, 'text/plain', '/healthz, /readyz and /metrics are here\n');
  }
}

function send(response: ServerResponse, status: number, type: string, body: string): void {
  response.writeHead(status, {
    'Content-Type': type.startsWith('text/plain;') ? type : `${type}; charset=utf-8`,
    'Content-Length': Buffer.byteLength(body),
    'Cache-Control': 'no-store',
  });
  response.end(body);
}
