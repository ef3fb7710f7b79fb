/** Which tunnel a request is for: by its host, or by the beginning of its path. */
import { invalidArgument, TunnelError } from '../errors.ts';
import { isName } from '../registration.ts';
import { isLabel, parseAuthority, targetOf, type HostedRequest, type Target } from './host.ts';

export interface PathRule {
  /** Such as `/app`, which is also the beginning of `/app/x`, not of `/apple`. */
  readonly prefix: string;
  /** The tunnel, in lower case. Without it, it is the segment after the prefix: `/t/<name>/…` for `/t`. */
  readonly name?: string;
  /** Whether the prefix, and the name after it, is taken off the path. Default true. */
  readonly strips?: boolean;
}

export interface RoutingOptions {
  /** Domains with a tunnel for each label: `demo.tunnel.example` is `demo`. Default none. */
  readonly domains?: readonly string[];
  /**
   * Tunnels of other hosts. `*.example.com` is any host below, however deep; the longest rule
   * counts. Default none.
   */
  readonly hosts?: Readonly<Record<string, string>>;
  /** For hosts that are none of these; the longest prefix counts. Default none. */
  readonly paths?: readonly PathRule[];
}

export interface Route {
  readonly name: string;
  /** What to ask the target for, in origin-form. */
  readonly path: string;
  /** What was taken off the path, without a slash at its end; the empty string if nothing was. */
  readonly prefix: string;
  /** Host and perhaps port, as the caller said it. */
  readonly authority: string;
}

/** A TunnelError is ERR_TUNNEL_BAD_REQUEST, or ERR_TUNNEL_NO_ROUTE. */
export type Router = (request: HostedRequest) => Route | TunnelError;

/** Throws a TypeError that names the option for what no host, name or prefix is. */
export function createRouter({ domains = [], hosts = {}, paths = [] }: RoutingOptions): Router {
  const exact = new Map<string, string>();
  const wildcards = new Map<string, string>();
  for (const [pattern, name] of Object.entries(hosts)) {
    const isWildcard = pattern.startsWith('*.');
    const host = requireHost('hosts', isWildcard ? pattern.slice(2) : pattern);
    (isWildcard ? wildcards : exact).set(host, requireName('hosts', name));
  }
  const suffixes = new Set(domains.map((domain) => requireHost('domains', domain)));
  const rules = paths.map(resolveRule).sort((a, b) => b.prefix.length - a.prefix.length);
  const nameOf = (host: string): string | undefined =>
    exact.get(host) ?? ofDomain(host, suffixes) ?? ofWildcard(host, wildcards);

  return (request) => {
    const target = targetOf(request);
    if (target instanceof TunnelError) return target;
    const { host, authority, path } = target;
    const name = host === '' ? undefined : nameOf(host);
    if (name !== undefined) return { name, path, prefix: '', authority };
    return byPath(target, rules) ?? new TunnelError('ERR_TUNNEL_NO_ROUTE', host);
  };
}

/** One label, and no more, before the domain. */
function ofDomain(host: string, domains: ReadonlySet<string>): string | undefined {
  const dot = host.indexOf('.');
  if (dot === -1 || !domains.has(host.slice(dot + 1))) return undefined;
  return host.slice(0, dot);
}

function ofWildcard(host: string, wildcards: ReadonlyMap<string, string>): string | undefined {
  if (wildcards.size === 0) return undefined;
  for (let dot = host.indexOf('.'); dot !== -1; dot = host.indexOf('.', dot + 1)) {
    const name = wildcards.get(host.slice(dot + 1));
    if (name !== undefined) return name;
  }
  return undefined;
}

interface ResolvedRule {
  /** Without a slash at its end: the empty string for `/`. */
  readonly prefix: string;
  readonly name: string | undefined;
  readonly strips: boolean;
}

function byPath({ path, authority }: Target, rules: readonly ResolvedRule[]): Route | undefined {
  for (const { prefix, name, strips } of rules) {
    if (!isBelow(path, prefix)) continue;
    const end = name === undefined ? endOfSegment(path, prefix.length + 1) : prefix.length;
    const found = name ?? path.slice(prefix.length + 1, end);
    // Names are not decoded: there is one spelling of each, in lower case.
    if (name === undefined && !isLabel(found)) continue;
    if (!strips) return { name: found, path, prefix: '', authority };
    const rest = path.slice(end);
    const isWhole = rest.startsWith('/');
    return {
      name: found,
      path: isWhole ? rest : `/${rest}`,
      prefix: path.slice(0, end),
      authority,
    };
  }
  return undefined;
}

/** A prefix ends where a segment does. */
function isBelow(path: string, prefix: string): boolean {
  if (!path.startsWith(prefix)) return false;
  const next = path.charAt(prefix.length);
  return next === '/' || next === '?' || (next === '' && prefix !== '');
}

function endOfSegment(path: string, start: number): number {
  const end = path.slice(start).search(/[/?]/);
  return end === -1 ? path.length : start + end;
}

function requireHost(option: string, text: string): string {
  const { host, port } = parseAuthority(text) ?? {};
  if (host === undefined || port !== undefined)
    throw invalidArgument(`${option}: ${JSON.stringify(text)} is no host`);
  return host;
}

/** No agent can have another one, so that the rule would never lead anywhere. */
function requireName(option: string, name: string): string {
  if (!isName(name)) throw invalidArgument(`${option}: ${JSON.stringify(name)} is no name`);
  return name;
}

function resolveRule({ prefix, name, strips = true }: PathRule): ResolvedRule {
  if (!/^\/[!"$->@-~]*$/.test(prefix)) {
    throw invalidArgument(`paths: ${JSON.stringify(prefix)} is no prefix of a path`);
  }
  if (name !== undefined) requireName('paths', name);
  return { prefix: prefix.replace(/\/+$/, ''), name, strips };
}
