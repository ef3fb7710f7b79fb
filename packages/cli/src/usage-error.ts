/** The command was called in a way that cannot work; the message is for whoever typed it. */
export class UsageError extends Error {
  override readonly name: string = 'UsageError';
}
