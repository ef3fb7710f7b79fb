/** Outputs that remember what was written to them. */
import { Writable } from 'node:stream';
import type { Output } from '#src/terminal.js';

export interface RecordingOutput extends Writable {
  readonly isTTY: boolean;
  readonly columns: number;
  text: string;
}

export function recordingOutput(isTTY: boolean): RecordingOutput {
  const output = new Writable({
    write(chunk: Buffer, _encoding, done) {
      (output as RecordingOutput).text += chunk.toString();
      done();
    },
  });
  return Object.assign(output, { isTTY, columns: 80, text: '' }) satisfies Output;
}
