/** What a run is to be. */
import type { PayloadType } from './payloads.ts';

export interface LoadSettings {
  readonly connections: number;
  /** Messages without an answer that each connection may have. */
  readonly window: number;
  /** Messages a second on all connections, of an open loop; a closed loop has none. */
  readonly rate: number | undefined;
  readonly type: PayloadType;
  /** Octets of a message. */
  readonly size: number;
  /** Milliseconds that are measured, and those before, which are not. */
  readonly duration: number;
  readonly warmup: number;
  /** Milliseconds a connection that awaits answers may get none. */
  readonly answerTimeout: number;
}
