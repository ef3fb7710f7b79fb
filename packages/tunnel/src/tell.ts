/** Functions of the application: what they throw is a warning of the process, and changes nothing. */

export function attempt<Result>(call: () => Result): Result | undefined {
  try {
    return call();
  } catch (mistake) {
    process.emitWarning(mistake instanceof Error ? mistake : String(mistake));
    return undefined;
  }
}

export function tell<Event>(observer: ((event: Event) => void) | undefined, event: Event): void {
  attempt(() => observer?.(event));
}
