/** Lines for requests at an agent, as one who looks on. */
import type { IncomingMessage } from 'node:http';
import type { ForwardOutcome, Onlooker, TunnelError } from '@framewire/tunnel';
import { sanitizeLine } from '../sanitize.ts';
import { describeSize, describeTime } from './describe.ts';
import type { Log } from './log.ts';

export interface RequestLogOptions {
  readonly logsQuery: boolean;
  /** Told instead of `onTargetError`, which is for requests that nobody reads. */
  readonly onTargetError: (error: TunnelError) => void;
}

const UNREACHABLE: ReadonlySet<string> = new Set([
  'ERR_TUNNEL_TARGET_UNREACHABLE',
  'ERR_TUNNEL_CONNECT_TIMEOUT',
]);

/** Without a log it only watches for a target that is down. */
export function requestOnlooker(log: Log | undefined, options: RequestLogOptions): Onlooker {
  return {
    onRequest: (request, isUpgrade) => ({
      onOutcome: (outcome) => {
        const { error } = outcome;
        if (error !== undefined && UNREACHABLE.has(error.code)) options.onTargetError(error);
        if (log !== undefined) write(log, request, isUpgrade, outcome, options.logsQuery);
      },
    }),
  };
}

function write(
  log: Log,
  { method = '', headers, url = '' }: IncomingMessage,
  isUpgrade: boolean,
  { status, error, requestOctets, answerOctets, timings }: ForwardOutcome,
  logsQuery: boolean,
): void {
  const path = logsQuery ? url : (url.split('?', 1)[0] ?? '');
  const ms = Math.round(timings.ended * 10) / 10;
  const fields = {
    ...{ method, host: headers.host, path, status, requestOctets, answerOctets, ms },
    ...(isUpgrade && { upgrade: true }),
    ...(error !== undefined && { error: error.code, reason: error.message }),
  };
  const how = [
    String(status ?? '---'),
    isUpgrade ? `${method} (upgrade)` : method,
    path,
    describeSize(answerOctets),
    describeTime(timings.ended),
    ...(error === undefined ? [] : [error.message]),
  ];
  log.write({ event: 'request', fields, text: sanitizeLine(how.join(' ')) });
}
