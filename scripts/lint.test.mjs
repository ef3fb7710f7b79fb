// Proves that the rules of .oxlintrc.json fire. A layer rule that silently stops matching would look
// like a clean tree, so every rule is held against a small file that breaks it.
import { spawnSync } from 'node:child_process';
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { test } from 'node:test';
import assert from 'node:assert/strict';

const root = join(import.meta.dirname, '..');
const source = 'packages/framewire/src';

/** What each place may import and, as far as it is a mistake somebody could make, what it may not. */
const layers = [
  {
    file: `${source}/errors.ts`,
    may: [],
    mayNot: ['./protocol/frame.ts', './connection/inbox.ts', 'commander'],
  },
  {
    file: `${source}/diagnostics.ts`,
    may: ['./errors.ts', 'node:diagnostics_channel'],
    mayNot: ['./connection/inbox.ts', './protocol/frame.ts'],
  },
  {
    file: `${source}/protocol/opcode.ts`,
    may: ['./frame.ts', '../errors.ts'],
    mayNot: [
      'node:buffer',
      'node:crypto',
      'buffer',
      '../diagnostics.ts',
      '../index.ts',
      '../handshake/origin.ts',
      '../connection/inbox.ts',
      './../connection/inbox.ts',
      '../client/connect.ts',
      '../server/server.ts',
      '../testing/hex.ts',
      'framewire',
      '#src/errors.js',
    ],
  },
  {
    file: `${source}/handshake/origin.ts`,
    may: ['./accept-key.ts', '../errors.ts'],
    mayNot: [
      'node:crypto',
      'node:http',
      '../protocol/frame.ts',
      '../connection/inbox.ts',
      '../client/connect.ts',
      '../server/server.ts',
      '../testing/hex.ts',
    ],
  },
  {
    file: `${source}/handshake/accept-key.ts`,
    may: ['node:crypto', './origin.ts', '../errors.ts'],
    mayNot: ['node:http', '../protocol/frame.ts', '../connection/inbox.ts'],
  },
  {
    file: `${source}/handshake/latin1.ts`,
    may: ['node:buffer'],
    mayNot: ['node:crypto', './origin.ts', '../protocol/frame.ts'],
  },
  {
    file: `${source}/connection/connection.ts`,
    may: [
      './inbox.ts',
      '../errors.ts',
      '../diagnostics.ts',
      '../protocol/frame.ts',
      '../handshake/origin.ts',
      'node:stream/web',
    ],
    mayNot: [
      '../client/connect.ts',
      '../server/server.ts',
      '../testing/hex.ts',
      '../index.ts',
      'commander',
      'framewire',
    ],
  },
  {
    file: `${source}/client/dial.ts`,
    may: [
      './connect.ts',
      '../errors.ts',
      '../diagnostics.ts',
      '../protocol/frame.ts',
      '../handshake/origin.ts',
      '../connection/inbox.ts',
      'node:tls',
    ],
    mayNot: ['../server/server.ts', '../testing/hex.ts', '../index.ts', 'ws'],
  },
  {
    file: `${source}/server/shutdown.ts`,
    may: [
      './server.ts',
      '../errors.ts',
      '../diagnostics.ts',
      '../protocol/frame.ts',
      '../handshake/origin.ts',
      '../connection/inbox.ts',
      'node:http',
    ],
    mayNot: ['../client/connect.ts', '../testing/hex.ts', '../index.ts', 'ws'],
  },
  {
    file: `${source}/testing/index.ts`,
    may: [
      './hex.ts',
      '../errors.ts',
      '../protocol/frame.ts',
      '../connection/inbox.ts',
      'node:stream',
    ],
    mayNot: ['../index.ts', 'framewire', 'fast-check'],
  },
  {
    file: `${source}/index.ts`,
    may: ['./errors.ts', './protocol/frame.ts', './client/connect.ts', './server/server.ts'],
    mayNot: ['./testing/hex.ts', 'node:http', 'commander'],
  },
  {
    file: 'packages/tunnel/src/mux/frame.ts',
    may: ['./flow-control.ts', '../errors.ts'],
    mayNot: ['node:buffer', './session.ts', './stream.ts', 'framewire', '../clock.ts'],
  },
  ...['packages/cli/src/echo.ts', 'packages/cli/test/echo.test.ts', 'examples/echo.ts'].map(
    (file) => ({
      file,
      may: ['framewire', 'framewire/protocol', 'framewire/testing', './other.ts', 'node:http'],
      mayNot: [
        'framewire/dist/index.js',
        'framewire/src/index.ts',
        'framewire/connection',
        'framewire/dist/protocol/frame.js',
        '../../framewire/src/index.ts',
        '../packages/framewire/src/index.ts',
        '../../framewire',
      ],
    }),
  ),
];

