/** The inspector of an agent: where it is, and how it is looked at beside the log. */
import { Inspector, type InspectorServer, type Onlooker } from '@framewire/tunnel';
import { explainListening } from './listening.ts';
import type { Log } from './log.ts';

/** True is the port below, or any that is free where it is taken. */
export type InspectChoice = number | boolean;

/** As other tools of this kind have it. */
const DEFAULT_PORT = 4040;
const HOST = '127.0.0.1';

/** An inspector that is served. Disposing ends it. */
export class Inspection implements AsyncDisposable {
  /** Several agents may have it, one after the other. */
  readonly inspector: Inspector;
  /** Whoever has it sees everything. */
  readonly url: string;
  readonly #server: InspectorServer;

  private constructor(inspector: Inspector, server: InspectorServer) {
    this.inspector = inspector;
    this.url = server.url.href;
    this.#server = server;
  }

  /** Undefined where nobody wants one. Rejects when a port that was asked for is taken. */
  static async start(choice: InspectChoice, log: Log): Promise<Inspection | undefined> {
    if (choice === false) return undefined;
    const inspector = new Inspector();
    const server =
      choice === true ? await serveByDefault(inspector, log) : serve(inspector, choice);
    return new Inspection(inspector, await server);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#server.close();
  }
}

async function serveByDefault(inspector: Inspector, log: Log): Promise<InspectorServer> {
  try {
    return await inspector.serve({ host: HOST, port: DEFAULT_PORT });
  } catch (error) {
    if (!(error instanceof Error && 'code' in error && error.code === 'EADDRINUSE')) throw error;
    const text = `port ${DEFAULT_PORT} of ${HOST} is taken: the inspector is on another one`;
    log.write({ level: 'warn', event: 'inspect-port-taken', text });
    return serve(inspector, 0);
  }
}

async function serve(inspector: Inspector, port: number): Promise<InspectorServer> {
  try {
    return await inspector.serve({ host: HOST, port });
  } catch (error) {
    throw explainListening(error, { host: HOST, port }, '--inspect names another one, 0 any');
  }
}

/** Both are shown everything, the first one first. */
export function both(one: Onlooker, other: Onlooker): Onlooker {
  return {
    onRequest: (request, isUpgrade, server) => {
      const first = one.onRequest(request, isUpgrade, server);
      const second = other.onRequest(request, isUpgrade, server);
      if (first === undefined || second === undefined) return first ?? second;
      return {
        onAnswer: (head) => {
          first.onAnswer?.(head);
          second.onAnswer?.(head);
        },
        onRequestChunk: (chunk) => {
          first.onRequestChunk?.(chunk);
          second.onRequestChunk?.(chunk);
        },
        onAnswerChunk: (chunk) => {
          first.onAnswerChunk?.(chunk);
          second.onAnswerChunk?.(chunk);
        },
        onAnswerTrailers: (trailers) => {
          first.onAnswerTrailers?.(trailers);
          second.onAnswerTrailers?.(trailers);
        },
        onOutcome: (outcome) => {
          first.onOutcome(outcome);
          second.onOutcome(outcome);
        },
      };
    },
  };
}
