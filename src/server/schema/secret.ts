import { z } from 'zod'
import { time } from './shared.ts'

export const secretSchema = z
  .object({
    name: z.string(),
    version: z.number().int().meta({ description: 'What the next deploy that names the service takes.' }),
    versions: z.array(z.object({ version: z.number().int(), created_at: time, revoked_at: time.optional() })),
  })
  .meta({ id: 'Secret', description: 'A secret without its value, which never comes out.' })

const value = z.string().min(1).max(65_536)

export const storeSecretBody = z.strictObject({ name: z.string().max(128), value }).meta({ id: 'StoreSecret' })
export const rotateSecretBody = z.strictObject({ value }).meta({ id: 'RotateSecret' })
