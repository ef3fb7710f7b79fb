/** Native ways of what the protocol does in JavaScript too; each is used where it is faster. */
import type { WriteText } from './frame-encoder.ts';
import type { ApplyMask } from './masking.ts';
import type { Allocate } from './octets.ts';
import type { IsUtf8 } from './utf8.ts';

export interface ProtocolNatives {
  /** Checks whole UTF-8. */
  readonly isUtf8?: IsUtf8 | undefined;
  /** Masks and unmasks (RFC 6455 §5.3). */
  readonly applyMask?: ApplyMask | undefined;
  /** Where memory for messages comes from that need not be zeroed. */
  readonly allocate?: Allocate | undefined;
  /** Encodes text as UTF-8. */
  readonly writeText?: WriteText | undefined;
}
