/** What happens at a relay, as entries of its log. */
import type {
  AgentEvent,
  RelayObserver,
  RequestEvent,
  WspAgentEvent,
  WspRequestOutcome,
} from '@framewire/tunnel';
import { sanitizeLine } from '../sanitize.ts';
import { describeSize, describeTime, withoutUser } from './describe.ts';
import type { Log } from './log.ts';

export interface RelayLogOptions {
  readonly logsRequests: () => boolean;
  readonly logsQuery: () => boolean;
}

export function relayObserver(log: Log, options: RelayLogOptions): Required<RelayObserver> {
  return {
    onAgent: (event) => logAgent(log, event),
    onRequest: (event) => {
      if (options.logsRequests()) logRequest(log, event, options.logsQuery());
    },
    onStream: ({ name, error }) => {
      if (!options.logsRequests()) return;
      const why = error === undefined ? 'ended' : sanitizeLine(error.message);
      const fields = { name, error: error?.code };
      log.write({ event: 'stream', fields, text: `TCP ${sanitizeLine(name)} ${why}` });
    },
  };
}

const AGENT_WORDS = { connected: 'agent', refused: 'refused', gone: 'gone' } as const;

function logAgent(log: Log, { kind, agent, names, address, token, error }: AgentEvent): void {
  const code = error && 'code' in error ? error.code : undefined;
  const fields = { agent, names, address, token, error: code, reason: error?.message };
  const who = `${names.join(', ') || 'nobody'} from ${address ?? 'somewhere'}`;
  const why = error === undefined ? '' : `: ${error.message}`;
  const level = kind === 'refused' ? 'warn' : 'info';
  const text = sanitizeLine(`${AGENT_WORDS[kind].padEnd(7)} ${who}${why}`);
  const format = kind === 'connected' ? { format: 'green' as const } : {};
  log.write({ level, event: `agent-${kind}`, fields, text, ...format });
}

function logRequest(log: Log, event: RequestEvent, logsQuery: boolean): void {
  const { name, agent, method, host, httpVersion, isUpgrade, address, user, outcome } = event;
  const { status, error, requestOctets, answerOctets, timings, hasRetried } = outcome;
  const path = pathOf(event.path, logsQuery);
  const fields = {
    ...{ method, host, path, status, name, agent, address, user, httpVersion },
    ...(isUpgrade && { upgrade: true }),
    ...(hasRetried && { retried: true }),
    ...{ requestOctets, answerOctets, ms: round(timings.ended) },
    firstByteMs: timings.answered === undefined ? undefined : round(timings.answered),
    ...(error !== undefined && { error: error.code, reason: error.message }),
  };
  const how = [
    String(status ?? '---'),
    isUpgrade ? `${method} (upgrade)` : method,
    `${host}${path}`,
    describeSize(answerOctets),
    describeTime(timings.ended),
    ...(error === undefined ? [] : [error.message]),
  ];
  const isBad = status === undefined || status >= 500;
  const format = isBad ? ('red' as const) : status >= 400 ? ('yellow' as const) : undefined;
  const text = sanitizeLine(how.join(' '));
  log.write({ event: 'request', fields, text, ...(format !== undefined && { format }) });
}

export function logWspAgent(log: Log, { id, state }: WspAgentEvent): void {
  const text = sanitizeLine(`${state === 'joined' ? 'agent  ' : 'gone   '} ${id} of wsp`);
  log.write({ event: `wsp-agent-${state}`, fields: { agent: id }, text });
}

export function logWspRequest(log: Log, outcome: WspRequestOutcome, logsQuery: boolean): void {
  const { method, agent, status, error, requestOctets, responseOctets, milliseconds } = outcome;
  const destination = outcome.destination && pathOf(outcome.destination, logsQuery);
  const fields = {
    ...{ protocol: 'wsp', method, destination, status, agent, requestOctets },
    ...{ answerOctets: responseOctets, ms: round(milliseconds) },
    ...(error !== undefined && { error: error.code, reason: error.message }),
  };
  const size = describeSize(responseOctets);
  const how = [status ?? '---', method, destination ?? '-', size, describeTime(milliseconds)];
  const why = error === undefined ? '' : ` ${error.message}`;
  log.write({ event: 'request', fields, text: sanitizeLine(`${how.join(' ')}${why}`) });
}

/** A query may have secrets in it, and so may a user in a URL. */
function pathOf(path: string, logsQuery: boolean): string {
  const bare = withoutUser(path);
  return logsQuery ? bare : (bare.split('?', 1)[0] ?? '');
}

function round(milliseconds: number): number {
  return Math.round(milliseconds * 10) / 10;
}
