/** Piped input as messages: one line, one message, whatever the slicing. */
import type { Readable } from 'node:stream';
import { StringDecoder } from 'node:string_decoder';

/**
 * The lines of a stream of UTF-8. Only `\n` ends a line and one `\r` before it belongs to the end:
 * U+2028, a form feed or a lone `\r` are part of a message. A last line without an end counts, an
 * empty rest does not. Aborting the signal ends the iteration and destroys the stream.
 */
export async function* linesOf(stream: Readable, signal: AbortSignal): AsyncGenerator<string> {
  if (signal.aborted) return;
  const decoder = new StringDecoder('utf8');
  const stop = (): unknown => stream.destroy();
  signal.addEventListener('abort', stop, { once: true });
  let rest = '';
  try {
    for await (const chunk of stream as AsyncIterable<Buffer | string>) {
      const text = typeof chunk === 'string' ? chunk : decoder.write(chunk);
      const lines = text.split('\n');
      lines[0] = `${rest}${lines[0] ?? ''}`;
      rest = lines.pop() ?? '';
      for (const line of lines) yield withoutReturn(line);
    }
    rest += decoder.end();
    if (rest !== '') yield withoutReturn(rest);
  } catch (error) {
    // Destroying a stream makes its iteration throw; that is the end that was asked for.
    if (!signal.aborted) throw error;
  } finally {
    signal.removeEventListener('abort', stop);
  }
}

function withoutReturn(line: string): string {
  return line.endsWith('\r') ? line.slice(0, -1) : line;
}
