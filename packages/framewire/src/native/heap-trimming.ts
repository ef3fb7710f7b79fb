/**
 * Has memory that many messages come and go in stay with the process.
 *
 * The allocator of Linux, glibc's, gives what is free at the end of its heap back to the system, from 128
 * KiB on where nothing larger was ever freed. Where messages are large that is so after every collection,
 * and each page that comes back costs more than what is done to its octets. From a block that is freed
 * and was mapped on its own glibc learns to map only what is larger, and to keep twice as much (mallopt(3),
 * M_MMAP_THRESHOLD). So the largest it learns from, on 64 bits, is asked for and dropped, once; nobody
 * touches it, and so it takes no memory. Whoever has set MALLOC_TRIM_THRESHOLD_, or another of the
 * variables that switch the learning off, is heeded; other allocators do not notice.
 */

/** glibc learns from 32 MiB at most, its own header included. */
const BLOCK = 32 * 1024 * 1024 - 64 * 1024;

/** Octets, and the milliseconds in which so many make it worth it: about two collections. */
const MANY = 64 * 1024 * 1024;
const PERIOD = 10_000;

let isLearnt = false;
let octetsLeft = MANY;
let periodEnd = 0;

/** To be told of all memory for messages, in octets. */
export function noteAllocation(octets: number): void {
  if (isLearnt) return;
  const now = performance.now();
  if (now > periodEnd) {
    periodEnd = now + PERIOD;
    octetsLeft = MANY;
  }
  octetsLeft -= octets;
  if (octetsLeft > 0) return;
  isLearnt = true;
  try {
    Buffer.allocUnsafeSlow(BLOCK);
  } catch {
    // So much is not to be had: it is only about speed.
  }
}
