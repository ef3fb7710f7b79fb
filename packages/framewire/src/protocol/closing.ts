/** RFC 6455 §7.1 — the closing handshake: who has said Close, in which order, and who ends TCP. */
import type { CloseFrame, CloseInfo } from '../errors.ts';
import { CloseCode } from './close-code.ts';
import type { Role } from './opcode.ts';

export type ClosingState = 'open' | 'closeSent' | 'closeReceived' | 'closed';
export type ClosingStep = 'sendClose' | 'receiveClose' | 'fail' | 'transportEnd';

/** §7.1.2–§7.1.7. A missing cell is a bug of ours, not the peer's fault. */
const CLOSING: Readonly<Record<ClosingState, Partial<Record<ClosingStep, ClosingState>>>> = {
  open: {
    sendClose: 'closeSent',
    receiveClose: 'closeReceived',
    fail: 'closed',
    transportEnd: 'closed',
  },
  closeSent: { receiveClose: 'closed', fail: 'closed', transportEnd: 'closed' },
  closeReceived: { sendClose: 'closed', fail: 'closed', transportEnd: 'closed' },
  closed: { transportEnd: 'closed' },
};

/** The rows of the table, for the diagram in the documentation and for tests. */
export function closingSteps(): readonly (readonly [ClosingState, ClosingStep, ClosingState])[] {
  return Object.entries(CLOSING).flatMap(([from, steps]) =>
    Object.entries(steps).map(
      ([step, to]) => [from as ClosingState, step as ClosingStep, to] as const,
    ),
  );
}

export class Closing {
  #state: ClosingState = 'open';
  #received: CloseFrame | undefined;
  #sent: CloseFrame | undefined;
  /** Whose Close came first; undefined when the transport ended before any. */
  #first: 'self' | 'peer' | undefined;
  #error: Error | undefined;

  get state(): ClosingState {
    return this.#state;
  }

  /** No Close was sent or received yet, and nothing failed: data can be sent. */
  get isOpen(): boolean {
    return this.#state === 'open';
  }

  get error(): Error | undefined {
    return this.#error;
  }

  send(frame: CloseFrame): void {
    this.#step('sendClose');
    this.#sent = frame;
    this.#first ??= 'self';
  }

  receive(frame: CloseFrame): void {
    this.#step('receiveClose');
    this.#received = frame;
    this.#first ??= 'peer';
  }

  /** §7.1.7 with the Close that is sent on the way out, if one still can be. */
  fail(error: Error, sent: CloseFrame | undefined): void {
    if (this.#state !== 'closed') this.#step('fail');
    this.#error ??= error;
    if (sent === undefined) return;
    this.#sent = sent;
    this.#first ??= 'self';
  }

  transportEnd(error: Error | undefined): void {
    this.#step('transportEnd');
    if (this.#received === undefined || this.#sent === undefined) this.#error ??= error;
  }

  info(role: Role): CloseInfo {
    const received = this.#received;
    const sent = this.#sent;
    const error = this.#error;
    return {
      code: received?.code ?? CloseCode.abnormalClosure,
      reason: received?.reason ?? '',
      wasClean: received !== undefined && sent !== undefined && error === undefined,
      initiator: this.#initiator(role),
      ...(received !== undefined && { received }),
      ...(sent !== undefined && { sent }),
      ...(error !== undefined && { error }),
    };
  }

  #initiator(role: Role): CloseInfo['initiator'] {
    if (this.#first === undefined) return 'network';
    const peer: Role = role === 'client' ? 'server' : 'client';
    return this.#first === 'self' ? role : peer;
  }

  #step(step: ClosingStep): void {
    const next = CLOSING[this.#state][step];
    if (next === undefined) throw new Error(`${step} is impossible in ${this.#state}`);
    this.#state = next;
  }
}

/** §7.1.1: once both have said Close, the server ends TCP, so that the client's port is not held. */
export function endsTransportFirst(role: Role): boolean {
  return role === 'server';
}
