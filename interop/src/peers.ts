/** The peers: what each one can do, which tools it takes, and how to start it. */
import { access, constants, readFile } from 'node:fs/promises';
import { execFile } from 'node:child_process';
import { createRequire } from 'node:module';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { AgentEndpoint } from './agent-endpoint.ts';
import { ChromiumEndpoint } from './chromium-endpoint.ts';
import type { Ability, Endpoint } from './endpoint.ts';

const execute = promisify(execFile);

/** The folder of this workspace. */
export const HOME: string = dirname(dirname(fileURLToPath(import.meta.url)));
const BUILD = join(HOME, '.build');
const GO_SOURCES = '/usr/share/gocode';

/** A tool is not there; the message names where it comes from. */
export class MissingTool extends Error {}

export interface Peer {
  readonly name: string;
  /** Checks that the tools are there, builds what has to be built; rejects with `MissingTool`. */
  readonly prepare: () => Promise<void>;
  /** The version of the implementation, once prepared. */
  readonly version: () => Promise<string>;
  readonly start: () => Promise<Endpoint>;
}

const EVERYTHING: readonly Ability[] = [
  'listens',
  'sets headers',
  'sets its origin',
  'sees the status of a refusal',
  'does without a common subprotocol',
  'sends fragments',
  'reassembles fragments',
  'sends pings',
  'sees pings',
  'sees pongs',
  'has close codes',
  'closes without a code',
  'limits messages',
  'sends invalid text',
  'drops the transport',
  'can be killed',
  'speaks TLS',
  'offers compression',
  'compresses',
  'keeps a context',
  'asks for deflate parameters',
  'takes deflate parameters',
  'chooses a window of 8 bits',
  'can do without compression',
  'chooses what to compress',
];

function allBut(...lacks: readonly Ability[]): Ability[] {
  return EVERYTHING.filter((ability) => !lacks.includes(ability));
}

async function firstInPath(name: string): Promise<string | undefined> {
  for (const folder of (process.env['PATH'] ?? '').split(delimiter)) {
    const path = join(folder, name);
    if (await isThere(path, constants.X_OK)) return path;
  }
  return undefined;
}

/** By default, whether it can be read. */
export function isThere(path: string, mode: number = constants.R_OK): Promise<boolean> {
  return access(path, mode).then(
    () => true,
    () => false,
  );
}

/** Builds a program of `peers/go` from what Debian has of Go; returns where it is. */
export async function buildGo(
  program: string,
  library: string,
  debianPackage: string,
): Promise<string> {
  const go = await firstInPath('go');
  if (go === undefined) throw new MissingTool('no Go compiler: Debian package golang-go');
  if (!(await isThere(join(GO_SOURCES, 'src', library)))) {
    throw new MissingTool(`no ${library}: Debian package ${debianPackage}`);
  }
  const env = {
    ...process.env,
    GO111MODULE: 'off',
    GOPATH: [join(HOME, 'peers', 'go'), GO_SOURCES].join(delimiter),
    GOCACHE: join(BUILD, 'go-cache'),
    GOFLAGS: '',
  };
  const path = join(BUILD, program);
  await execute(go, ['build', '-o', path, program], { env, cwd: HOME, timeout: 120_000 });
  return path;
}

/** The installed version of a Debian package. */
export async function debianVersion(name: string): Promise<string> {
  const args = ['--show', '--showformat', '${Version}', name];
  const found = await execute('dpkg-query', args).catch(() => ({ stdout: 'unknown version' }));
  return found.stdout;
}

function goPeer(name: string, library: string, debian: string, lacks: readonly Ability[]): Peer {
  const own: readonly Ability[] =
    name === 'xnet'
      ? ['has a JSON codec', 'closes with 1000 only']
      : ['ignores deflate parameters'];
  const program = {
    name,
    command: join(BUILD, name),
    args: [],
    abilities: [...allBut(...lacks), ...own],
    needsOrigin: name === 'xnet',
  };
  return {
    name,
    prepare: async () => void (await buildGo(name, library, debian)),
    version: () => debianVersion(debian),
    start: () => Promise.resolve(new AgentEndpoint(program)),
  };
}

