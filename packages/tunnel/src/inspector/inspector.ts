/** Records what an agent passes on, and serves a page that shows it. */
import type { IncomingMessage } from 'node:http';
import type { OnlookedServer, Onlooker, OnlookerOfOne } from '../agent/onlooker.ts';
import { Recorder, type InspectorOptions } from './recorder.ts';
import { openInspectorServer, type InspectorServer, type ServeInspectorOptions } from './server.ts';

export type { InspectorOptions } from './recorder.ts';

/** Give it to `openTunnel` as its `onlooker`, and `serve` the page. It may be that of several. */
export class Inspector implements Onlooker {
  readonly #recorder: Recorder;

  /** Throws a `TypeError` that names the option that is wrong. */
  constructor(options: InspectorOptions = {}) {
    this.#recorder = new Recorder(options);
  }

  onRequest(request: IncomingMessage, isUpgrade: boolean, server: OnlookedServer): OnlookerOfOne {
    return this.#recorder.onRequest(request, isUpgrade, server);
  }

  /**
   * Serves the page. Its address has a token in it, without which nothing is shown. Rejects with
   * Node's error, such as `EADDRINUSE`.
   */
  serve(options: ServeInspectorOptions = {}): Promise<InspectorServer> {
    return openInspectorServer(this.#recorder, options);
  }

  /** Forgets everything. */
  clear(): void {
    this.#recorder.clear();
  }
}
