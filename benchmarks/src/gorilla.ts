/** The Go server: built where Go and the source of gorilla/websocket are, and left out elsewhere. */
import { spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';

export interface Executable {
  readonly file: string;
  /** Of the library, and of Go. */
  readonly version: string;
}

const SOURCE = join(import.meta.dirname, '../src/servers/gorilla');
const CACHE = join(import.meta.dirname, '../results/.cache');
const FILE = join(CACHE, 'gorilla');

/** Milliseconds. A first build compiles much of Go's own library. */
const PATIENCE = 300_000;

type Environment = Readonly<Record<string, string>>;

/** Nothing is downloaded: what is in the module cache, or what Debian installs. */
const MODULE: Environment = { GO111MODULE: 'on', GOPROXY: 'off', GOFLAGS: '-mod=readonly' };
const DEBIAN: Environment = { GO111MODULE: 'off', GOPATH: '/usr/share/gocode', GOFLAGS: '' };
const DEBIAN_PACKAGE = 'golang-github-gorilla-websocket-dev';

/** Or why there is none. */
export function buildGorilla(): Executable | string {
  const go = run('go', ['env', 'GOVERSION'], {});
  if (go === undefined) return 'there is no Go';
  mkdirSync(CACHE, { recursive: true });
  if (build(MODULE)) return { file: FILE, version: `${moduleVersion()}, ${go}` };
  if (build(DEBIAN)) return { file: FILE, version: `${debianVersion()}, ${go}` };
  return (
    `neither the package ${DEBIAN_PACKAGE} is here nor the module, ` +
    'which `go mod download` in benchmarks/src/servers/gorilla gets'
  );
}

function build(env: Environment): boolean {
  return run('go', ['build', '-o', FILE, '.'], env) !== undefined;
}

function moduleVersion(): string {
  const dependency = /\tdep\t\S+\t(\S+)/;
  return dependency.exec(run('go', ['version', '-m', FILE], {}) ?? '')?.[1] ?? 'unknown';
}

function debianVersion(): string {
  return run('dpkg-query', ['-W', '-f', '${Version}', DEBIAN_PACKAGE], {}) ?? 'unknown';
}

/** What it says on stdout; undefined when it fails. */
function run(command: string, args: readonly string[], env: Environment): string | undefined {
  const options = { cwd: SOURCE, encoding: 'utf8', timeout: PATIENCE } as const;
  const { status, stdout } = spawnSync(command, args, {
    ...options,
    env: { ...process.env, ...env },
  });
  return status === 0 ? stdout.trim() : undefined;
}
