// Holds the public surface of the libraries against packages/*/api/*.api.md, one report per entry:
// fails when they differ, or writes them with `--update`. What changes there changes for users.
import * as extractor from '@microsoft/api-extractor';
import { spawnSync } from 'node:child_process';
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';

const PACKAGES = {
  framewire: { index: 'index', protocol: 'protocol/index', testing: 'testing/index' },
  tunnel: { index: 'index' },
};
const { None: silent, Error: loud } = extractor.ExtractorLogLevel;

const localBuild = process.argv.includes('--update');

for (const [name, entries] of Object.entries(PACKAGES)) {
  const folder = join(import.meta.dirname, '../packages', name);
  mkdirSync(join(folder, 'api'), { recursive: true });
  for (const [entry, path] of Object.entries(entries)) report(folder, name, entry, path);
}

function report(folder, name, entry, path) {
  const config = configure(folder, `${entry}.api.md`, join(folder, `dist/${path}.d.ts`));
  const result = extractor.Extractor.invoke(config, { localBuild, messageCallback: hush });
  const stale = result.apiReportChanged && !localBuild;
  const state = stale ? 'is out of date, see npm run api:update' : 'is up to date';
  console.log(`${name}/${entry}.api.md ${state}`);
  if (stale || result.errorCount > 0) process.exitCode = 1;
  const files = ['api', '.build/api'].map((place) => `${place}/${entry}.api.md`);
  if (stale) spawnSync('git', ['diff', '--no-index', ...files], { cwd: folder, stdio: 'inherit' });
}

function configure(folder, reportFileName, declarations) {
  const compilerOptions = {
    ...{ target: 'es2023', lib: ['es2023', 'esnext.disposable'], types: ['node'] },
    ...{ module: 'nodenext', strict: true, rootDir: folder },
  };
  return extractor.ExtractorConfig.prepare({
    packageJsonFullPath: join(folder, 'package.json'),
    configObjectFullPath: undefined,
    configObject: {
      projectFolder: folder,
      mainEntryPointFilePath: declarations,
      compiler: { overrideTsconfig: { compilerOptions, files: [declarations] } },
      apiReport: {
        ...{ enabled: true, reportFileName, reportFolder: '<projectFolder>/api' },
        reportTempFolder: '<projectFolder>/.build/api',
      },
      docModel: { enabled: false },
      dtsRollup: { enabled: false },
      newlineKind: 'lf',
      messages: {
        compilerMessageReporting: { default: { logLevel: loud } },
        extractorMessageReporting: {
          default: { logLevel: silent },
          // A type that users meet but cannot name stays visible in the report.
          'ae-forgotten-export': { logLevel: silent, addToApiReportFile: true },
        },
      },
    },
  });
}

function hush(message) {
  if (message.category === extractor.ExtractorMessageCategory.Console) message.logLevel = silent;
}
