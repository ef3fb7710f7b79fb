/** Counts page faults: memory that was given back to the system costs one for each of its pages. */
import assert from 'node:assert/strict';
import { test } from 'node:test';
import { run } from '../connection/child.ts';

const MODULE = import.meta.resolve('#src/native/memory.js');

const MIB = 1024 * 1024;
const BUFFERS = 24;

/** All of the memory of one round. */
const PAGES = (BUFFERS * MIB) / 4096;

/** Memory is asked for, written to, and collected: page faults of each round but the first. */
async function faultsOf(messages: number, env: NodeJS.ProcessEnv): Promise<number[]> {
  const { stdout, stderr } = await run(
    `
      import v8 from 'node:v8';
      import vm from 'node:vm';
      import { copyMessage } from ${JSON.stringify(MODULE)};
      v8.setFlagsFromString('--expose-gc');
      const gc = vm.runInNewContext('gc');
      const collect = async () => {
        for (let time = 0; time < 3; time++) {
          gc();
          await turns(1);
        }
      };
      const message = new Uint8Array(${MIB});
      for (let count = 0; count < ${messages}; count++) copyMessage(message, 0, message.length, false);
      await collect();
      for (let round = 0; round < 5; round++) {
        const before = process.resourceUsage().minorPageFault;
        for (let count = 0; count < ${BUFFERS}; count++) Buffer.allocUnsafeSlow(${MIB}).fill(1);
        await collect();
        if (round > 0) console.log(process.resourceUsage().minorPageFault - before);
      }
    `,
    env,
  );
  assert.equal(stderr, '');
  return stdout.trimEnd().split('\n').map(Number);
}

/** The allocator that this is about, and its own settings. */
function isLearning(): boolean {
  const { header } = process.report.getReport() as { header: Record<string, unknown> };
  const isSet = Object.keys(process.env).some((name) => /^(MALLOC_|GLIBC_TUNABLES)/.test(name));
  return header['glibcVersionRuntime'] !== undefined && !isSet;
}

const options = { skip: isLearning() ? false : 'the allocator is another, or told what to do' };

test('where many large messages have passed, their memory stays', options, async () => {
  for (const faults of await faultsOf(64, {})) assert.ok(faults < PAGES / 4, `${faults}`);
});

test('whoever has said when memory is given back is heeded', options, async () => {
  const faults = await faultsOf(64, { MALLOC_TRIM_THRESHOLD_: '131072' });
  for (const each of faults) assert.ok(each > PAGES / 2, `${each}`);
});

test('where few have passed it goes back to the system, as ever', options, async () => {
  const [first] = await faultsOf(8, {});
  assert.ok(first! > PAGES / 2, `${first}`);
});
