import { z } from 'zod'
import type { RouteTable } from '../router.ts'

const port = z.int().min(1).max(65_535)
const whole = z.int().min(0)

const endpoint = z.strictObject({
  replica: z.string().min(1),
  address: z.strictObject({ host: z.string().min(1), port }),
  state: z.enum(['serving', 'draining']),
})

const service = z.strictObject({
  port,
  hosts: z.array(
    z
      .string()
      .min(1)
      .max(253)
      .refine(host => host === host.toLowerCase(), 'a host is lower case'),
  ),
  // The characters of a cookie's name in RFC 6265.
  stickyCookie: z
    .string()
    .regex(/^[\w!#$%&'*+.^`|~-]+$/)
    .exactOptional(),
  revisions: z.record(z.string(), z.strictObject({ weight: whole.max(100), endpoints: z.array(endpoint) })),
})

/** A route table as it comes from the control plane or from disk: neither is trusted to be whole. */
export const routeTableSchema: z.ZodType<RouteTable> = z.strictObject({
  instanceId: z.string().min(1),
  storeId: z.string().min(1),
  epoch: whole,
  version: whole,
  services: z.record(z.string(), service),
})
