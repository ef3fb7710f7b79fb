/** A relay with all its ports, from its beginning to its end. */
import type http from 'node:http';
import net, { type Server } from 'node:net';
import {
  TunnelRelay,
  type RelayObserver,
  type RelayOptions,
  type WspRelayOptions,
} from '@framewire/tunnel';
import { describeError } from '../describe-error.ts';
import { createAdminServer } from './admin-server.ts';
import {
  isSameCertificate,
  readCertificate,
  watchCertificate,
  type Certificate,
} from './certificate.ts';
import { describeMistake } from './config-error.ts';
import { hostInUrl, listen } from './listening.ts';
import type { Log } from './log.ts';
import { RelayMetrics } from './metrics.ts';
import { createPublicServer, type PublicServer } from './public-server.ts';
import { logWspAgent, logWspRequest, relayObserver } from './relay-log.ts';
import type { RelayPlan } from './relay-plan.ts';

/** Where it listens. */
export interface RelayAddresses {
  readonly port: number;
  readonly url: string;
  readonly tcp: readonly { readonly port: number; readonly name: string }[];
  readonly admin: string | undefined;
}

const PORT_ADVICE = '--port chooses another one, 0 any that is free';

export class RunningRelay implements AsyncDisposable {
  #plan: RelayPlan;
  readonly #log: Log;
  readonly #metrics: RelayMetrics | undefined;
  readonly #observer: RelayObserver;
  readonly #relay: TunnelRelay;
  readonly #public: PublicServer;
  #certificate: Certificate | undefined;
  #watching: Disposable | undefined;
  readonly #tcpServers: Server[] = [];
  readonly #tcpSockets = new Set<net.Socket>();
  #admin: http.Server | undefined;
  #isListening = false;

