/** Who may call: the route, the policy of its name, an agent that serves it, and the rate. */
import type { IncomingMessage } from 'node:http';
import { TunnelError } from '../errors.ts';
import type { AnswerErrorOptions } from '../http/answer-error.ts';
import type { AccessResult } from './access.ts';
import type { AgentSession } from './agent-session.ts';
import { addressOf } from './caller-facts.ts';
import type { Registry } from './registry.ts';
import type { RelaySettings } from './relay-options.ts';
import type { Route } from './routing.ts';

/** What a request, or a stream, is let in with. */
export interface Place {
  readonly session: AgentSession;
  /** Gives the place back; only the first call counts. */
  readonly release: () => void;
}

export interface Admitted extends Place {
  readonly route: Route;
  readonly user: string | undefined;
  readonly usedAuthorization: boolean;
}

export interface Refused {
  readonly error: TunnelError;
  readonly route?: Route | undefined;
  readonly options?: AnswerErrorOptions | undefined;
}

/** A promise only where a password is verified for the first time; it never rejects. */
export function admitRequest(
  request: IncomingMessage,
  registry: Registry,
  settings: RelaySettings,
): Admitted | Refused | Promise<Admitted | Refused> {
  const route = settings.router(request);
  if (route instanceof TunnelError) return { error: route };
  const decide = (access: AccessResult | undefined): Admitted | Refused => {
    if (access?.isAllowed === false) {
      return { error: access.error, route, options: { fields: access.fields } };
    }
    const place = takePlace(route.name, registry, settings);
    if ('error' in place) return { ...place, route };
    const { session, release } = place;
    const { user, usedAuthorization = false } = access ?? {};
    // Spread, it would cost as much as all the rest of this.
    return { session, release, route, user, usedAuthorization };
  };
  const access = settings.accessOf(route.name)?.check({
    address: addressOf(request, settings.trustedProxies),
    authorization: request.headers.authorization,
  });
  if (!(access instanceof Promise)) return decide(access);
  return access.then(decide, (cause: unknown) => {
    return { error: new TunnelError('ERR_TUNNEL_FORBIDDEN', '', { cause }), route };
  });
}

/**
 * A stream that is no HTTP shows no credentials: where the name asks for some it is refused, however it
 * was let in at its port. Lists of addresses and rates count as for requests.
 */
export function admitStream(
  name: string,
  address: string | undefined,
  registry: Registry,
  settings: RelaySettings,
): Place | Refused {
  const access = settings.accessOf(name)?.check({ address, authorization: undefined });
  if (access instanceof Promise) return { error: new TunnelError('ERR_TUNNEL_UNAUTHORIZED') };
  if (access?.isAllowed === false) return { error: access.error };
  return takePlace(name, registry, settings);
}

function takePlace(
  name: string,
  registry: Registry,
  { rateLimit, clock }: RelaySettings,
): Place | Refused {
  const session = registry.pick(name, clock.now());
  if (session instanceof TunnelError) return { error: session };
  const admission = rateLimit.admit(name);
  if (admission.isAdmitted) return { session, release: admission.release };
  return { error: admission.error, options: { retryAfter: admission.retryAfter } };
}