/** Every way to depend on each of the named modules, one line each. */
const write = (names, prefix) =>
  names.flatMap((name, index) => [
    `import { ${prefix}${index} } from '${name}';`,
    `import type { ${prefix}Type${index} } from '${name}';`,
    `export * from '${name}';`,
    `await import('${name}');`,
  ]);

const impure = [
  'Buffer.alloc(1);',
  'process.cwd();',
  'globalThis.process.cwd();',
  'setTimeout(Date.now, 1);',
  'performance.now();',
];

/** One mistake per rule, each in a file of its own. */
const mistakes = {
  'import(no-default-export)': 'export default 1;',
  'typescript(no-explicit-any)': 'export const value: any = 1;',
  'typescript(consistent-type-imports)':
    "import { Duplex } from 'node:stream'; export type X = Duplex;",
  'typescript(no-floating-promises)': 'async function work() {} work();',
  'typescript(switch-exhaustiveness-check)':
    "export function f(x: 'a' | 'b') { switch (x) { case 'a': return; } }",
  'eslint(no-console)': 'console.log(1);',
  'eslint(no-else-return)': 'export function f(x: boolean) { if (x) return 1; else return 2; }',
  'eslint(eqeqeq)': 'export const f = (x: unknown): boolean => x == 1;',
};

const files = new Map();
for (const { file, may, mayNot } of layers)
  files.set(file, [...write(may, 'may'), ...write(mayNot, 'mayNot')]);
for (const layer of ['protocol', 'handshake'])
  files.set(`${source}/${layer}/world.ts`, [...impure, 'export type Octets = Buffer;']);
for (const [index, text] of Object.values(mistakes).entries())
  files.set(`${source}/connection/mistake-${index}.ts`, [text]);
files.set(`${source}/connection/void.ts`, ['async function work() {}', 'void work();']);
files.set(`${source}/connection/a.ts`, ["import { b } from './b.ts';", 'export const a = b;']);
files.set(`${source}/connection/b.ts`, ["import { a } from './a.ts';", 'export const b = a;']);

const findings = lint();

/** Lints all files at once, in a tree of their own with copies of the configuration at its top. */
function lint() {
  const tree = mkdtempSync(join(root, '.lint-fixtures-'));
  try {
    copyFileSync(join(root, '.oxlintrc.json'), join(tree, '.oxlintrc.json'));
    copyFileSync(join(root, 'tsconfig.base.json'), join(tree, 'tsconfig.json'));
    for (const [file, lines] of files) {
      mkdirSync(dirname(join(tree, file)), { recursive: true });
      writeFileSync(join(tree, file), `${lines.join('\n')}\n`);
    }
    const oxlint = join(root, 'node_modules/oxlint/bin/oxlint');
    const options = { cwd: tree, encoding: 'utf8', maxBuffer: 64 * 1024 * 1024 };
    const result = spawnSync(process.execPath, [oxlint, '-f', 'json'], options);
    assert.equal(result.status, 1, result.stderr);
    return JSON.parse(result.stdout).diagnostics;
  } finally {
    rmSync(tree, { recursive: true });
  }
}

/** The lines of a file that a rule reports, in their order. */
function reported(file, rule) {
  const lines = files.get(file);
  const numbers = findings
    .filter((finding) => finding.filename === file && finding.code === rule)
    .map((finding) => finding.labels[0].span.line);
  return [...new Set(numbers)].sort((a, b) => a - b).map((number) => lines[number - 1]);
}

for (const { file, may, mayNot } of layers)
  test(`${file} may import ${may.join(', ') || 'nothing'}`, () => {
    assert.deepEqual(reported(file, 'eslint(no-restricted-imports)'), write(mayNot, 'mayNot'));
  });

for (const layer of ['protocol', 'handshake'])
  test(`${layer} uses neither clock nor process nor Buffer`, () => {
    const file = `${source}/${layer}/world.ts`;
    assert.deepEqual(reported(file, 'eslint(no-restricted-globals)'), impure);
    assert.equal(reported(file, 'typescript(no-restricted-types)').length, 1);
  });

for (const [index, [rule, text]] of Object.entries(mistakes).entries())
  test(`${rule} is an error`, () => {
    assert.deepEqual(reported(`${source}/connection/mistake-${index}.ts`, rule), [text]);
  });

test('a promise may be left alone with `void`', () => {
  assert.deepEqual(
    reported(`${source}/connection/void.ts`, 'typescript(no-floating-promises)'),
    [],
  );
});

test('two files may not import each other', () => {
  assert.equal(reported(`${source}/connection/a.ts`, 'import(no-cycle)').length, 1);
});
