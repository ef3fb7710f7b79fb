/** RFC 7692 — what the scenarios about permessage-deflate share: what they send, and the proof. */
import assert from 'node:assert/strict';
import type { DeflateAgreement } from 'framewire';
import { binary, chinese, jsonLines, jsonOfOctets, pseudoRandomOctets, text } from '../contents.ts';
import { agreementOf, type DeflateRequest } from '../deflate.ts';
import { DeflateInspector } from '../deflate-inspector.ts';
import type { Ability, Content, Link, Manner, Role } from '../endpoint.ts';
import { assertContent, type Pair, type Stage, type TappedPair } from '../scenario.ts';
import type { WireTap } from '../wire-tap.ts';

/** Messages of a line each: with a context every one of them refers to those before it. */
const LINES = 12;

function linesOfJson(): Content[] {
  const lines = jsonLines(9);
  return Array.from({ length: LINES }, () => text(String(lines.next().value)));
}

/** The same again after as little as fits into the smallest window. */
const TWICE: readonly Content[] = [text('twice, word for word'), text('twice, word for word')];

export const SHORT_CONTENTS: readonly Content[] = [
  text(''),
  binary(0),
  text('a'),
  binary(1),
  text(jsonOfOctets(16)),
  binary(16),
  text(jsonOfOctets(256)),
  binary(256),
  text(jsonOfOctets(1024)),
  binary(1024),
  text(chinese(700)),
  text(''),
  text(jsonOfOctets(5000)),
  { type: 'binary', data: new Uint8Array(3000) },
  ...linesOfJson(),
  ...TWICE,
];

const KIB = 1024;

/** Of every size for which somebody has a buffer, compressible and not. */
export const LONG_CONTENTS: readonly Content[] = [
  text(jsonOfOctets(64 * KIB)),
  binary(64 * KIB),
  text(chinese(40 * KIB)),
  text(jsonOfOctets(128 * KIB, 2)),
  binary(128 * KIB),
  { type: 'binary', data: text(jsonOfOctets(64 * KIB, 3)).data },
  text(jsonOfOctets(1024 * KIB, 4)),
  { type: 'binary', data: pseudoRandomOctets(1024 * KIB, 5) },
  { type: 'binary', data: text(jsonOfOctets(1024 * KIB, 6)).data },
  text(''),
  text('short, after the long ones'),
];

/** How far back each side remembers, for scenarios that are about something else. */
export interface Remembering {
  readonly name: string;
  readonly request: DeflateRequest;
  readonly keepsContext: boolean;
  /** Of both sides. */
  readonly needs: readonly Ability[];
}

export const WITHOUT_CONTEXT: Remembering = {
  name: 'without context',
  request: { serverNoContextTakeover: true, clientNoContextTakeover: true },
  keepsContext: false,
  needs: ['compresses'],
};

export const WITH_CONTEXT: Remembering = {
  name: 'with context',
  request: {},
  keepsContext: true,
  needs: ['compresses', 'keeps a context'],
};

export const REMEMBERING: readonly Remembering[] = [WITHOUT_CONTEXT, WITH_CONTEXT];

/** A pair that compresses, both of whose ends say so, and the same. */
export async function openDeflating(
  stage: Stage,
  { request, keepsContext }: Remembering,
  options: Parameters<Stage['openTapped']>[0] = {},
): Promise<TappedPair> {
  const pair = await stage.openTapped({
    ...options,
    ours: { ...options.ours, deflate: request },
    theirs: { ...options.theirs, deflate: {} },
  });
  const { serverNoContextTakeover, clientNoContextTakeover } = agreed(pair);
  const takeovers = { serverNoContextTakeover, clientNoContextTakeover };
  const forgets = !keepsContext;
  const expected = { serverNoContextTakeover: forgets, clientNoContextTakeover: forgets };
  assert.deepEqual(takeovers, expected);
  return pair;
}

/** What both ends say was agreed on. */
export function agreed({ ours, theirs }: Pair): DeflateAgreement {
  const agreement = agreementOf(ours.extensions);
  assert.deepEqual(agreementOf(theirs.extensions), agreement, 'both ends agreed on the same');
  assert.ok(agreement !== undefined, 'the extension was agreed on');
  return agreement;
}

export async function sendAll(
  link: Link,
  contents: readonly Content[],
  manners: readonly Manner[] = [],
): Promise<void> {
  const sent = contents.map((content, index) => {
    return link.send(content, manners[index % manners.length]);
  });
  await Promise.all(sent);
}

export async function assertArrives(link: Link, contents: readonly Content[]): Promise<void> {
  for (const content of contents) assertContent(await link.messages.next(), content);
}

/** Both sides send the same at once, and everything arrives. */
export async function exchange(
  { ours, theirs }: Pair,
  contents: readonly Content[],
): Promise<void> {
  await Promise.all([
    sendAll(ours, contents),
    sendAll(theirs, contents),
    assertArrives(ours, contents),
    assertArrives(theirs, contents),
  ]);
}

/** What one side of an agreement may do. */
function termsOf(agreement: DeflateAgreement, role: Role): { bits: number; forgets: boolean } {
  return role === 'server'
    ? { bits: agreement.serverMaxWindowBits, forgets: agreement.serverNoContextTakeover }
    : { bits: agreement.clientMaxWindowBits, forgets: agreement.clientNoContextTakeover };
}

/**
 * What one side sent was all compressed; it inflates to the contents without any of the two, no
 * reference leaves the agreed window, and there is a context exactly where one was agreed on.
 */
export function assertCompressed(
  tap: WireTap,
  role: Role,
  agreement: DeflateAgreement,
  contents: readonly Content[],
): void {
  const { messages, faults } = tap.from[role];
  const { bits, forgets } = termsOf(agreement, role);
  const inspector = new DeflateInspector();
  assert.deepEqual(faults, []);
  assert.equal(messages.length, contents.length, `messages of the ${role}`);
  const inspected = messages.map(({ type, compressed, payload }, index) => {
    const expected = contents[index] ?? text('?');
    assert.ok(
      compressed,
      `message ${index} of the ${role}, of ${expected.data.length} octets, is plain`,
    );
    const found = inspector.inspect(payload);
    assertContent({ type, data: found.octets }, expected);
    return found;
  });
  const longest = Math.max(...inspected.map(({ longestDistance }) => longestDistance));
  assert.ok(longest <= 2 ** bits, `the ${role} refers ${longest} octets back in ${bits} bits`);
  const usesContext = inspected.some(({ usesContext }) => usesContext);
  assert.equal(usesContext, !forgets, `whether the ${role} refers to earlier messages`);
}

export function assertBothCompressed(
  pair: TappedPair,
  agreement: DeflateAgreement,
  contents: readonly Content[],
): void {
  assertCompressed(pair.tap, 'client', agreement, contents);
  assertCompressed(pair.tap, 'server', agreement, contents);
}