  /** Throws a UsageError for a certificate that is of no use. */
  constructor(plan: RelayPlan, log: Log) {
    this.#plan = plan;
    this.#log = log;
    this.#metrics = plan.admin === undefined ? undefined : new RelayMetrics();
    const logging = relayObserver(log, {
      logsRequests: () => this.#plan.logsRequests,
      logsQuery: () => this.#plan.logsQuery,
    });
    this.#observer = this.#metrics ? both(logging, this.#metrics.observer) : logging;
    this.#relay = new TunnelRelay(this.#options(plan));
    this.#metrics?.watch(this.#relay);
    this.#certificate = plan.tls && readCertificate(plan.tls);
    this.#public = createPublicServer({
      certificate: this.#certificate,
      http2: plan.tls?.http2 ?? false,
      headersTimeout: plan.headersTimeout,
      maxHeaderSize: plan.maxHeaderSize,
    });
    this.#relay.attach(this.#public.server);
  }

  /** What to do where its port is taken is said in the error. */
  async start(advice: string = PORT_ADVICE): Promise<RelayAddresses> {
    const { host, port, tls } = this.#plan;
    const found = await listen(this.#public.server, { host, port }, advice);
    const tcp = [];
    for (const { name, ...place } of this.#plan.tcp) {
      const listening = { port: place.port, host: place.host ?? host };
      tcp.push({ name, port: await listen(this.#tcpServer(name), listening, '--tcp names it') });
    }
    const admin = await this.#startAdmin();
    this.#watchCertificate();
    this.#isListening = true;
    const scheme = tls === undefined ? 'http' : 'https';
    return { port: found, url: `${scheme}://${hostInUrl(host)}:${found}/`, tcp, admin };
  }

  /** What the new plan says, as far as it can be had without another process. */
  reload(plan: RelayPlan): void {
    const later = whatHasToWait(this.#plan, plan);
    const next: RelayPlan = { ...plan, ...kept(this.#plan), ...keptDoors(this.#plan, plan) };
    // What it throws leaves all as it was.
    this.#relay.update(this.#options(next));
    this.#plan = next;
    this.#renewCertificate(true);
    this.#watchCertificate();
    if (later.length === 0) return;
    const text = `not changed before a restart: ${later.join(', ')}`;
    this.#log.write({ level: 'warn', event: 'restart-needed', fields: { keys: later }, text });
  }

  get openRequests(): number {
    return this.#relay.activeRequests;
  }

  /** Resolves when nothing is open any more, or the time is over. */
  async drain(): Promise<void> {
    this.#isListening = false;
    this.#public.stop();
    // The admin port stays until the end: whoever asks whether it is ready is told.
    for (const server of this.#tcpServers) server.close();
    await this.#relay.drain(this.#plan.drainTimeout, { waitsForAgents: false });
  }

  /** Ends what is left. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#watching?.[Symbol.dispose]();
    const closed = this.#relay.close();
    this.#public.stop();
    this.#public.destroy();
    for (const socket of this.#tcpSockets) socket.destroy();
    for (const server of this.#tcpServers) server.close();
    this.#admin?.close().closeAllConnections();
    await closed;
  }

  #options({ options }: RelayPlan): RelayOptions {
    const { wsp } = options;
    return {
      ...options,
      observer: this.#observer,
      ...(wsp !== undefined && wsp !== false && { wsp: this.#withObserver(wsp) }),
    };
  }

  #withObserver(options: WspRelayOptions): WspRelayOptions {
    const log = this.#log;
    return {
      ...options,
      onAgent: (event) => logWspAgent(log, event),
      onConnectionError: (error) => {
        const text = `a connection of a wsp agent: ${describeError(error)}`;
        log.write({ level: 'warn', event: 'wsp-connection-error', text });
      },
      onRequest: (outcome) => {
        this.#metrics?.onWspRequest(outcome);
        if (this.#plan.logsRequests) logWspRequest(log, outcome, this.#plan.logsQuery);
      },
    };
  }

  #tcpServer(name: string): Server {
    const server = net.createServer({ allowHalfOpen: true, noDelay: true }, (socket) => {
      this.#tcpSockets.add(socket);
      socket.once('close', () => this.#tcpSockets.delete(socket));
      this.#relay.connect(socket, name);
    });
    this.#tcpServers.push(server);
    return server;
  }

  async #startAdmin(): Promise<string | undefined> {
    const { admin } = this.#plan;
    const metrics = this.#metrics;
    if (admin === undefined || metrics === undefined) return undefined;
    const server = createAdminServer({
      notReady: () => (this.#isListening ? undefined : 'about to end'),
      metrics: () => metrics.text(),
      metricsType: metrics.contentType,
    });
    this.#admin = server;
    const { port, host = '127.0.0.1' } = admin;
    const found = await listen(server, { port, host }, '--admin-port chooses another one');
    return `http://${hostInUrl(host)}:${found}/`;
  }

  /** Files that are of no use leave the certificate as it is: one of them may not be written yet. */
  #watchCertificate(): void {
    this.#watching?.[Symbol.dispose]();
    const { tls } = this.#plan;
    this.#watching = tls && watchCertificate(tls, () => this.#renewCertificate(false));
  }

  #renewCertificate(wasAsked: boolean): void {
    const { tls } = this.#plan;
    if (tls === undefined) return;
    try {
      const certificate = readCertificate(tls);
      const before = this.#certificate;
      if (before !== undefined && isSameCertificate(before, certificate)) return;
      this.#certificate = certificate;
      this.#public.setCertificate(certificate);
      this.#log.write({ event: 'certificate', text: 'the certificate was read again' });
    } catch (error) {
      const text = `${describeError(error)}; the one from before stays`;
      const level = wasAsked ? 'error' : 'warn';
      this.#log.write({ level, event: 'certificate-failed', text });
    }
  }
}

/** What a reload cannot change, by the names of the file. */
function fixedParts(plan: RelayPlan): Readonly<Record<string, unknown>> {
  const { host, port, tls, tcp, admin, headersTimeout, maxHeaderSize, options } = plan;
  return {
    host,
    port,
    'tls (whether, and http2)': tls?.http2,
    'tls.agentCa (whether)': tls?.agentCa !== undefined,
    openRegistration: options.openRegistration ?? false,
    tcp,
    admin,
    wsp: options.wsp,
    'limits.headersTimeout': headersTimeout,
    'limits.maxHeaderSize': maxHeaderSize,
    'limits.memoryBudget': options.memoryBudget,
  };
}

function whatHasToWait(before: RelayPlan, after: RelayPlan): readonly string[] {
  const wanted = fixedParts(after);
  return Object.entries(fixedParts(before))
    .filter(([key, value]) => JSON.stringify(value) !== JSON.stringify(wanted[key]))
    .map(([key]) => key);
}

function kept({
  host,
  port,
  tcp,
  admin,
  headersTimeout,
  maxHeaderSize,
}: RelayPlan): Partial<RelayPlan> {
  return { host, port, tcp, admin, headersTimeout, maxHeaderSize };
}

/** Who is let in does not change with what the open ports have not been made for. */
function keptDoors(before: RelayPlan, after: RelayPlan): Pick<RelayPlan, 'tls' | 'options'> {
  const { requiresCertificate, openRegistration, tokens } = before.options;
  const wasOpen = openRegistration ?? false;
  const isSame = wasOpen === (after.options.openRegistration ?? false);
  const tls = before.tls && (after.tls ?? before.tls);
  const agentCa = before.tls?.agentCa && (after.tls?.agentCa ?? before.tls.agentCa);
  return {
    tls: tls && { ...tls, agentCa },
    options: {
      ...after.options,
      requiresCertificate,
      ...(!isSame && { openRegistration, tokens }),
    },
  };
}

function both(one: RelayObserver, other: RelayObserver): RelayObserver {
  return {
    onAgent: (event) => {
      one.onAgent?.(event);
      other.onAgent?.(event);
    },
    onRequest: (event) => {
      one.onRequest?.(event);
      other.onRequest?.(event);
    },
    onStream: (event) => {
      one.onStream?.(event);
      other.onStream?.(event);
    },
  };
}

/** Mistakes and warnings of a configuration, as entries. */
export function logMistakes(log: Log, plan: Pick<RelayPlan, 'warnings'>): void {
  for (const mistake of plan.warnings) {
    const text = describeMistake(mistake).trim();
    log.write({ level: 'warn', event: 'config-warning', fields: { ...mistake }, text });
  }
}
