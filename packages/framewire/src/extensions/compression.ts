/**
 * RFC 7692 — permessage-deflate as one client or server wants it, and as a connection has it once
 * both sides have agreed.
 */
import type { Inflater, InflaterSource, InflateWaiter } from '../protocol/inflater.ts';
import type { Role } from '../protocol/opcode.ts';
import type { Deflater, DeflaterParameters } from './codec.ts';
import {
  offersOf,
  preferencesOf,
  resolveDeflateOptions,
  type DeflateSettings,
  type PerMessageDeflateOptions,
} from './deflate-options.ts';
import {
  agree,
  judgeAnswer,
  serializeOffers,
  type DeflateAgreement,
} from './permessage-deflate.ts';
import {
  createDeflater,
  createInflater,
  sharedDeflater,
  type SharedDeflater,
} from './shared-states.ts';
import { canUseHandles } from './zlib-handle.ts';

/** What connections that agreed on the same have in common; a connection owns nothing of it. */
export class Compression implements InflaterSource {
  readonly agreement: DeflateAgreement;
  /** The value of the Sec-WebSocket-Extensions that was answered. */
  readonly extensions: string;
  /** Octets below which compressing does not pay. */
  readonly threshold: number;
  /** What is sent may refer to earlier messages. */
  readonly keepsContext: boolean;
  readonly #parameters: DeflaterParameters;
  #shared: SharedDeflater | undefined;
  readonly #receivesBits: number;
  readonly #receivesContext: boolean;

  constructor(
    role: Role,
    agreement: DeflateAgreement,
    extensions: string,
    settings: DeflateSettings,
  ) {
    const { level, memoryLevel, threshold } = settings;
    const server = {
      bits: agreement.serverMaxWindowBits,
      keepsContext: !agreement.serverNoContextTakeover,
    };
    const client = {
      bits: agreement.clientMaxWindowBits,
      keepsContext: !agreement.clientNoContextTakeover,
    };
    const [sending, receiving] = role === 'server' ? [server, client] : [client, server];
    this.agreement = agreement;
    this.extensions = extensions;
    this.threshold = threshold;
    // A client may do without although the server would let it keep its context (§7.1.1.2).
    const wantsContext = role === 'server' || settings.clientNoContextTakeover === false;
    this.keepsContext = sending.keepsContext && wantsContext;
    this.#parameters = { windowBits: sending.bits, level, memoryLevel };
    this.#receivesBits = receiving.bits;
    this.#receivesContext = receiving.keepsContext;
  }

  /** What compresses without context, for everybody. */
  get shared(): SharedDeflater {
    return (this.#shared ??= sharedDeflater(this.#parameters));
  }

  /** What is compressed is there when the call returns. */
  get isImmediate(): boolean {
    return canUseHandles();
  }

  createDeflater(): Deflater {
    return createDeflater(this.#parameters);
  }

  createInflater(waiter: InflateWaiter): Inflater {
    return createInflater(this.#receivesBits, this.#receivesContext, waiter);
  }
}

/** The extension of one client or server: its part of the negotiation (RFC 7692 §5). */
export class PerMessageDeflate {
  readonly #settings: DeflateSettings;
  /** By what was answered: connections with the same parameters share all there is. */
  readonly #agreed = new Map<string, Compression>();

  /** A `TypeError` or `RangeError` names the option that is wrong. */
  constructor(options: PerMessageDeflateOptions) {
    this.#settings = resolveDeflateOptions(options);
  }

  /** A client's Sec-WebSocket-Extensions. */
  get offer(): string {
    return serializeOffers(offersOf(this.#settings));
  }

  /** A server's choice among what a client offers; undefined declines. */
  accept(offers: string | undefined): Compression | undefined {
    const accepted = agree(offers, preferencesOf(this.#settings));
    if (accepted === undefined) return undefined;
    return this.#compressionFor('server', accepted.agreement, accepted.response);
  }

  /** What a client makes of the answer: undefined when it was declined, a sentence when it is wrong. */
  judge(answer: string): Compression | string | undefined {
    const agreement = judgeAnswer(answer, offersOf(this.#settings));
    if (typeof agreement !== 'object') return agreement;
    return this.#compressionFor('client', agreement, answer);
  }

  #compressionFor(role: Role, agreement: DeflateAgreement, extensions: string): Compression {
    let compression = this.#agreed.get(extensions);
    if (compression === undefined) {
      compression = new Compression(role, agreement, extensions, this.#settings);
      this.#agreed.set(extensions, compression);
    }
    return compression;
  }
}
