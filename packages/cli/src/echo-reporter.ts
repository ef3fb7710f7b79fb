/** What the echo server has to tell: where it is, who comes, and who goes. */
import type { CloseInfo } from 'framewire';
import { describeClose, jsonLine } from './reporter.ts';
import { countOctets } from './hex.ts';
import { sanitizeLine } from './sanitize.ts';
import type { Screen } from './terminal.ts';

export interface Place {
  /** Where the page is; undefined on a unix socket, which no browser can open. */
  readonly page: string | undefined;
  readonly webSocket: string;
  readonly port: number | undefined;
  /** HTTP/2 is spoken beside HTTP/1.1. */
  readonly http2: boolean;
}

/** A connection that opened; `number` counts from 1. */
export interface Visit {
  readonly number: number;
  readonly remoteAddress: string;
  readonly origin: string | undefined;
  readonly httpVersion: '1.1' | '2';
  readonly subprotocol: string;
  /** What was agreed on about compression; empty without it. */
  readonly extensions: string;
}

export interface Echoed {
  readonly messages: number;
  readonly octets: number;
  /** Milliseconds the connection was open. */
  readonly duration: number;
}

export interface EchoReporter {
  listening(place: Place): void;
  opened(visit: Visit): void;
  closed(visit: Visit, info: CloseInfo, echoed: Echoed): void;
  refused(reason: string, code: string, origin: string | undefined): void;
  /** The first signal came. */
  stopping(connections: number): void;
}

export class TextEchoReporter implements EchoReporter {
  readonly #screen: Screen;
  readonly #now: () => Date;
  #hasVersions = false;

  constructor(screen: Screen, now: () => Date = () => new Date()) {
    this.#screen = screen;
    this.#now = now;
  }

  listening({ page, webSocket, http2 }: Place): void {
    this.#hasVersions = http2;
    const { paint } = this.#screen;
    const command = `npx framewire connect ${webSocket}${http2 ? ' --http2' : ''}`;
    const lines =
      page === undefined
        ? [`listening on ${webSocket}`, `  run ${paint('bold', command)}`]
        : [
            `listening on ${page} and ${webSocket}`,
            `  open ${paint('bold', page)} in a browser`,
            `  or run ${paint('bold', command)}`,
          ];
    this.#print([...lines, '  Ctrl-C stops', ''].join('\n'));
  }

  opened(visit: Visit): void {
    const { number, remoteAddress, origin, httpVersion, subprotocol, extensions } = visit;
    const version = this.#hasVersions ? ` over HTTP/${httpVersion}` : '';
    const page = origin === undefined ? '' : ` from a page of ${sanitizeLine(origin)}`;
    const agreed = subprotocol === '' ? '' : `, subprotocol ${sanitizeLine(subprotocol)}`;
    const compression = extensions === '' ? '' : `, ${extensions}`;
    const who = `#${number} ${remoteAddress}${version}${page}`;
    this.#event('green', 'opened', `${who}${agreed}${compression}`);
  }

  closed({ number, remoteAddress }: Visit, info: CloseInfo, echoed: Echoed): void {
    const why = info.error === undefined ? describeClose(info) : describeFailure(info);
    this.#event('dim', 'closed', `#${number} ${remoteAddress} ${why}; ${describeEchoed(echoed)}`);
  }

  refused(reason: string, code: string, origin: string | undefined): void {
    const page = origin === undefined ? '' : ` a page of ${sanitizeLine(origin)}:`;
    const help = code === 'ERR_WS_ORIGIN' ? '; --origin says which may connect' : '';
    this.#event('yellow', 'refused', `${page.trim()} ${reason}${help}`.trim());
  }

  stopping(connections: number): void {
    const left = connections === 1 ? '1 connection' : `${connections} connections`;
    this.#screen.status(`closing ${left}; another signal ends at once`);
  }

  #event(format: 'green' | 'dim' | 'yellow', event: string, text: string): void {
    const { paint } = this.#screen;
    const time = paint('dim', this.#now().toTimeString().slice(0, 8));
    this.#print(`${time} ${paint(format, event)} ${text}`);
  }

  #print(text: string): void {
    void this.#screen.result(text);
  }
}

export class JsonEchoReporter implements EchoReporter {
  readonly #screen: Screen;
  readonly #now: () => Date;

  constructor(screen: Screen, now: () => Date = () => new Date()) {
    this.#screen = screen;
    this.#now = now;
  }

  listening(place: Place): void {
    this.#event('listening', place);
  }

  opened(visit: Visit): void {
    this.#event('open', visit);
  }

  closed(visit: Visit, info: CloseInfo, echoed: Echoed): void {
    const { code, reason, wasClean, initiator, error } = info;
    const close = { code, reason, wasClean, initiator, error: error?.message };
    const duration = Math.round(echoed.duration);
    this.#event('close', { number: visit.number, ...close, ...echoed, duration });
  }

  refused(reason: string, code: string, origin: string | undefined): void {
    this.#event('refused', { code, reason, origin });
  }

  stopping(connections: number): void {
    this.#event('stopping', { connections });
  }

  #event(event: string, fields: object): void {
    void this.#screen.result(jsonLine({ event, time: this.#now().toISOString(), ...fields }));
  }
}

/** With the code the peer was told, where it could be told. */
function describeFailure({ code, sent, error }: CloseInfo): string {
  return `failed: ${sent?.code ?? code} ${sanitizeLine(error?.message ?? '')}`;
}

/** `3 messages, 1204 octets in 12.3 s`. */
function describeEchoed({ messages, octets, duration }: Echoed): string {
  const count = messages === 1 ? '1 message' : `${messages} messages`;
  return `${count}, ${countOctets(octets)} in ${(duration / 1000).toFixed(1)} s`;
}
