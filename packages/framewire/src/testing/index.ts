/** What tests of WebSocket code need, and what the library tests itself with. */
export { hex } from './hex.ts';
export { ManualClock } from './manual-clock.ts';
export { memoryPair } from './memory-pair.ts';
