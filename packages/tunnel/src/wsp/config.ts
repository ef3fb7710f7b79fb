/**
 * The configuration files of wsp, `wsp_server.cfg` and `wsp_client.cfg`, as the options of the two roles.
 * What is given here is an object that somebody has parsed from YAML; a problem names its key, by which
 * whoever parsed it finds the line.
 */
import type { WspAgentOptions } from './agent-options.ts';
import type { WspRelayOptions } from './relay-options.ts';
import { compilePattern, type WspRule } from './rules.ts';
import { isAgentId } from './wire.ts';

export interface WspConfigProblem {
  /** Such as `whitelist[0].url`; empty for the file as a whole. */
  readonly key: string;
  readonly message: string;
}

export interface WspConfig<Options> {
  /** What could be read; not to be used where there are errors. */
  readonly options: Options;
  readonly errors: readonly WspConfigProblem[];
  readonly warnings: readonly WspConfigProblem[];
}

export interface WspRelayConfig extends WspConfig<WspRelayOptions> {
  /** Where to listen. */
  readonly host: string;
  readonly port: number;
}

const RELAY_KEYS = [
  ...['host', 'port', 'timeout', 'idletimeout', 'secretkey', 'whitelist', 'blacklist'],
] as const;
const AGENT_KEYS = [
  ...['id', 'targets', 'poolidlesize', 'poolmaxsize', 'secretkey', 'whitelist', 'blacklist'],
] as const;
const RULE_KEYS = ['method', 'url', 'headers'] as const;

type Values = Readonly<Record<string, unknown>>;

/** Who may call /request: the file has no key for it. */
export type WspRequestAccess = Pick<WspRelayOptions, 'requestToken' | 'openRequests'>;

/**
 * `wsp_server.cfg`, with wsp's defaults, in all but one respect: what wsp serves to everybody is not
 * opened by a file that does not speak of it. /request stays closed, with a warning, unless `access`
 * says who may call it. /register is open where the file has no `secretkey`, as agents of wsp would
 * be locked out otherwise; there is a warning, too.
 */
export function readWspRelayConfig(file: unknown, access: WspRequestAccess = {}): WspRelayConfig {
  const reader = new Reader(file, RELAY_KEYS);
  const host = reader.text('host', '127.0.0.1');
  const port = reader.integer('port', 8080, 0, 65_535);
  const options: WspRelayOptions = {
    timeout: reader.integer('timeout', 1_000, Number.MIN_SAFE_INTEGER),
    idleTimeout: reader.integer('idletimeout', 60_000, 0),
    ...reader.registration(),
    ...reader.requests(access),
    whitelist: reader.rules('whitelist'),
    blacklist: reader.rules('blacklist'),
  };
  const { errors, warnings } = reader;
  return { host, port, options, errors, warnings };
}

/** `wsp_client.cfg`, with wsp's defaults. */
export function readWspAgentConfig(file: unknown): WspConfig<WspAgentOptions> {
  const reader = new Reader(file, AGENT_KEYS);
  const options: WspAgentOptions = {
    id: reader.agentId(),
    targets: reader.targets(),
    poolIdleSize: reader.integer('poolidlesize', 10, 0),
    poolMaxSize: reader.integer('poolmaxsize', 100, 1),
    secretKey: reader.text('secretkey', ''),
    whitelist: reader.rules('whitelist'),
    blacklist: reader.rules('blacklist'),
  };
  const { errors, warnings } = reader;
  return { options, errors, warnings };
}

class Reader {
  readonly #values: Values;
  readonly errors: WspConfigProblem[] = [];
  readonly warnings: WspConfigProblem[] = [];

  constructor(file: unknown, keys: readonly string[]) {
    // An empty file is null in YAML, and all defaults in wsp.
    const given = file ?? {};
    this.#values = isObject(given) ? given : {};
    if (!isObject(given)) this.#fail('', 'the file has to consist of keys and values');
    this.#warnOfUnknown(this.#values, keys, '');
  }

  text(key: string, otherwise: string): string {
    const value = this.#values[key] ?? otherwise;
    // YAML reads `secretkey: 1234` as a number, and wsp as the text that it is.
    if (typeof value === 'number' && Number.isSafeInteger(value)) return String(value);
    if (typeof value === 'string') return value;
    return this.#fail(key, `has to be a text, and is ${kindOf(value)}`) ?? otherwise;
  }

  integer(key: string, otherwise: number, least: number, most: number = Infinity): number {
    const value = this.#values[key] ?? otherwise;
    if (typeof value !== 'number' || !Number.isSafeInteger(value)) {
      return this.#fail(key, `has to be a whole number, and is ${kindOf(value)}`) ?? otherwise;
    }
    if (value >= least && value <= most) return value;
    const bounds = most === Infinity ? `at least ${least}` : `from ${least} to ${most}`;
    return this.#fail(key, `has to be ${bounds}, and is ${value}`) ?? otherwise;
  }

