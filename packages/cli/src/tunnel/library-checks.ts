/** What the library has against a part of a configuration: nobody else knows its rules. */
import { openTunnel, TunnelRelay, type RelayOptions, type TunnelOptions } from '@framewire/tunnel';
import type { z } from 'zod';
import { messageOf } from '../error-message.ts';

/** The reason why a relay does not take these options; undefined if it does. */
export function refusedByRelay(options: RelayOptions): string | undefined {
  try {
    void new TunnelRelay(options);
    return undefined;
  } catch (error) {
    return reasonOf(error);
  }
}

/** The same of an agent. Nothing is dialled: the options are looked at before the signal is. */
export async function refusedByTunnel(
  options: Partial<TunnelOptions>,
  relay: string = 'ws://localhost',
): Promise<string | undefined> {
  const signal = AbortSignal.abort();
  const rest = { target: 'http://localhost', name: 'name', ...options };
  try {
    await openTunnel(relay, { ...rest, signal });
    return undefined;
  } catch (error) {
    return signal.reason === error ? undefined : reasonOf(error);
  }
}

/** For `superRefine` of a part that stands alone. */
export function checkedByRelay<Value>(
  toOptions: (value: Value) => RelayOptions,
): (value: Value, context: z.RefinementCtx<Value>) => void {
  return (value, context) => {
    const message = refusedByRelay(toOptions(value));
    if (message !== undefined) context.addIssue({ code: 'custom', message });
  };
}

export function checkedByTunnel<Value>(
  toOptions: (value: Value) => Partial<TunnelOptions>,
): (value: Value, context: z.RefinementCtx<Value>) => Promise<void> {
  return async (value, context) => {
    const message = await refusedByTunnel(toOptions(value));
    if (message !== undefined) context.addIssue({ code: 'custom', message });
  };
}

function reasonOf(error: unknown): string {
  if (error instanceof Error && 'code' in error && error.code === 'ERR_INVALID_URL') {
    return 'is no URL';
  }
  return messageOf(error);
}
