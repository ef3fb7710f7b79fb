/** The options of permessage-deflate, resolved once; what they mean depends on the role. */
import { invalidArgument, outOfRange } from '../errors.ts';
import type { DeflateOffer, DeflatePreferences } from './permessage-deflate.ts';

export interface PerMessageDeflateOptions {
  /**
   * The server compresses each message by itself (RFC 7692 §7.1.1.1): it keeps no memory between
   * messages, neither here nor there, and compresses less well. Default `true`: a server does so, a
   * client asks for it first and does without where the server declines. `false`: a server keeps its
   * context unless the client objects, and a client does not object.
   */
  readonly serverNoContextTakeover?: boolean | undefined;
  /** The same for what the client sends (§7.1.1.2). Default `true`. */
  readonly clientNoContextTakeover?: boolean | undefined;
  /**
   * The largest window of the server as the base-2 logarithm of its octets, 8 to 15 (§7.1.2.1). A
   * client demands it: a server that does not know it declines. Default 15.
   */
  readonly serverMaxWindowBits?: number | undefined;
  /**
   * The largest window of the client (§7.1.2.2). A server declines the offers of clients that do not
   * let it choose. Default 15.
   */
  readonly clientMaxWindowBits?: number | undefined;
  /**
   * Messages of fewer octets are sent as they are, unless `send` says `compress`. Default 256;
   * `Infinity` compresses nothing else, streams included.
   */
  readonly threshold?: number | undefined;
  /** zlib's effort, 1 (fast) to 9 (small). Default 1, which for messages loses little. */
  readonly level?: number | undefined;
  /**
   * zlib's memory for the state it compresses with, 1 to 9: such a state takes 2^(window bits + 2) +
   * 2^(memoryLevel + 9) octets, 256 KiB by default. Without context takeover all connections share
   * one; with it each has its own from its first compressed message on, and another of 2^(window
   * bits) octets and some 10 KiB to inflate with. Default 8.
   */
  readonly memoryLevel?: number | undefined;
}

export interface DeflateSettings {
  readonly serverNoContextTakeover: boolean | undefined;
  readonly clientNoContextTakeover: boolean | undefined;
  readonly serverMaxWindowBits: number | undefined;
  readonly clientMaxWindowBits: number | undefined;
  readonly threshold: number;
  readonly level: number;
  readonly memoryLevel: number;
}

/** A `TypeError` or `RangeError` names the option that is wrong. */
export function resolveDeflateOptions(options: PerMessageDeflateOptions): DeflateSettings {
  const settings: DeflateSettings = {
    serverNoContextTakeover: options.serverNoContextTakeover,
    clientNoContextTakeover: options.clientNoContextTakeover,
    serverMaxWindowBits: options.serverMaxWindowBits,
    clientMaxWindowBits: options.clientMaxWindowBits,
    threshold: options.threshold ?? 256,
    level: options.level ?? 1,
    memoryLevel: options.memoryLevel ?? 8,
  };
  requireBoolean('serverNoContextTakeover', settings.serverNoContextTakeover);
  requireBoolean('clientNoContextTakeover', settings.clientNoContextTakeover);
  requireWindowBits('serverMaxWindowBits', settings.serverMaxWindowBits);
  requireWindowBits('clientMaxWindowBits', settings.clientMaxWindowBits);
  requireInteger('level', settings.level, 1, 9);
  requireInteger('memoryLevel', settings.memoryLevel, 1, 9);
  requireThreshold(settings.threshold);
  return Object.freeze(settings);
}

/** What a server with these settings wants. */
export function preferencesOf(settings: DeflateSettings): DeflatePreferences {
  return {
    serverNoContextTakeover: settings.serverNoContextTakeover ?? true,
    clientNoContextTakeover: settings.clientNoContextTakeover ?? true,
    serverMaxWindowBits: settings.serverMaxWindowBits,
    clientMaxWindowBits: settings.clientMaxWindowBits,
  };
}

/** What a client with these settings offers, best first. */
export function offersOf(settings: DeflateSettings): DeflateOffer[] {
  const { serverNoContextTakeover, clientNoContextTakeover = true } = settings;
  const offer: DeflateOffer = {
    serverNoContextTakeover: serverNoContextTakeover ?? true,
    clientNoContextTakeover,
    serverMaxWindowBits: settings.serverMaxWindowBits,
    // That the server may choose costs nothing, and lets it save memory.
    clientMaxWindowBits: settings.clientMaxWindowBits ?? true,
  };
  if (serverNoContextTakeover !== undefined) return [offer];
  return [offer, { ...offer, serverNoContextTakeover: false }];
}

function requireBoolean(name: string, value: unknown): void {
  if (value === undefined || typeof value === 'boolean') return;
  throw invalidArgument(`perMessageDeflate.${name} must be true or false, got ${show(value)}`);
}

function requireInteger(name: string, value: unknown, least: number, most: number): void {
  if (Number.isInteger(value) && Number(value) >= least && Number(value) <= most) return;
  throw outOfRange(
    `perMessageDeflate.${name} must be an integer from ${least} to ${most}, got ${show(value)}`,
  );
}

function requireWindowBits(name: string, value: unknown): void {
  if (value !== undefined) requireInteger(name, value, 8, 15);
}

function requireThreshold(value: unknown): void {
  if (typeof value === 'number' && value >= 0) return;
  throw outOfRange(`perMessageDeflate.threshold must be a number from 0 on, got ${show(value)}`);
}

/** What is no number, and may be anything, in words. */
function show(value: unknown): string {
  return typeof value === 'number' || typeof value === 'string' ? `${value}` : typeof value;
}