  /** A secret that cannot be read is no open door. */
  registration(): Pick<WspRelayOptions, 'secretKey' | 'openRegistration'> {
    const secretKey = this.text('secretkey', '');
    if (secretKey !== '' || this.errors.some(({ key }) => key === 'secretkey')) {
      return { secretKey };
    }
    this.warnings.push({
      key: 'secretkey',
      message: 'is not there, or empty: whoever reaches the port may be an agent, as with wsp',
    });
    return { openRegistration: true };
  }

  requests(access: WspRequestAccess): WspRequestAccess {
    const { requestToken = '', openRequests = false } = access;
    if (openRequests || requestToken.length > 0) return access;
    this.warnings.push({
      key: '',
      message:
        'wsp lets everybody call /request, and here it is closed: ' +
        'set the option requestToken, or openRequests',
    });
    return {};
  }

  agentId(): string | undefined {
    const id = this.text('id', '');
    if (id === '') return undefined;
    if (!isAgentId(id)) this.#fail('id', "has to be visible ASCII without '_'");
    return id;
  }

  targets(): readonly string[] {
    const targets = this.#values['targets'] ?? ['ws://127.0.0.1:8080/register'];
    if (!Array.isArray(targets) || targets.length === 0) {
      this.#fail('targets', `has to be a list of URLs, and is ${kindOf(targets)}`);
      return [];
    }
    for (const [index, target] of (targets as unknown[]).entries()) {
      if (typeof target === 'string' && /^wss?:\/\//i.test(target) && URL.canParse(target))
        continue;
      this.#fail(`targets[${index}]`, 'has to be a URL that begins with ws:// or wss://');
    }
    return targets as string[];
  }

  rules(key: 'whitelist' | 'blacklist'): readonly WspRule[] {
    const rules = this.#values[key] ?? [];
    if (!Array.isArray(rules)) {
      this.#fail(key, `has to be a list of rules, and is ${kindOf(rules)}`);
      return [];
    }
    return (rules as unknown[]).map((rule, index) => this.#rule(rule, `${key}[${index}]`));
  }

  #rule(rule: unknown, key: string): WspRule {
    if (!isObject(rule)) {
      this.#fail(key, `has to have method, url or headers, and is ${kindOf(rule)}`);
      return {};
    }
    this.#warnOfUnknown(rule, RULE_KEYS, `${key}.`);
    const { method, url, headers } = rule;
    const given = headers ?? {};
    if (!isObject(given)) this.#fail(`${key}.headers`, `has to map names, and is ${kindOf(given)}`);
    const patterns = Object.entries(isObject(given) ? given : {}).map(
      ([name, pattern]) => [name, this.#pattern(pattern, `${key}.headers.${name}`)] as const,
    );
    return {
      method: this.#pattern(method, `${key}.method`),
      url: this.#pattern(url, `${key}.url`),
      headers: Object.fromEntries(
        patterns.flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])),
      ),
    };
  }

  #pattern(value: unknown, key: string): string | undefined {
    // In wsp an empty pattern is none.
    if (value === undefined || value === null || value === '') return undefined;
    if (typeof value !== 'string') {
      return this.#fail(key, `has to be a pattern, and is ${kindOf(value)}`);
    }
    try {
      compilePattern(value, key, false);
    } catch (error) {
      return this.#fail(key, (error as Error).message);
    }
    return value;
  }

  #warnOfUnknown(values: Values, known: readonly string[], prefix: string): void {
    for (const key of Object.keys(values)) {
      if (known.includes(key)) continue;
      const nearest = nearestOf(key, known);
      const hint = nearest === undefined ? '' : `; did you mean ${nearest}?`;
      this.warnings.push({ key: `${prefix}${key}`, message: `is not known, and ignored${hint}` });
    }
  }

  #fail(key: string, message: string): undefined {
    this.errors.push({ key, message });
    return undefined;
  }
}

function isObject(value: unknown): value is Values {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Never the value: it may be a secret. */
function kindOf(value: unknown): string {
  if (Array.isArray(value)) return value.length === 0 ? 'an empty list' : 'a list';
  if (value === null) return 'nothing';
  return typeof value === 'object' ? 'a map' : `a ${typeof value}`;
}

/** The known key that is meant, where one is close enough to be it. */
function nearestOf(key: string, known: readonly string[]): string | undefined {
  const asked = key.toLowerCase().replace(/[-_]/g, '').slice(0, 64);
  const distances = known.map((name) => ({ name, distance: editDistance(asked, name) }));
  const [nearest] = distances.sort((one, other) => one.distance - other.distance);
  return nearest !== undefined && nearest.distance <= 4 ? nearest.name : undefined;
}

/** Levenshtein's: insertions, deletions and replacements, each for one. */
function editDistance(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (const [at, character] of Array.from(from).entries()) {
    const next = [at + 1];
    for (let index = 1; index <= to.length; index++) {
      const replaced = (row[index - 1] ?? 0) + (to[index - 1] === character ? 0 : 1);
      next.push(Math.min((row[index] ?? 0) + 1, (next[index - 1] ?? 0) + 1, replaced));
    }
    row = next;
  }
  return row[to.length] ?? 0;
}
