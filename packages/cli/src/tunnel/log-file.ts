/** The section `log` of both configuration files. */
import { z } from 'zod';

export interface LogFile {
  /** A line for each request. */
  readonly requests?: boolean | undefined;
  /** Paths with their query, which may have secrets in it. */
  readonly query?: boolean | undefined;
}

export const logSchema: z.ZodType<LogFile> = z.strictObject({
  requests: z.boolean().optional(),
  query: z.boolean().optional(),
});
