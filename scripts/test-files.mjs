// Where the tests are. The list starts from the sources, so that what `tsc -b` leaves behind of a
// deleted test does not run, and a test that is not compiled is an error instead of a silence.
import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';

const root = join(import.meta.dirname, '..');

/** The compiled files of the tests with one of `parts` in the path of their source, or of all tests. */
export function testFiles(parts = []) {
  const tests = [
    ...readdirSync(join(root, 'packages')).flatMap((name) =>
      compiled(`packages/${name}/test`, `packages/${name}/.build/test`),
    ),
    ...compiled('examples', 'examples/.build'),
    ...below('scripts', '.test.mjs').map((source) => ({ source, file: source })),
  ].filter(({ source }) => parts.length === 0 || parts.some((part) => source.includes(part)));

  const missing = tests.find(({ file }) => !existsSync(join(root, file)));
  if (missing) throw new Error(`${missing.source} is not compiled: run npm run build first`);
  if (tests.length === 0) throw new Error(`no test has ${parts.join(' or ')} in its path`);
  return tests.map(({ file }) => file);
}

function compiled(sources, output) {
  return below(sources, '.test.ts').map((source) => ({
    source,
    file: source.replace(sources, output).replace(/\.ts$/, '.js'),
  }));
}

function below(folder, ending) {
  if (!existsSync(join(root, folder))) return [];
  return readdirSync(join(root, folder), { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith(ending) && !/(^|\/)(node_modules|\.build)\//.test(name))
    .map((name) => `${folder}/${name}`)
    .sort();
}