/** Whether this process has been told to use only what Node documents of zlib. */
const isDocumentedApi = process.env['FRAMEWIRE_DOCUMENTED_API'] === '1';

const PYTHON = '/usr/bin/python3';

const python: Peer = {
  name: 'python',
  prepare: async () => {
    const test = execute(PYTHON, ['-c', 'import websockets.legacy.server']);
    await test.catch(() => {
      throw new MissingTool(
        'no websockets for /usr/bin/python3: Debian package python3-websockets',
      );
    });
  },
  version: () => debianVersion('python3-websockets'),
  start: () =>
    Promise.resolve(
      new AgentEndpoint({
        name: 'python',
        command: PYTHON,
        args: ['-u', join(HOME, 'peers', 'python', 'agent.py')],
        // zlib has no raw deflate with a window of 8 bits, and the library does not make it 9.
        abilities: allBut('chooses a window of 8 bits', 'chooses what to compress'),
      }),
    ),
};

const ws: Peer = {
  name: 'ws',
  prepare: () => Promise.resolve(),
  version: async () => {
    const path = createRequire(import.meta.url).resolve('ws/package.json');
    const manifest: { version: string } = JSON.parse(await readFile(path, 'utf8'));
    return manifest.version;
  },
  start: () =>
    Promise.resolve(
      new AgentEndpoint({
        name: 'ws',
        command: process.execPath,
        args: [join(HOME, 'dist', 'ws-agent.js')],
        abilities: [...allBut('does without a common subprotocol'), 'plays the matrix'],
      }),
    ),
};

/** framewire in a process that uses zlib in the other one of its two ways. */
const framewire: Peer = {
  name: 'framewire',
  prepare: () => Promise.resolve(),
  version: () => Promise.resolve(isDocumentedApi ? 'with handles' : 'on the documented API'),
  start: () =>
    Promise.resolve(
      new AgentEndpoint({
        name: 'framewire',
        command: process.execPath,
        args: [join(HOME, 'dist', 'framewire-agent.js')],
        abilities: [
          ...allBut(
            'does without a common subprotocol',
            'sends invalid text',
            'offers compression',
          ),
          'plays the matrix',
        ],
        env: { FRAMEWIRE_DOCUMENTED_API: isDocumentedApi ? '0' : '1' },
      }),
    ),
};

/** The browser's binary. */
export const CHROMIUM: string = process.env['CHROMIUM'] ?? '/usr/bin/chromium';

export const chromium: Peer = {
  name: 'chromium',
  prepare: async () => {
    if (await isThere(CHROMIUM, constants.X_OK)) return;
    throw new MissingTool(`no ${CHROMIUM}: Debian package chromium, or set CHROMIUM`);
  },
  version: async () => (await execute(CHROMIUM, ['--version'])).stdout.trim(),
  start: () => ChromiumEndpoint.start(CHROMIUM),
};

export const PEERS: readonly Peer[] = [
  goPeer('gorilla', 'github.com/gorilla/websocket', 'golang-github-gorilla-websocket-dev', [
    'keeps a context',
    'asks for deflate parameters',
    'takes deflate parameters',
    'chooses a window of 8 bits',
  ]),
  goPeer('xnet', 'golang.org/x/net/websocket', 'golang-golang-x-net-dev', [
    'sees the status of a refusal',
    'does without a common subprotocol',
    'sends fragments',
    'reassembles fragments',
    'sees pings',
    'sees pongs',
    'has close codes',
    'closes without a code',
    'limits messages',
    'speaks TLS',
    'offers compression',
    'compresses',
    'keeps a context',
    'asks for deflate parameters',
    'takes deflate parameters',
    'chooses a window of 8 bits',
    'chooses what to compress',
  ]),
  python,
  ws,
  framewire,
  chromium,
];
