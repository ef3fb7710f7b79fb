import { test } from 'node:test';
import { echo } from './volume.ts';

const skip = process.env['TUNNEL_LONG'] === '1' ? false : 'npm run test:long runs it';

test('1 GB passes in both directions at once, and none of it is kept', { skip }, async (t) => {
  await echo(t, 1024 * 1024 * 1024);
});
